#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# cache.sh update|clean: forgets which kernel is the newest, or everything.

source "$(dirname "$0")/lib.sh"

case ${1:-} in
update)
	rm -rf "$CACHE"/version-*
	exec "$TOP/scripts/setup.sh" ;;
clean)
	need_root
	rm -rf --one-file-system "$CACHE" ;;
*)
	die "usage: cache.sh update|clean" ;;
esac
