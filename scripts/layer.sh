# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Layers: packages on top of the build root that only some targets need. The
# root stays small for those who want the module, and another package makes
# only its layer anew. Sourced.

layer_packages()
{
	case $1 in
	docs)	echo python3-sphinx ;;
	bench)	echo python3-matplotlib ;;
	tool)	echo cargo groff-base ;;
	deb)	echo cargo debhelper dh-dkms fakeroot git lintian ;;
	trace)	echo bpftrace ;;
	model)	echo spin tcc ;;
	load)	echo zstd ;;
	guest)	echo e2fsprogs mmdebstrap ;;
	mm-selftests)	echo libcap-dev libnuma-dev liburing-dev ;;
	*)	die "there is no layer '$1' in scripts/layer.sh" ;;
	esac
}

fill_layer()
{
	local dir=$1 packages

	mkdir -p "$dir/files" "$dir/work" "$dir/root"
	read -ra packages < <(layer_packages "$LAYER")
	need_space 1 "the layer '$LAYER'"
	logged "installing ${packages[*]}" env ROOT_LAYER="$dir" LAYER_WRITABLE=1 \
		"$TOP/scripts/in-root.sh" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "${packages[@]}"
	rm -rf "$dir/work"
}

# in_layer NAME COMMAND...: a command in the build root with a layer's packages.
in_layer()
{
	local dir

	LAYER=$1
	shift
	setup_root
	dir=$CACHE/layer-$LAYER-$(layer_packages "$LAYER" | cat - <(echo "$BUILD_ROOT") | hash_of -)
	[[ -e $dir/.complete ]] || cached "$dir" "Packages for '$LAYER'" fill_layer
	ROOT_LAYER=$dir in_root "$@"
}
