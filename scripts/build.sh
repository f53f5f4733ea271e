#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build.sh TARGET [VARIABLE=VALUE]...: runs a target of the Makefile in the
# build root, with KDIR the tree of the kernel flavour KERNEL.

source "$(dirname "$0")/lib.sh"

target=$1
shift
setup_root
setup_kernel "${KERNEL:-stock}"
# shellcheck disable=SC1091
source "$KERNEL_DIR/kernel.env"

variables=("KDIR=$KERNEL_BUILD" "MO=$ROOT_SRC/$(module_dir "${KERNEL:-stock}")"
	"BTF=$KERNEL_BTF" "SYSTEM_MAP=$KERNEL_SYSTEM_MAP")
[[ -z ${LINK:-} ]] || variables+=("LINK=$LINK")
if linked_at_load && [[ $target == @(modules|install) ]]; then
	# shellcheck source=scripts/rust-std.sh
	source "$TOP/scripts/rust-std.sh"
	build_module_link "$KERNEL_ARCH"
	variables+=("LOADER=$ROOT_SRC/$(module_link "$KERNEL_ARCH")")
fi
read -ra fixed <<<"$KERNEL_MAKE"

# Builds for several kernels run side by side.
build()
{
	with_lock "$TOP/$(module_dir "${KERNEL:-stock}").lock" in_root \
		make --no-print-directory -j"$JOBS" "${variables[@]}" "$@" "${fixed[@]}"
}

# INSTALL_MOD_PATH is a path of this machine, not of the build root.
install_module()
{
	local path=/ stage=build/install variable

	for variable in "$@"; do
		[[ $variable != INSTALL_MOD_PATH=* ]] || path=${variable#*=}
	done
	[[ $path != / || -d /lib/modules/$KERNEL_RELEASE ]] ||
		die "this machine does not have Linux $KERNEL_RELEASE: give INSTALL_MOD_PATH=, or KDIR= of the kernel it has"
	rm -rf "${TOP:?}/$stage"
	build install "$@" "INSTALL_MOD_PATH=$ROOT_SRC/$stage" DEPMOD=true
	mkdir -p "$path"
	cp -r "$TOP/$stage/." "$path"
	if command -v depmod >/dev/null; then
		depmod -b "$path" "$KERNEL_RELEASE"
	else
		note "this machine has no depmod: run 'depmod $KERNEL_RELEASE' where the module is used"
	fi
}

case $target in
install)
	install_module "$@" ;;
rust-analyzer)
	build "$target" "$@"
	# An editor runs outside the build root.
	sed -i -e "s|\"$ROOT_SRC/|\"$TOP/|g" -e "s|\"$ROOT_CACHE/|\"$CACHE/|g" \
		-e "s|\"/usr\([/\"]\)|\"$BUILD_ROOT/usr\1|g" "$TOP/rust-project.json" ;;
modules)
	build modules "$@" || {
		# A kernel of our own may lack an export, which modpost does not explain.
		[[ -z $KERNEL_MAKE ]] || "$TOP/scripts/exports.sh" check
		exit 1
	} ;;
*)
	build "$target" "$@" ;;
esac
