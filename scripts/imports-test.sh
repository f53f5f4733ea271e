#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# imports-test.sh: that imports.sh accepts a good tree and finds what is wrong in
# others.

source "$(dirname "$0")/lib.sh"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# good: makes a tree in which nothing is wrong
good()
{
	rm -rf "${tree:?}"/*
	mkdir "$tree"/{bindings,support,pgtable,hugetlb,mm,collapse,interface}
	echo 'pub(crate) mod pin;' >"$tree/mm/mod.rs"
	echo 'use crate::bindings::pin;' >"$tree/mm/pin.rs"
	echo '// use super::folio::Folio;' >>"$tree/mm/pin.rs"
	echo 'pub use kernel::bindings::*;' >"$tree/bindings/mod.rs"
	printf '%s\n' 'use super::{' '    pin::{' '        Pin,' '        Pins, //' '    },' '};' \
		>"$tree/mm/folio.rs"
	printf '%s\n' 'mod tests {' '    use super::*;' '    use super::super::pin::Pin;' '}' \
		>"$tree/mm/lru.rs"
}

# finds NAME: dies unless imports.sh complains of NAME and of nothing else
finds()
{
	local said

	! said=$("$TOP/scripts/imports.sh" "$tree") || die "imports.sh accepts a tree with: $1"
	[[ $(grep -c ^FAIL <<<"$said") == 1 && $said == *"FAIL $1: "* ]] ||
		die "imports.sh says of a tree with $1: $said"
}

good
said=$("$TOP/scripts/imports.sh" "$tree") || die "imports.sh refuses a good tree: $said"

# Two files import each other, the second where it is used.
echo 'fn put(_: super::folio::Folio) {}' >>"$tree/mm/pin.rs"
finds files

# Three do, one of them in the tests of a file.
good
echo 'use crate::{mm::{lru::Batch, pin::Pin as Pinned}};' >"$tree/mm/folio.rs"
printf '%s\n' 'mod tests {' '    use super::super::folio::{' '        self, //' '    };' '}' \
	>"$tree/mm/zone.rs"
printf '%s\n' 'use super::zone;' >>"$tree/mm/lru.rs"
finds files

good
echo 'use crate::interface::state::Interface;' >>"$tree/collapse/mod.rs"
touch "$tree/interface/state.rs"
finds collapse

good
echo 'pub(crate) use self::pin::Pin;' >>"$tree/mm/mod.rs"
finds faces

good
mkdir "$tree/attic"
finds attic
