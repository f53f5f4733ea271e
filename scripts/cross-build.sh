#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# cross-build.sh [ARCH]...: compiles the module for the architectures that it
# does not run on in a VM, each against a configured and prepared tree; no
# kernel is built. Prints a line for each:
#
#   ok ARCH: what was made
#   FAIL ARCH: the first error
#   skip ARCH: why Linux or Rust-for-Linux refuses it, in its own words

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/kernels/source.sh
source "$TOP/scripts/kernels/source.sh"

# Options that the module needs, or without which compiling it tests too little.
NEEDED=(RUST SHMEM TRANSPARENT_HUGEPAGE HUGETLB_PAGE MMU_NOTIFIER KUNIT)

# Rust-for-Linux wants a newer compiler for some architectures than the build
# root has. Backports have one; it stays in a directory of its own.
fill_rustc()
{
	need_space 2 "a newer rustc"
	# shellcheck disable=SC2016
	logged "fetching a newer rustc" root_apt "$1" bash -e -c '
		mkdir partial
		apt-get update
		apt-get install -y --download-only -o Dir::Cache::archives="$PWD" \
			-t "$1-backports" rustc rust-src
		for deb in *.deb; do
			dpkg-deb -x "$deb" .
		done
		rm -r partial ./*.deb' bash "$ROOT_SUITE"
}

# Sets RUSTC_DIR: where the root finds a rustc that is new enough for ARCH, or
# nothing if its own one is.
choose_rustc() # ARCH
{
	local minimum own

	RUSTC_DIR=
	minimum=$(in_root env ARCH="$1" SRCARCH="$1" \
		sh "$(in_cache "$SOURCE_DIR")/scripts/min-tool-version.sh" rustc)
	own=$(in_root rustc --version | cut -d ' ' -f 2)
	[[ $(printf '%s\n' "$minimum" "$own" | sort -V | head -n 1) != "$minimum" ]] || return 0
	RUSTC_DIR=$CACHE/rustc-$(hash_of "$BUILD_ROOT/etc/root-id")
	cached "$RUSTC_DIR" "A newer rustc (at least $minimum)" fill_rustc
	RUSTC_DIR=$(in_cache "$RUSTC_DIR")
}

# cross_make DIRECTORY ARGUMENT...: make in DIRECTORY for ARCH.
cross_make()
{
	local path=/usr/bin:/bin:/usr/sbin:/sbin libraries=

	if [[ -n $RUSTC_DIR ]]; then
		path=$RUSTC_DIR/usr/bin:$path
		libraries=$RUSTC_DIR/usr/lib/x86_64-linux-gnu
	fi
	in_root env PATH="$path" LD_LIBRARY_PATH="$libraries" \
		make --no-print-directory -j"$JOBS" -C "$@" ARCH="$ARCH" LLVM=1
}

# kernel_make BUILD ARGUMENT...: make in the source, for the tree BUILD.
kernel_make()
{
	local build=$1

	shift
	cross_make "$(in_cache "$SOURCE_DIR")" O="$build" "$@"
}

# Kconfig silently drops an option with an unmet dependency.
lost_options() # CONFIG
{
	{
		grep '^CONFIG_' "$TOP/scripts/kernels/cross-$ARCH.config"
		printf 'CONFIG_%s=y\n' "${NEEDED[@]}"
	} | grep -vFxf "$1" || true
}

# Leaves the file "refused" if Linux cannot be built with Rust for ARCH.
fill_cross()
{
	local dir=$1 build lost

	need_space 1 "the tree for $ARCH"
	build=$(in_cache "$dir")/build
	mkdir "$dir/build"
	cat "${CONFIGS[@]}" >"$dir/wanted.config"
	logged "configuring Linux for $ARCH" \
		kernel_make "$build" KCONFIG_ALLCONFIG="$(in_cache "$dir")/wanted.config" allnoconfig
	if ! kernel_make "$build" rustavailable >"$dir/rust.log" 2>&1; then
		sed -n 's/^\*\*\* *\(.\)/\1/p' "$dir/rust.log" | grep -v -i 'see\|set up' |
			tr -s '\n ' ' ' >"$dir/refused"
		return
	fi
	lost=$(lost_options "$dir/build/.config")
	[[ -z $lost ]] ||
		die "Linux $STOCK_VERSION refuses some options for $ARCH: give them what they depend on in scripts/kernels/cross-$ARCH.config, or take them out: ${lost//$'\n'/ }"
	note "compiling the Rust core for $ARCH takes a minute or two on 2 cores"
	# Nobody runs it, so that its objects need no optimization: modules are compiled
	# against what the compiler notes beside them.
	logged "preparing Linux for $ARCH" kernel_make "$build" KRUSTFLAGS=-Copt-level=0 modules_prepare
	# Every module is linked with this object, which only a full build makes.
	[[ $ARCH != powerpc ]] || logged "preparing Linux for $ARCH (library)" \
		kernel_make "$build" arch/powerpc/lib/crtsavres.o
	# Without a kernel there are no symbols; modpost warns that all are undefined.
	: >"$dir/build/Module.symvers"
}

# Prints the first error of a log, or its last line.
first_error() # LOG
{
	grep -m 1 -E '(^|[^a-z])error(\[E[0-9]+\])?:' "$1" || tail -n 1 "$1"
}

# cross_build ARCH: prints its line.
cross_build()
{
	ARCH=$1
	local tree objects=$TOP/build/cross-$ARCH log=$TOP/build/cross-$ARCH.log machine config

	kernel_row "$ARCH"
	CONFIGS=()
	for config in $FLAVOUR_CONFIGS; do
		CONFIGS+=("$TOP/scripts/kernels/$config.config")
	done
	choose_rustc "$ARCH"
	tree=$CACHE/cross-$ARCH-${STOCK_VERSION//[~:]/_}-$(hash_of "${CONFIGS[@]}" "$BUILD_ROOT/etc/root-id")
	cached "$tree" "Tree of Linux $STOCK_VERSION for $ARCH" fill_cross
	if [[ -e $tree/refused ]]; then
		echo "skip $ARCH: $(<"$tree/refused")"
		return
	fi
	mkdir -p "$objects"
	rm -f "$objects/shmem_collapse.ko"
	# Nobody runs it. The C code is optimized: the compiler sees more mistakes then.
	if ! cross_make "$(in_cache "$tree")/build" M="$ROOT_SRC" MO="$ROOT_SRC/build/cross-$ARCH" \
		KBUILD_MODPOST_WARN=1 KRUSTFLAGS="-Dwarnings -Copt-level=0" KCFLAGS=-Werror modules >"$log" 2>&1; then
		grep -vE '^WARNING: modpost' "$log" | tail -n 30 >&2
		echo "FAIL $ARCH: $(first_error "$log")"
		return
	fi
	machine=$(in_root llvm-readelf -h "$ROOT_SRC/build/cross-$ARCH/shmem_collapse.ko" |
		sed -nE 's/^ *(Class|Machine): *//p' | paste -sd ' ')
	echo "ok $ARCH: $machine"
}

cd "$TOP"
setup_root
source_setup
mapfile -t architectures < <(kernels cross)
(($#)) || set -- "${architectures[@]}"
mkdir -p "$TOP/build"
for arch; do
	strictly cross_build "$arch"
	((status == 0)) || echo "FAIL $arch: there is no tree to build against, see above"
done
