#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# htmldocs.sh: renders Documentation/ into build/htmldocs. A warning is an error.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/layer.sh
source "$TOP/scripts/layer.sh"

in_layer docs sphinx-build -W --keep-going -q -n -j "$JOBS" \
	-d build/htmldocs/.doctrees Documentation build/htmldocs
