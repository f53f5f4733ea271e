# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The command-line program's tests: sourced by test.sh.

# shellcheck source=scripts/layer.sh
source "$TOP/scripts/layer.sh"

TOOL_BUILD=build/tool${TOOL_ARCH:+-$TOOL_ARCH}

# Sets TOOL to the directory that has the static program.
build_tool()
{
	"$TOP/scripts/cargo.sh" build --bins --examples
	TOOL=$(cd "$TOP" && dirname "$TOOL_BUILD"/*/release/shmem-collapse)
}

# Cargo's verdicts as ours.
tool_unit_tests()
{
	local log=$TOP/build/tool-tests.log

	"$TOP/scripts/cargo.sh" test >"$log" 2>&1 || tail -n 40 "$log"
	awk '$1 == "test" && $3 == "..." {
		verdict = $4 == "ok" ? "pass" : $4 ~ /^ignored/ ? "skip" : "fail"
		printf "%s\t%s\t%s\n", verdict, $2, verdict == "pass" ? "" : $4
	}' "$log" >>"$RESULTS/$GROUP"
	grep -q '^pass.*::tests::' "$RESULTS/$GROUP" || fail "unit tests" "see $log"
}

# The kernel's own licence is that of the program: all that is linked in has to
# go with it.
tool_licenses()
{
	"$TOP/scripts/cargo.sh" metadata --format-version 1 --locked \
		--filter-platform x86_64-unknown-linux-gnu >"$TOP/build/tool-metadata.json" &&
		in_root python3 scripts/licenses.py <"$TOP/build/tool-metadata.json"
}

tool_is_static()
{
	! in_root readelf -l "$TOOL/shmem-collapse" | grep -q INTERP
}

tool_completions()
{
	in_root "$TOOL/shmem-collapse" completions bash >"$TOP/build/completions.bash" &&
		in_root bash -n build/completions.bash
}

tool_man_pages()
{
	local complaints

	mkdir -p "$TOP/build/man"
	in_root "$TOOL/shmem-collapse" man --directory build/man || return 1
	[[ -f $TOP/build/man/shmem-collapse-pid.1 ]] || return 1
	complaints=$(in_layer tool sh -c 'groff -man -Tutf8 -ww -z build/man/*.1 2>&1')
	[[ -z $complaints ]] || { echo "$complaints"; return 1; }
}

# Prometheus's own checker, without the rest of its package.
fill_promtool()
{
	logged "fetching promtool" root_apt "$1" bash -e -c '
		apt-get download promtool || { apt-get update && apt-get download promtool; }
		dpkg-deb --fsys-tarfile promtool_*.deb | tar -x ./usr/bin/promtool
		mv usr/bin/promtool .
		rm -r usr promtool_*.deb'
}

tool_metrics()
{
	local dir=$CACHE/promtool

	cached "$dir" "Checker of metrics" fill_promtool
	sed -n 's/^metrics: //p' "$TOP/build/output-tool.log" >"$TOP/build/metrics.prom"
	[[ -s $TOP/build/metrics.prom ]] &&
		in_root "$(in_cache "$dir")/promtool" check metrics <"$TOP/build/metrics.prom"
}

# The program against real processes, in the VM.
tool_in_vm()
{
	local status=0

	"$TOP/scripts/vm.sh" --name tool --kernel "$KERNEL_FLAVOUR" --timeout "${VM_TIMEOUT:-600}" \
		--module "$MODULE" --add scripts/guest/tool:/tool --add "$TOOL/shmem-collapse:/tool" \
		--add "$TOOL/examples/hold:/tool" -- "sh /tool/tool" || status=$?
	awk -v programs=tool -f "$TOP/scripts/tap.awk" "$TOP/build/output-tool.log" >>"$RESULTS/$GROUP"
	((status == 0)) || fail "VM" "status $status, see build/console-tool.log"
}

tool_group()
{
	if [[ $KERNEL_ARCH != x86_64 ]]; then
		skip "command-line program" "the build root compiles it for x86_64 only"
		return
	fi
	need_module
	check "rustfmt" "$TOP/scripts/cargo.sh" fmt --check
	check "clippy" "$TOP/scripts/cargo.sh" clippy --quiet --all-targets -- -D warnings
	tool_unit_tests
	check "licences" tool_licenses
	build_tool
	check "static" tool_is_static
	check "completions" tool_completions
	check "manual pages" tool_man_pages
	tool_in_vm
	check "metrics" tool_metrics
}

deb_group()
{
	check "packages" "$TOP/scripts/deb.sh"
}

# deb_test_group [ARCH]: without it, of the build root's.
deb_test_group()
{
	check "packages" "$TOP/scripts/deb.sh"
	(($# == 0)) || check "packages for $1" "$TOP/scripts/deb.sh" "$1"
	check "in a clean Debian" "$TOP/scripts/deb-test.sh" "$@"
}
