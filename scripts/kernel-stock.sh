# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The stock kernel: Debian's unpatched cloud kernel of the 7.3 series and a
# tree to build modules for it. Sourced by lib.sh; defines kernel_setup().
#
# What a kernel directory holds, whatever its flavour:
#   build/        prepared build tree: KDIR for external modules
#   modules/      lib/modules/RELEASE of the modules that a VM may need
#   vmlinuz       image to boot
#   System.map    the kernel's symbols, for klp-link; addresses may be missing
#   vmlinux.btf   ELF file with the kernel's BTF (not in build/: Kbuild would
#                 try to make BTF of our module from it)
#   kernel.env    the variables that the build and the VM need

KERNEL_SERIES=7.3
STOCK_FLAVOUR=cloud-amd64

# root_apt DIR COMMAND...: a command with network in the root, in DIR.
root_apt()
{
	local dir=$1

	shift
	cp -L /etc/resolv.conf "$BUILD_ROOT/etc/resolv.conf" 2>/dev/null || true
	in_root env -C "$ROOT_CACHE/${dir#"$CACHE"/}" "$@"
}

# Writes "ABI-VERSION PACKAGE-VERSION" of the newest kernel of the series whose
# source, headers and binary are all there at one version.
fill_version()
{
	local dir=$1 wanted=${KERNEL_VERSION:-$KERNEL_SERIES} found

	logged "reading the package lists" root_apt "$dir" apt-get update
	# shellcheck disable=SC2016
	found=$(root_apt "$dir" bash -c '
		pattern="^linux-headers-(${1//./\\.}[.+].*)-$2\$"
		apt-cache pkgnames linux-headers- | sed -nE "s/$pattern/\\1/p" | sort -rV |
		while read -r abi; do
			version=$(apt-cache show "linux-headers-$abi-$2" | sed -n "s/^Version: //p" | sort -V | tail -n 1)
			apt-cache show "linux-source-$3=$version" "linux-binary-$abi-$2=$version" \
				"linux-modules-$abi-$2=$version" >/dev/null 2>&1 || continue
			echo "$abi $version"
			break
		done' bash "$wanted" "$STOCK_FLAVOUR" "$KERNEL_SERIES")
	[[ -n $found ]] ||
		die "the mirror has no complete Linux $wanted ($STOCK_FLAVOUR) in $ROOT_SUITE-backports: set DEBIAN_MIRROR to one that still has it (a snapshot archive) and run 'make clean-cache'"
	echo "$found" >"$dir/version"
}

fill_source()
{
	local dir=$1

	need_space 4 "the kernel source"
	note "linux-source-$KERNEL_SERIES $STOCK_VERSION: 160 MB to fetch, 2 GB unpacked"
	logged "fetching the kernel source" \
		root_apt "$dir" apt-get download "linux-source-$KERNEL_SERIES=$STOCK_VERSION"
	# shellcheck disable=SC2016
	logged "unpacking the kernel source" root_apt "$dir" bash -e -o pipefail -c '
		dpkg-deb --fsys-tarfile linux-source-*.deb |
			tar -xO --wildcards "./usr/src/linux-source-*.tar.xz" |
			tar -xJ --strip-components=1
		rm linux-source-*.deb'
}

# Debian's System.map is empty, but the running kernel knows its symbols.
read_symbols() # DIR RDIR
{
	KERNEL_FLAVOUR=stock KERNEL_RDIR=$2 "$TOP/scripts/vm.sh" --name symbols --zram 0 -- \
		'grep -v "\[" /proc/kallsyms | cut -d " " -f 2- | gzip | base64' |
		base64 -d | gunzip | sed 's/^/0000000000000000 /' >"$1/System.map"
	grep -q ' T start_kernel$' "$1/System.map"
}

fill_stock()
{
	local dir=$1 abi=$STOCK_ABI
	local source=$ROOT_CACHE/${SOURCE_DIR#"$CACHE"/}
	local release=$abi-$STOCK_FLAVOUR
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
	END
	logged "reading the stock kernel's symbols" read_symbols "$dir" "$rdir"
}

kernel_setup()
{
	local resolved=$CACHE/version-${KERNEL_VERSION:-$KERNEL_SERIES}

	[[ ${KERNEL_VERSION:-$KERNEL_SERIES} == "$KERNEL_SERIES"* ]] ||
		die "KERNEL_VERSION must be a $KERNEL_SERIES version (like $KERNEL_SERIES.4), not '$KERNEL_VERSION'"
	cached "$resolved" "Newest Linux ${KERNEL_VERSION:-$KERNEL_SERIES} of Debian" fill_version
	read -r STOCK_ABI STOCK_VERSION <"$resolved/version"
	SOURCE_DIR=$CACHE/source-$STOCK_VERSION
	SOURCE_DIR=${SOURCE_DIR//[~:]/_}
	KERNEL_DIR=$CACHE/stock-$STOCK_ABI-$(hash_of "$TOP/scripts/kernel-stock.sh" "$BUILD_ROOT/etc/root-id")
	cached "$SOURCE_DIR" "Kernel source $STOCK_VERSION" fill_source
	cached "$KERNEL_DIR" "Stock kernel $STOCK_ABI-$STOCK_FLAVOUR" fill_stock
}
