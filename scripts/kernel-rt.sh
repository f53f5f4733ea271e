# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The flavour 'rt': Debian's PREEMPT_RT kernel. It has no huge pages, so the build
# refuses it. Sourced by lib.sh.

# shellcheck source=scripts/kernels/stock.sh
source "$TOP/scripts/kernels/stock.sh"

kernel_setup()
{
	stock_kernel_setup rt rt-amd64
}
