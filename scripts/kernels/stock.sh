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
# shellcheck source=scripts/kernels/arch.sh
source "$TOP/scripts/kernels/arch.sh"

# Debian's System.map is empty, but the running kernel knows its symbols.
read_symbols() # DIR RDIR
{
	KERNEL_FLAVOUR=$STOCK_NAME KERNEL_RDIR=$2 "$TOP/scripts/vm.sh" --kernel "$STOCK_NAME" \
		--name "symbols-$STOCK_NAME" --zram 0 -- \
		'grep -v "\[" /proc/kallsyms | cut -d " " -f 2- | gzip | base64' |
		base64 -d | gunzip | sed 's/^/0000000000000000 /' >"$1/System.map"
	grep -q ' T start_kernel$' "$1/System.map"
}

# Leaves the packages' parts in DIR. They are those of the root's architecture, or
# of another one with lists of its own.
fetch_stock() # DIR
{
	local release=$STOCK_ABI-$STOCK_DEBIAN

	if [[ -n $ARCH_DEBIAN ]]; then
		other_lists "$1" "$ARCH_DEBIAN" "$ROOT_SUITE-backports" || return
	fi
	# shellcheck disable=SC2016
	root_apt "$1" env ${ARCH_DEBIAN:+APT_CONFIG=apt/conf} bash -e -c '
		release=$1 version=$2 arch=$3
		apt-get download "linux-headers-$release$arch=$version" \
			"linux-binary-$release$arch=$version" "linux-modules-$release$arch=$version"
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
		rm -rf x apt *.deb' bash "$release" "$STOCK_VERSION" "${ARCH_DEBIAN:+:$ARCH_DEBIAN}"
}

# With Debian's own make variables the compiler is the same as theirs, and so must
# be the configuration. What a module does not need is left out: what makes BTF of
# it, and the vDSO for 32-bit programs, which wants another compiler.
prepare_stock() # RDIR SOURCE RELEASE
{
	# shellcheck disable=SC2016
	in_root bash -e -c '
		dir=$1 source=$2 release=$3 arch=$4
		version=$(make -s -C "$source" kernelversion)
		run() { make -C "$source" O="$dir/build" $arch LOCALVERSION="${release#"$version"}" "$@"; }
		run olddefconfig
		diff "$dir/config.debian" "$dir/build/.config"
		run -j"$JOBS" CONFIG_COMPAT_VDSO= CONFIG_DEBUG_INFO_BTF= modules_prepare
		grep -Fx "$release" "$dir/build/include/config/kernel.release"' \
		bash "$@" "${ARCH_DEBIAN:+ARCH=$STOCK_ARCH}"
}

# What the port of a VM's output needs, as far as the kernel has it as modules.
port_drivers() # DIR
{
	local name

	for name in virtio_pci virtio_console; do
		[[ -z $(find "$1/modules" -name "$name.ko*") ]] || printf '%s ' "$name"
	done
}

fill_stock()
{
	local dir=$1 source release=$STOCK_ABI-$STOCK_DEBIAN rdir link=load busybox=/bin/busybox

	source=$(in_cache "$SOURCE_DIR") rdir=$(in_cache "$dir")
	need_space 2 "the stock kernel"
	note "Linux $release: 40 MB to fetch, about 1.5 minutes to prepare"
	logged "fetching the stock kernel" fetch_stock "$dir"
	if [[ -n $ARCH_DEBIAN ]]; then
		logged "fetching busybox for $ARCH_DEBIAN" fetch_busybox "$dir" "$ARCH_DEBIAN"
		busybox=$rdir/busybox
	fi
	logged "preparing the stock kernel's build tree" prepare_stock "$rdir" "$source" "$release"
	! grep -q '^CONFIG_LIVEPATCH=y' "$dir/config.debian" || link=livepatch
	cat >"$dir/kernel.env" <<-END
		KERNEL_ARCH=$STOCK_ARCH
		KERNEL_RELEASE=$release
		KERNEL_SOURCE=$source
		KERNEL_BUILD=$rdir/build
		KERNEL_IMAGE=$rdir/vmlinuz
		KERNEL_BTF=$rdir/vmlinux.btf
		KERNEL_SYSTEM_MAP=$rdir/System.map
		KERNEL_MODULES=$rdir/modules
		KERNEL_DRIVERS="$(port_drivers "$dir")"
		KERNEL_SERIAL=virtio-serial-pci
		KERNEL_MAKE=
		KERNEL_CC=$ARCH_CC
		KERNEL_LINK=$link
		KERNEL_BUSYBOX=$busybox
	END
	logged "reading the stock kernel's symbols" read_symbols "$dir" "$rdir"
}

# stock_kernel_setup FLAVOUR DEBIAN-FLAVOUR
stock_kernel_setup()
{
	STOCK_NAME=$1 STOCK_DEBIAN=$2 STOCK_ARCH=x86_64
	[[ $2 != *arm64* ]] || STOCK_ARCH=arm64
	set_arch "$STOCK_ARCH"
	source_setup
	KERNEL_DIR=$CACHE/$STOCK_NAME-$STOCK_ABI-$(hash_of "$TOP/scripts/kernels/stock.sh" "$BUILD_ROOT/etc/root-id")
	cached "$KERNEL_DIR" "Stock kernel $STOCK_ABI-$STOCK_DEBIAN" fill_stock
}
