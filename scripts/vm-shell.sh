#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A shell in a VM that has the module loaded and the programs in /tests.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

setup_all
build_module >&2
logged "building the programs" build_programs
exec "$TOP/scripts/vm.sh" --shell --kernel "$KERNEL_FLAVOUR" --module "$MODULE" \
	--add "$PROGRAMS:/tests" -- \
	'echo "The module is loaded; programs are in /tests. exit or Ctrl-a x ends the VM."'
