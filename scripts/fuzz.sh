#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fuzz.sh [OPTION]...: boots KERNEL and sends it INPUTS inputs with fuzz_test.
# More options go to the program. See Documentation/mm/testing.rst.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

INPUTS=${INPUTS:-200000}
[[ $INPUTS =~ ^[0-9]+$ ]] || die "N= takes a whole number"

setup_all
build_module
build_programs
run_alone fuzz fuzz_test "${VM_TIMEOUT:-7200}" "--inputs $INPUTS $*"
