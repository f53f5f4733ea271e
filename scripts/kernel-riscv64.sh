# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The flavour 'riscv64': kernels/riscv64.config. Sourced by lib.sh.

# shellcheck source=scripts/kernels/own.sh
source "$TOP/scripts/kernels/own.sh"

kernel_setup()
{
	own_kernel_setup riscv64 riscv64
}
