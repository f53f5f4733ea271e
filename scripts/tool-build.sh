#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tool-build.sh: the command-line program, as build/shmem-collapse.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tool.sh
source "$TOP/scripts/tool.sh"

build_tool
cp "$TOP/$TOOL/shmem-collapse" "$TOP/build/shmem-collapse"
note "build/shmem-collapse: copy it to wherever it is used"
