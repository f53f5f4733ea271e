# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Rust programs for other machines than this one: the compiler is the build
# root's, the standard library comes from Debian's package of that architecture.
# Sourced.

# shellcheck source=scripts/kernels/source.sh
source "$TOP/scripts/kernels/source.sh"
# shellcheck source=scripts/kernels/arch.sh
source "$TOP/scripts/kernels/arch.sh"

fill_rust_std()
{
	other_lists "$1" "$RUST_DEBIAN" "$ROOT_SUITE" || return
	# shellcheck disable=SC2016
	root_apt "$1" env APT_CONFIG=apt/conf bash -e -c '
		version=$(dpkg-query -W -f "\${Version}" rustc)
		apt-get download "libstd-rust-dev:$1=$version"
		dpkg-deb -x libstd-rust-dev_*.deb .
		rm -r libstd-rust-dev_*.deb apt' bash "$RUST_DEBIAN"
}

# set_rust_target DEBIAN-ARCH: sets RUST_TARGET, and RUST_FLAGS to what rustc wants
# to make a static program for it. An empty name is the build root's own.
set_rust_target()
{
	local std

	RUST_DEBIAN=$1 RUST_FLAGS="-C target-feature=+crt-static"
	case $1 in
	'')
		RUST_TARGET=$(in_root rustc -vV | sed -n 's/^host: //p')
		return ;;
	arm64) RUST_TARGET=aarch64-unknown-linux-gnu RUST_FLAGS+=" -C linker=aarch64-linux-gnu-gcc" ;;
	*) die "nothing makes Rust programs for $1" ;;
	esac
	std=$CACHE/rust-std-$1-$(hash_of "$BUILD_ROOT/etc/root-id")
	cached "$std" "Rust's standard library for $1" fill_rust_std
	RUST_FLAGS+=" --sysroot $(in_cache "$std")/usr"
}

# build_module_link ARCH: the program that loads the module, static, as it runs from
# an initramfs and on any machine.
build_module_link()
{
	local out

	out=$(module_link "$1")
	set_arch "$1"
	set_rust_target "$ARCH_DEBIAN"
	in_root make --no-print-directory -C tools/module-link static \
		OUT="$ROOT_SRC/${out%/*}" RUSTFLAGS="--target $RUST_TARGET $RUST_FLAGS"
}
