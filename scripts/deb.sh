#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh: Debian packages of the module and the command-line program, in
# build/deb, looked over by lintian.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tool.sh
source "$TOP/scripts/tool.sh"

build_tool
rm -rf "$TOP/build/deb"
mkdir -p "$TOP/build/deb"
# A copy: the packages are built from what the repository has and no more, and
# everything but the checkout and /tmp is read-only there.
# shellcheck disable=SC2016
in_layer deb env "TOOL=$ROOT_SRC/$TOOL/shmem-collapse" bash -e -c '
	mkdir -p /tmp/deb/source
	git() { command git -c safe.directory=/src "$@"; }
	git ls-files -z --cached --others --exclude-standard |
		tar -c --null --files-from - | tar -x -C /tmp/deb/source
	cd /tmp/deb/source
	dpkg-buildpackage --build=binary --no-sign --no-pre-clean -rfakeroot
	mv ../*.deb /src/build/deb
	lintian --fail-on error,warning --no-tag-display-limit /src/build/deb/*.deb'
