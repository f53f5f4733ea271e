#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dkms-build.sh RELEASE HEADERS: what DKMS runs to build the module.
#
# Debian's headers lack what was compiled of the kernel's Rust code, which a
# module in Rust is compiled against. It depends on nothing but the source, the
# configuration and the compiler, so that it can be made again: once for each
# kernel, in /var/lib/shmem-collapse.

source "$(dirname "$0")/lib.sh"

(($# == 2)) || die "usage: dkms-build.sh RELEASE HEADERS"
release=$1 headers=$2
trees=/var/lib/shmem-collapse

option()
{
	sed -n "s/^CONFIG_$1=\"\\(.*\\)\"/\\1/p" "$headers/.config"
}

version_of()
{
	dpkg-query -W -f '${Version}' "$1" 2>/dev/null || true
}

check_compilers()
{
	local wanted found

	wanted=$(option RUSTC_VERSION_TEXT) found=$(rustc --version)
	[[ $wanted == "$found" ]] ||
		die "Linux $release was built with '$wanted' but this machine has '$found': install the rustc of the Debian release that the kernel is from"
	wanted=$(option BINDGEN_VERSION_TEXT) found=$(bindgen --version)
	[[ $wanted == "$found" ]] ||
		die "Linux $release was built with '$wanted' but this machine has '$found': install the bindgen of the Debian release that the kernel is from"
}

# Sets SOURCE to the archive of the very source that the kernel was built from.
find_source()
{
	local series wanted found

	series=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$release")
	SOURCE=/usr/src/linux-source-$series.tar.xz
	wanted=$(version_of "linux-headers-$release")
	found=$(version_of "linux-source-$series")
	[[ -n $wanted ]] ||
		die "Linux $release is not from a Debian package, so its source cannot be told: build its tree with Rust and run 'make KDIR=...' instead"
	[[ -f $SOURCE && $found == "$wanted" ]] ||
		die "the source of Linux $release is missing: run 'apt-get install linux-source-$series=$wanted' (there is ${found:-none}) and then 'dkms autoinstall'"
}

# What has to be there to prepare a tree: no drivers, whose headers alone are
# half of the source, and no documentation.
unpack()
{
	tar -xJf "$SOURCE" -C "$1" --strip-components=1 \
		--exclude='*/Documentation/*/*' --exclude='*/drivers/gpu/drm/*/*.h' \
		--exclude='*/drivers/*.[cS]' --exclude='*/sound/*.[cS]' \
		--exclude='*/fs/*/*.[cS]' --exclude='*/net/*/*.[cS]' \
		--exclude='*/tools/testing/*' --exclude='*/tools/perf/*'
}

prepare()
{
	local dir=$1 base

	rm -rf "$dir"
	mkdir -p "$dir/source" "$dir/build"
	unpack "$dir/source"
	cp "$headers"/{.config,.kernelvariables,Module.symvers} "$dir/build"
	base=$(make -s -C "$dir/source" kernelversion)
	run()
	{
		make -C "$dir/source" O="$dir/build" LOCALVERSION="${release#"$base"}" "$@"
	}
	run olddefconfig
	diff "$headers/.config" "$dir/build/.config" ||
		die "the compilers of this machine change the configuration of Linux $release (above): install what it was built with"
	# Not what makes BTF, nor what 32-bit programs need, which wants a compiler
	# of its own.
	run -j"$JOBS" CONFIG_COMPAT_VDSO= CONFIG_DEBUG_INFO_BTF= modules_prepare
	[[ $(<"$dir/build/include/config/kernel.release") == "$release" ]] ||
		die "what was prepared is not Linux $release"
	touch "$dir/.complete"
}

# Trees of kernels that are gone.
forget_others()
{
	local dir

	for dir in "$trees"/*; do
		[[ ! -d $dir || -d /lib/modules/${dir##*/} ]] || rm -rf "$dir"
	done
}

if [[ -f $headers/rust/libkernel.rmeta ]]; then
	kdir=$headers
else
	check_compilers
	find_source
	tree=$trees/$release
	version=$(version_of "linux-headers-$release")
	mkdir -p "$trees"
	forget_others
	if [[ ! -e $tree/.complete || $(cat "$tree/version" 2>/dev/null) != "$version" ]]; then
		echo "preparing $tree: some minutes, 1.5 GB"
		prepare "$tree"
		echo "$version" >"$tree/version"
	fi
	kdir=$tree/build
fi

variables=("KDIR=$kdir" "BTF=$headers/vmlinux")
# Which functions are static only the running kernel tells, of itself. Another
# one tells when it loads the module: it refuses names that are ambiguous.
if [[ $(uname -r) == "$release" ]]; then
	cp /proc/kallsyms "$TOP/kallsyms"
	variables+=("SYSTEM_MAP=$TOP/kallsyms")
fi
make -C "$TOP" --no-print-directory "${variables[@]}" -j"$JOBS" modules
