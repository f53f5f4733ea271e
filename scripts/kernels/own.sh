# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Kernels of our own: Debian's source with LLVM, a configuration from
# kernels/*.config and exports.patch, which exports to the module what it
# calls. Sourced by lib.sh. The build stays, so that another patch only costs a
# link.

# shellcheck source=scripts/kernels/source.sh
source "$TOP/scripts/kernels/source.sh"
# shellcheck source=scripts/kernels/arch.sh
source "$TOP/scripts/kernels/arch.sh"

EXPORTS_PATCH=$TOP/scripts/kernels/exports.patch

# own_make VARIABLE=VALUE... TARGET...: make in the kernel's build tree.
own_make()
{
	# shellcheck disable=SC2016
	in_root bash -e -c '
		source=$1 build=$2
		shift 2
		make -C "$source" O="$build" LLVM=1 -j"$JOBS" "$@"' bash \
		"$(in_cache "$PATCHED_DIR")" "$(in_cache "$KERNEL_DIR")/build" \
		ARCH="$OWN_ARCH" KBUILD_BUILD_TIMESTAMP=@0 "$@"
}

# A copy of the source that shares the files it does not change.
fill_patched()
{
	rm -rf "$1"
	cp -al "$SOURCE_DIR" "$1"
	rm -f "$1/.complete"
}

# Undoes the patch that is there, if it is another one, and applies ours.
patch_source()
{
	local file

	! cmp -s "$EXPORTS_PATCH" "$PATCHED_DIR/.exports.patch" || return 0
	while read -r file; do
		rm -f "$PATCHED_DIR/$file"
		[[ ! -f $SOURCE_DIR/$file ]] || cp -p "$SOURCE_DIR/$file" "$PATCHED_DIR/$file"
	done < <(sed -n 's,^+++ b/,,p' "$EXPORTS_PATCH")
	rm -f "$PATCHED_DIR/.exports.patch"
	logged "applying exports.patch" in_root patch --batch --forward -p1 \
		-d "$(in_cache "$PATCHED_DIR")" -i "$ROOT_SRC/scripts/kernels/exports.patch"
	cp "$EXPORTS_PATCH" "$PATCHED_DIR/.exports.patch"
}

# Merges the files: the last assignment of each option, in the order of the first.
wanted_config()
{
	awk '/^CONFIG_/ { option = $1; sub(/=.*/, "", option) }
		/^# CONFIG_.* is not set$/ { option = $2 }
		option != "" {
			if (!(option in last))
				order[++n] = option
			last[option] = $0
			option = ""
		}
		END { for (i = 1; i <= n; i++) print last[order[i]] }' "${OWN_CONFIG[@]}"
}

# Kconfig silently drops an option with an unmet dependency.
check_config()
{
	local lost

	lost=$(grep '^CONFIG_' "$1/wanted.config" | grep -vFxf "$1/build/.config" || true)
	[[ -z $lost ]] ||
		die "Linux $STOCK_VERSION refuses some options of the '$OWN_FLAVOUR' kernel: give them what they depend on in ${OWN_CONFIG[-1]#"$TOP"/}, or take them out: ${lost//$'\n'/ }"
}

fill_own()
{
	local dir=$1

	need_space 3 "the '$OWN_FLAVOUR' kernel"
	mkdir -p "$dir/build" "$dir/modules/lib/modules"
	wanted_config >"$dir/wanted.config"
	logged "configuring the $OWN_FLAVOUR kernel" \
		own_make KCONFIG_ALLCONFIG="$(in_cache "$dir")/wanted.config" allnoconfig
	check_config "$dir"
	[[ -z $ARCH_DEBIAN ]] ||
		logged "fetching busybox for $ARCH_DEBIAN" fetch_busybox "$dir" "$ARCH_DEBIAN"
	note "compiling Linux $STOCK_VERSION for $OWN_ARCH takes 5 to 10 minutes on 2 cores"
	own_build "$dir"
}

own_build()
{
	with_lock "$(lock_of "$PATCHED_DIR")" patch_source
	logged "building the $OWN_FLAVOUR kernel" own_make "$ARCH_IMAGE" modules
	write_env "$1"
	cp "$PATCHED_DIR/.exports.patch" "$1/exports.patch"
}

write_env()
{
	local rdir busybox=/bin/busybox

	rdir=$(in_cache "$1")
	[[ -z $ARCH_DEBIAN ]] || busybox=$rdir/busybox
	cat >"$1/kernel.env" <<-END
		KERNEL_ARCH=$OWN_ARCH
		KERNEL_RELEASE=$(<"$1/build/include/config/kernel.release")
		KERNEL_SOURCE=$(in_cache "$SOURCE_DIR")
		KERNEL_BUILD=$rdir/build
		KERNEL_IMAGE=$rdir/build/$ARCH_FILE
		KERNEL_BTF=
		KERNEL_SYSTEM_MAP=$rdir/build/System.map
		KERNEL_MODULES=$rdir/modules
		KERNEL_MAKE='ARCH=$OWN_ARCH LLVM=1'
		KERNEL_CC=$ARCH_CC
		KERNEL_BUSYBOX=$busybox
	END
}

exports_current()
{
	cmp -s "$EXPORTS_PATCH" "$1/exports.patch"
}

# Builds an existing kernel again if it was built with another patch.
update_exports()
{
	! exports_current "$1" || return 0
	step_begin "Exports of the '$OWN_FLAVOUR' kernel"
	own_build "$1"
	step_end
}

# own_kernel_setup FLAVOUR ARCH. The build has the name of the last file of its
# configuration.
own_kernel_setup()
{
	local config

	OWN_FLAVOUR=${FLAVOUR_CONFIGS##* } OWN_ARCH=$2
	set_arch "$2"
	OWN_CONFIG=()
	for config in $FLAVOUR_CONFIGS; do
		OWN_CONFIG+=("$TOP/scripts/kernels/$config.config")
	done
	source_setup
	PATCHED_DIR=$SOURCE_DIR-exports
	KERNEL_DIR=$CACHE/$OWN_FLAVOUR-${STOCK_VERSION//[~:]/_}-$(hash_of "${OWN_CONFIG[@]}" "$BUILD_ROOT/etc/root-id")
	cached "$PATCHED_DIR" "Kernel source to patch" fill_patched
	cached "$KERNEL_DIR" "Kernel '$1'" fill_own
	exports_current "$KERNEL_DIR" ||
		with_lock "$(lock_of "$KERNEL_DIR")" update_exports "$KERNEL_DIR"
}
