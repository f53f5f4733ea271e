#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# litmus.sh [NAME]...: runs the litmus tests of Documentation/mm/litmus/ with
# herd7 and the kernel's memory model (tools/memory-model in its source). Each says
# in a line "Result: Never" or "Result: Sometimes" what must come out. Prints
#
#   ok NAME: the result
#   FAIL NAME: what came out instead
#   skip litmus tests: why herd7 cannot be had
#
# and "N passed, N failed" last.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/kernels/source.sh
source "$TOP/scripts/kernels/source.sh"

LITMUS=$TOP/Documentation/mm/litmus

# herd7 is in Debian's unstable only, and wants a newer C library than the build
# root has. So they are unpacked next to each other, and its own linker starts it.
fill_herd()
{
	local dir=$1

	need_space 1 "herd7"
	note "herd7 from Debian's unstable: 60 MB to fetch"
	logged "reading the package lists of unstable" other_lists "$dir" amd64 sid
	# shellcheck disable=SC2016
	logged "fetching herd7" root_apt "$dir" bash -e -c '
		APT_CONFIG=apt/conf apt-get download herdtools7 libc6 libgmp10
		for deb in *.deb; do
			dpkg-deb -x "$deb" .
		done
		rm -r apt ./*.deb
		find . -name "ld-linux-x86-64.so.2" -type f | grep -q .'
}

# herd FILE: in the root, where the model's files are.
herd()
{
	local dir

	dir=$(in_cache "$HERD")
	in_root env -C "$(in_cache "$SOURCE_DIR")/tools/memory-model" \
		"$dir/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \
		--library-path "$dir/usr/lib/x86_64-linux-gnu" "$dir/usr/bin/herd7" \
		-set-libdir "$dir/usr/share/herdtools7/herd" -conf linux-kernel.cfg "$1"
}

check_one()
{
	local name=$1 expected found log=$TOP/build/litmus/$1.log

	expected=$(sed -nE 's/^ \* Result: (Never|Sometimes)$/\1/p' "$LITMUS/$name.litmus")
	if [[ -z $expected ]]; then
		echo "FAIL $name: does not say what must come out"
		return
	fi
	herd "$ROOT_SRC/Documentation/mm/litmus/$name.litmus" >"$log" 2>&1 || true
	found=$(sed -nE "s/^Observation [^ ]+ ([A-Z][a-z]+) .*/\1/p" "$log")
	if [[ $found == "$expected" ]]; then
		echo "ok $name: $found"
	else
		echo "FAIL $name: $expected is expected, found is '${found:-an error}', see build/litmus/$name.log"
	fi
}

mkdir -p "$TOP/build/litmus"
setup_root
source_setup
HERD=$CACHE/herd-$(hash_of <(declare -f fill_herd; echo "$BUILD_ROOT"))
strictly cached "$HERD" "herd7" fill_herd
if ((status != 0)); then
	echo "skip litmus tests: herd7 cannot be fetched from Debian's unstable, see above"
	echo "0 passed, 0 failed, 1 skipped"
	exit
fi
(($#)) || mapfile -t tests < <(cd "$LITMUS" && ls -- *.litmus)
for name in "${@:-${tests[@]}}"; do
	check_one "${name%.litmus}"
done | tee "$TOP/build/litmus/verdicts"
passed=$(grep -c '^ok' "$TOP/build/litmus/verdicts" || true)
failed=$(grep -c '^FAIL' "$TOP/build/litmus/verdicts" || true)
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0 && passed > 0))
