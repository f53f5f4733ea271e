# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Debian bookworm's Linux 6.1, whose collapse takes the mmap lock for writing:
# what the benchmark compares with. It is booted only, nothing is built for it.
# Sourced by lib.sh; defines bookworm_kernel_setup().

# shellcheck source=scripts/kernels/source.sh
source "$TOP/scripts/kernels/source.sh"

fill_bookworm()
{
	local dir=$1
	local rdir=$ROOT_CACHE/${dir#"$CACHE"/}

	need_space 1 "Debian bookworm's kernel"
	note "linux-image-cloud-amd64 of bookworm: 27 MB to fetch"
	logged "reading the package lists of bookworm" other_lists "$dir" amd64 bookworm
	# shellcheck disable=SC2016
	logged "fetching the kernel of bookworm" root_apt "$dir" env APT_CONFIG=apt/conf bash -e -c '
		image=$(apt-cache depends linux-image-cloud-amd64 |
			sed -nE "s/.*Depends: (linux-image-6\.1\..*)/\1/p" | head -n 1)
		apt-get download "$image"
		dpkg-deb -x linux-image-*.deb x
		release=${image#linux-image-}
		mv "x/boot/vmlinuz-$release" vmlinuz
		mkdir -p modules/lib/modules
		mv "x/lib/modules/$release" modules/lib/modules
		depmod -b modules "$release"
		echo "$release" >release
		rm -rf x apt ./*.deb'
	cat >"$dir/kernel.env" <<-END
		KERNEL_ARCH=x86_64
		KERNEL_RELEASE=$(<"$dir/release")
		KERNEL_IMAGE=$rdir/vmlinuz
		KERNEL_MODULES=$rdir/modules
		KERNEL_DRIVERS="virtio_pci virtio_console"
		KERNEL_BUSYBOX=/bin/busybox
	END
}

bookworm_kernel_setup()
{
	KERNEL_DIR=$CACHE/bookworm-$(hash_of "$TOP/scripts/kernels/bookworm.sh" "$BUILD_ROOT/etc/root-id")
	cached "$KERNEL_DIR" "Debian bookworm's kernel" fill_bookworm
}
