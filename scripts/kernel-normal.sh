# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The flavour 'normal': Debian's kernel for PCs and servers.
# Sourced by lib.sh.

# shellcheck source=scripts/kernels/stock.sh
source "$TOP/scripts/kernels/stock.sh"

kernel_setup()
{
	stock_kernel_setup normal amd64
}
