# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The flavour 'stock': Debian's kernel for virtual machines.
# Sourced by lib.sh.

# shellcheck source=scripts/kernels/stock.sh
source "$TOP/scripts/kernels/stock.sh"

kernel_setup()
{
	stock_kernel_setup stock "$STOCK_FLAVOUR"
}
