# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Stock kernels: Debian's unpatched ones of the series, and trees to build
# modules for them. Sourced by the flavours.
#
# What a kernel directory holds, whatever its flavour:
#   build/        prepared build tree: KDIR for external modules
#   modules/      lib/modules/RELEASE of the modules that a VM may need
#   vmlinuz       image to boot
#   System.map    the kernel's symbols, for module-link; addresses may be missing
#   vmlinux.btf   ELF file with the kernel's BTF (not in build/: Kbuild would
#                 try to make BTF of our module from it)
#   busybox       the guest's shell, if not that of the build root
#   kernel.env    the variables that the build and the VM need

# shellcheck source=scripts/kernels/source.sh
source "$TOP/scripts/kernels/source.sh"

# Debian's System.map is empty, but the running kernel knows its symbols.
read_symbols() # DIR RDIR
{
	KERNEL_FLAVOUR=$STOCK_NAME KERNEL_RDIR=$2 "$TOP/scripts/vm.sh" --kernel "$STOCK_NAME" \
		--name "symbols-$STOCK_NAME" --zram 0 -- \
		'grep -v "\[" /proc/kallsyms | cut -d " " -f 2- | gzip | base64' |
		base64 -d | gunzip | sed 's/^/0000000000000000 /' >"$1/System.map"
	grep -q ' T start_kernel$' "$1/System.map"
}

fill_stock()
{
	local dir=$1 abi=$STOCK_ABI
	local source=$ROOT_CACHE/${SOURCE_DIR#"$CACHE"/}
	local release=$abi-$STOCK_DEBIAN
	local rdir=$ROOT_CACHE/${dir#"$CACHE"/}

	need_space 2 "the stock kernel"
	note "Linux $release: 40 MB to fetch, about 1.5 minutes to prepare"
	logged "fetching the stock kernel" root_apt "$dir" apt-get download \
		"linux-headers-$release=$STOCK_VERSION" \
		"linux-binary-$release=$STOCK_VERSION" \
		"linux-modules-$release=$STOCK_VERSION"
	# shellcheck disable=SC2016
	logged "unpacking the stock kernel" root_apt "$dir" bash -e -c '
		release=$1
		mkdir x build
		for deb in *.deb; do
			dpkg-deb -x "$deb" x
		done
		headers=x/usr/src/linux-headers-$release
		cp "$headers"/.config "$headers"/.kernelvariables "$headers"/Module.symvers build
		cp build/.config config.debian
		mv "$headers"/vmlinux vmlinux.btf
		mv x/usr/lib/modules/"$release"/vmlinuz vmlinuz
		mkdir -p modules/lib/modules
		mv x/usr/lib/modules/"$release" modules/lib/modules
		depmod -b modules "$release"
		rm -rf x *.deb' bash "$release"
	# With Debian's own make variables the compiler is the same as theirs, and
	# so must be the configuration.
	# shellcheck disable=SC2016
	logged "preparing the stock kernel's build tree" in_root bash -e -c '
		dir=$1 source=$2 release=$3
		version=$(make -s -C "$source" kernelversion)
		run() { make -C "$source" O="$dir/build" LOCALVERSION="${release#"$version"}" "$@"; }
		run olddefconfig
		diff "$dir/config.debian" "$dir/build/.config"
		run -j"$JOBS" modules_prepare
		grep -Fx "$release" "$dir/build/include/config/kernel.release"' \
		bash "$rdir" "$source" "$release"
	cat >"$dir/kernel.env" <<-END
		KERNEL_ARCH=x86_64
		KERNEL_RELEASE=$release
		KERNEL_SOURCE=$source
		KERNEL_BUILD=$rdir/build
		KERNEL_IMAGE=$rdir/vmlinuz
		KERNEL_BTF=$rdir/vmlinux.btf
		KERNEL_SYSTEM_MAP=$rdir/System.map
		KERNEL_MODULES=$rdir/modules
		KERNEL_CMDLINE=
		KERNEL_MAKE=
		KERNEL_CC=gcc
		KERNEL_BUSYBOX=/bin/busybox
	END
	logged "reading the stock kernel's symbols" read_symbols "$dir" "$rdir"
}

# stock_kernel_setup FLAVOUR DEBIAN-FLAVOUR
stock_kernel_setup()
{
	STOCK_NAME=$1 STOCK_DEBIAN=$2
	source_setup
	KERNEL_DIR=$CACHE/$STOCK_NAME-$STOCK_ABI-$(hash_of "$TOP/scripts/kernels/stock.sh" "$BUILD_ROOT/etc/root-id")
	cached "$KERNEL_DIR" "Stock kernel $STOCK_ABI-$STOCK_DEBIAN" fill_stock
}
