#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures the kernel's own collapse and ours in VMs, writes build/bench.csv,
# prints each ratio with the bar it has to reach and exits with 1 if one is
# missed. A quiet machine is needed: what else runs is in the figures.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

CSV=$TOP/build/bench.csv
ALL_GROUPS='times access'

usage()
{
	cat <<-END
	usage: bench.sh [--quick|--instructions] [GROUP...]
	  --quick         few rounds, nothing but extents and accesses on the newest kernel
	  --instructions  nothing but instructions per extent, which do not depend on other load
	GROUP: $ALL_GROUPS (default: all)
	END
}

# What the program says: its progress on one line, its figures into the table.
# measure NAME FLAVOUR BENCH-ARGUMENT...
measure()
{
	local name=$1 flavour=$2 line status=0
	local module=(--module "$MODULE")

	shift 2
	[[ $flavour == stock ]] || module=()
	set +e
	"$TOP/scripts/vm.sh" --name "$name" --kernel "$flavour" --timeout "${VM_TIMEOUT:-900}" --zram 0 \
		"${module[@]}" --add "$PROGRAMS/bench:/tests" -- "/tests/bench $*" |
		while IFS= read -r line; do
			case $line in
			csv\ *) echo "${line#csv }" >>"$CSV" ;;
			progress\ *) show "$name: ${line#progress }" ;;
			*) echo "$line" >&2 ;;
			esac
		done
	status=${PIPESTATUS[0]}
	set -e
	[[ ! -t 2 ]] || printf '\r\e[K' >&2
	((status == 0)) || die "the benchmark ended with status $status: see build/console-$name.log"
}

show()
{
	if [[ -t 2 ]]; then
		printf '\r\e[K    %4d s  %s' "$(($(date +%s) - STEP_START))" "$*" >&2
	else
		printf '    %4d s  %s\n' "$(($(date +%s) - STEP_START))" "$*" >&2
	fi
}

# Time that passes with the instructions executed: no two runs differ by more
# than some interrupts.
measure_instructions()
{
	step_begin "Linux $KERNEL_RELEASE: instructions"
	VM_CPUS=1 VM_ACCEL='tcg,thread=single' \
		VM_QEMU='-icount shift=1,sleep=off -seed 1 -rtc base=2026-01-01,clock=vm' \
		VM_APPEND='nokaslr tsc=reliable clocksource=tsc' \
		measure instructions stock -r 3 instructions
	step_end
}

measure_times()
{
	step_begin "Linux $KERNEL_RELEASE: both engines by turns"
	# The guest's memory first: a page that the host has yet to find costs
	# more than what is measured.
	VM_QEMU='-mem-prealloc' measure bench stock -r "$rounds" "$@"
	step_end
}

rounds=9 what=all
while (($#)); do
	case $1 in
	--quick) what=quick rounds=3 ;;
	--instructions) what=instructions ;;
	--help) usage; exit ;;
	-*) usage >&2; exit 2 ;;
	*) break ;;
	esac
	shift
done
groups=${*:-$ALL_GROUPS}

setup_all
step_begin "Module and programs for Linux $KERNEL_RELEASE"
build_module >&2
logged "building the benchmark" build_programs
step_end
mkdir -p "$TOP/build"
echo "kernel,engine,mappers,metric,unit,value,rounds" >"$CSV"
[[ $what == instructions ]] || measure_times "$groups"
[[ $what == quick ]] || measure_instructions
in_root python3 -B scripts/bench/report.py build/bench.csv
