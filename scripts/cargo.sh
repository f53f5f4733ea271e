#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# cargo.sh SUBCOMMAND [ARGUMENT]...: cargo in the build root, for the
# command-line program. What it is made of comes from the registry that this
# machine's cargo uses and is compiled once for all checkouts. With TOOL_ARCH,
# Debian's name of another architecture, the program is made for that.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/layer.sh
source "$TOP/scripts/layer.sh"
# shellcheck source=scripts/rust-std.sh
source "$TOP/scripts/rust-std.sh"

PROJECT=tools/shmem-collapse
HOME_DIR=$CACHE/cargo
TARGET_DIR=build/tool${TOOL_ARCH:+-$TOOL_ARCH}

# Settings of this machine that hold in the root as well.
carry_settings()
{
	local name config certificates

	mkdir -p "$HOME_DIR"
	rm -f "$HOME_DIR"/config.toml
	for config in "${CARGO_HOME:-$HOME/.cargo}"/config{,.toml}; do
		[[ ! -f $config ]] || cp "$config" "$HOME_DIR/config.toml"
	done
	SETTINGS=("CARGO_HOME=$(in_cache "$HOME_DIR")" "CARGO_TERM_COLOR=never")
	while read -r name; do
		SETTINGS+=("$name=${!name}")
	done < <(compgen -e | grep -E '^(CARGO_(HTTP|NET|REGISTR|SOURCE).*|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY)$')
	# A network that looks into TLS has a certificate authority of its own.
	certificates=${CARGO_HTTP_CAINFO:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
	if [[ -f $certificates ]]; then
		cp -L "$certificates" "$HOME_DIR/certificates.pem"
		SETTINGS+=("CARGO_HTTP_CAINFO=$(in_cache "$HOME_DIR/certificates.pem")")
	fi
	cp -L /etc/resolv.conf "$BUILD_ROOT/etc/resolv.conf" 2>/dev/null || true
}

# run_cargo DIRECTORY TARGET_DIRECTORY SUBCOMMAND [ARGUMENT]...
run_cargo()
{
	local directory=$1 target=$2 subcommand=$3 build=()

	shift 3
	case $subcommand in
	build | clippy | test)
		# The host's triple is named as well, because flags for it would else
		# hold for procedural macros, too, which cannot be static.
		build=(--release --locked --target "$RUST_TARGET") ;;
	esac
	in_layer tool env -C "$directory" "${SETTINGS[@]}" CARGO_TARGET_DIR="$target" \
		RUSTFLAGS="$RUST_FLAGS" \
		cargo "$subcommand" "${build[@]}" "$@"
}

# All crates that the program depends on, compiled for an empty one.
fill_dependencies()
{
	local dir=$1 rdir

	rdir=$(in_cache "$dir")
	mkdir -p "$dir/project/src"
	cp "$TOP/$PROJECT"/Cargo.{toml,lock} "$dir/project"
	# Under its own name, cargo would later take it for the program.
	sed -i 's/^name = "shmem-collapse"/name = "dependencies"/' "$dir/project"/Cargo.{toml,lock}
	echo 'fn main() {}' >"$dir/project/src/main.rs"
	note "about half a minute"
	logged "fetching what the program is made of" run_cargo "$rdir/project" "$rdir/target" fetch --locked
	if [[ -z ${TOOL_ARCH:-} ]]; then
		logged "compiling what the program is made of" run_cargo "$rdir/project" "$rdir/target" test --no-run
		logged "checking what the program is made of" run_cargo "$rdir/project" "$rdir/target" clippy --all-targets
	else
		# It is built only: nothing runs its tests here.
		logged "compiling what the program is made of for $TOOL_ARCH" \
			run_cargo "$rdir/project" "$rdir/target" build
	fi
	rm -r "$dir/project"
}

setup_dependencies()
{
	local dir

	dir=$CACHE/cargo-$(hash_of "$TOP/$PROJECT"/Cargo.{toml,lock} "$TOP/scripts/cargo.sh" "$BUILD_ROOT/etc/root-id" - <<<"${TOOL_ARCH:-}")
	cached "$dir" "Crates for the command-line program" fill_dependencies
	if [[ $(cat "$TOP/$TARGET_DIR/.from" 2>/dev/null) != "$dir" ]]; then
		rm -rf "${TOP:?}/$TARGET_DIR"
		mkdir -p "$TOP/build"
		cp -a "$dir/target" "$TOP/$TARGET_DIR"
		echo "$dir" >"$TOP/$TARGET_DIR/.from"
	fi
}

setup_root
set_rust_target "${TOOL_ARCH:-}"
carry_settings
with_lock "$CACHE/locks/cargo" setup_dependencies
run_cargo "$ROOT_SRC/$PROJECT" "$ROOT_SRC/$TARGET_DIR" "$@"
