#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh [ARCH]: Debian packages of the module and the command-line program, in
# build/deb, looked over by lintian. For another architecture, which Debian calls
# ARCH, that of the program only, in build/deb-ARCH: the module's is for all.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tool.sh
source "$TOP/scripts/tool.sh"

# shellcheck source=scripts/rust-std.sh
source "$TOP/scripts/rust-std.sh"

setup_root
build_tool
build_module_link x86_64
variables=("NATIVE_TOOL=$ROOT_SRC/$TOOL/shmem-collapse" "MODULE_LINK=$ROOT_SRC/$(module_link x86_64)")
options=(--build=binary) folder=build/deb
if (($#)); then
	export TOOL_ARCH=$1
	TOOL_BUILD=build/tool-$1 folder=build/deb-$1
	options=(--build=any "--host-arch=$1" --no-check-builddeps)
	build_tool
	build_module_link "$1"
	variables[1]="MODULE_LINK=$ROOT_SRC/$(module_link "$1")"
fi
rm -rf "${TOP:?}/$folder"
mkdir -p "$TOP/$folder"
# A copy: the packages are built from what the repository has and no more, and
# everything but the checkout and /tmp is read-only there.
# shellcheck disable=SC2016
in_layer deb env "TOOL=$ROOT_SRC/$TOOL/shmem-collapse" "${variables[@]}" bash -e -c '
	packages=/src/$1
	shift
	mkdir -p /tmp/deb/source
	git() { command git -c safe.directory=/src "$@"; }
	git ls-files -z --cached --others --exclude-standard |
		tar -c --null --files-from - | tar -x -C /tmp/deb/source
	cd /tmp/deb/source
	dpkg-buildpackage "$@" --no-sign --no-pre-clean -rfakeroot
	mv ../*.deb "$packages"
	lintian --fail-on error,warning --no-tag-display-limit "$packages"/*.deb' \
	bash "$folder" "${options[@]}"
