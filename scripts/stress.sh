#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# stress.sh [OPTION]...: boots KERNEL with two memory nodes and runs stress_test
# in it, for DURATION seconds. More options go to the program. See
# Documentation/mm/testing.rst.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

DURATION=${DURATION:-300}
[[ $DURATION =~ ^[0-9]+$ ]] || die "SECONDS= and HOURS= take whole numbers"

setup_all
build_module
build_programs

# Two nodes: of QEMU's making where the kernel has ACPI, else of the kernel's own.
if [[ $KERNEL_FLAVOUR == @(stock|normal) ]]; then
	export VM_QEMU="-object memory-backend-ram,id=m0,size=2G -object memory-backend-ram,id=m1,size=2G \
		-numa node,cpus=0,memdev=m0 -numa node,cpus=1,memdev=m1 ${VM_QEMU:-}"
else
	export VM_APPEND="numa=fake=2 ${VM_APPEND:-}"
fi
export VM_MEMORY=4G
# The end takes a while: processes exit, everything is checked and collapsed.
run_alone stress stress_test $((DURATION + 1200)) "--seconds $DURATION $*"
