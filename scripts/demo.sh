#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration, from nothing: set-up, build, boot, before and after.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

setup_all
step_begin "Module for Linux $KERNEL_RELEASE"
build_module >&2
step_end
step_begin "Demonstration program"
logged "building the demonstration" build_programs demo
step_end
step_begin "Linux $KERNEL_RELEASE in QEMU: loads the module, runs the demonstration"
# The guest's memory first: a page that the host has yet to find costs more than
# what is measured.
export VM_QEMU="${VM_QEMU:--mem-prealloc}"
limit=240
# An emulator takes many minutes for extents of 32 MiB.
[[ $KERNEL_FLAVOUR != 16k-* ]] || limit=1800
run_with_module demo "${VM_TIMEOUT:-$limit}" demo "SC_BRIEF=${BRIEF:-} /tests/demo"
tail -n 1 "$TOP/build/output-demo.log" | grep -q '^demo: [0-9]' ||
	die "the demonstration ended without its last line: see build/output-demo.log"
