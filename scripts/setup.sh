#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# setup.sh [FLAVOUR]: makes what builds and VMs need: the build root and a kernel.

source "$(dirname "$0")/lib.sh"

setup_root
setup_kernel "${1:-stock}"
