#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures the kernel's own collapse and ours in VMs, writes build/bench.csv,
# prints each ratio with its bar and exits with 1 if a ratio misses it. It needs a
# quiet machine: whatever else runs changes the figures.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"
# shellcheck source=scripts/layer.sh
source "$TOP/scripts/layer.sh"

CSV=$TOP/build/bench.csv
PAGES=Documentation/benchmarks
ROUNDS=13
ALL_GROUPS='times access busy elsewhere events memory hopeless workers'

usage()
{
	cat <<-END
	usage: bench.sh [--quick|--times|--instructions|--functions] [GROUP...]
	  --quick         few rounds of 'times' and 'access' on the newest kernel only
	  --times         nothing but the newest kernel's times
	  --instructions  nothing but its instructions, which do not depend on other load
	  --functions     nothing but which functions execute them
	GROUP: $ALL_GROUPS (default: all)
	Everything, without an option, also writes table and plots to $PAGES.
	END
}

# Runs the program, shows its progress on one line and appends its figures to the
# table. measure NAME FLAVOUR BENCH-ARGUMENT...
measure()
{
	local name=$1 flavour=$2 line status=0
	local module=(--module "$MODULE")

	shift 2
	[[ $flavour == stock ]] || module=()
	set +e
	"$TOP/scripts/vm.sh" --name "$name" --kernel "$flavour" --timeout "${VM_TIMEOUT:-1200}" --zram 0 \
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

# The host allocates the guest's memory beforehand: a page that it does not have yet
# costs more than what is measured. Idle CPUs poll: waking a virtual one takes the
# host most of a millisecond, a real one some microseconds.
AWAKE='idle=poll'

# Keeps the host's CPUs from deep sleep as long as the file is open: QEMU's threads
# wait for each other.
keep_host_awake()
{
	if ! { exec {LATENCY_FD}>/dev/cpu_dma_latency; } 2>/dev/null; then
		note "/dev/cpu_dma_latency cannot be opened: the host's CPUs may fall asleep"
		return
	fi
	printf '\0\0\0\0' >&"$LATENCY_FD"
}

# Waits for QEMU's threads and binds each virtual CPU to the host's CPU of that number.
# The main loop, which drives the clocks, gets the first one, with real-time priority.
# Otherwise the scheduler lets two of the three wait for each other for milliseconds.
keep_threads_apart() # NAME-OF-THE-MACHINE
{
	local tries task name qemu=

	for ((tries = 0; tries < 300; tries++)); do
		sleep 0.2
		qemu=$(grep -lsx 'CPU 1/TCG' /proc/[0-9]*/task/*/comm | cut -d / -f 3 | sort -u |
			while read -r pid; do
				! tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qx "$1" || echo "$pid"
			done)
		[[ -z $qemu ]] || break
	done
	for task in "/proc/${qemu:-none}"/task/*; do
		name=$(cat "$task/comm") || return
		[[ $name == CPU\ [0-9]/TCG ]] || name='CPU 0'
		taskset -pc "${name:4:1}" "${task##*/}" || return
	done
	chrt -f -p 10 "$qemu"
}

measure_times() # FLAVOUR RELEASE ROUNDS GROUP...
{
	local flavour=$1 release=$2 rounds=$3 name=bench-$1-$$,debug-threads=on

	shift 3
	step_begin "Linux $release: times"
	{ keep_threads_apart "$name" &>"$TOP/build/bench-threads.log" ||
		note "QEMU's threads are not bound to CPUs: see build/bench-threads.log"; } &
	VM_QEMU="-mem-prealloc -name $name" VM_APPEND="$AWAKE" \
		measure "bench-$flavour" "$flavour" -r "$rounds" "$@"
	step_end
}

# The guest's time advances with the instructions executed, so that two runs differ
# by a few interrupts at most.
COUNTING_ACCEL='tcg,thread=single'
COUNTING_QEMU='-icount shift=1,sleep=off -seed 1 -rtc base=2026-01-01,clock=vm'
COUNTING_APPEND='nokaslr'

measure_instructions() # NAME BENCH-ARGUMENT...
{
	step_begin "Linux $KERNEL_RELEASE: instructions"
	VM_CPUS=1 VM_ACCEL="$COUNTING_ACCEL" VM_QEMU="$COUNTING_QEMU" VM_APPEND="$COUNTING_APPEND" \
		measure "bench-$1" stock -i "${@:2}"
	step_end
}

# With as many processes as a large database has, for a few extents.
measure_all_instructions()
{
	measure_instructions instructions -r 3 times events steps
	measure_instructions instructions-many -r 1 -e 2 -m 256,1024 times
}

# Counts the instructions of each function, for both engines.
measure_functions()
{
	local output=build/output-bench-functions.log counts=build/functions.counts

	step_begin "Linux $KERNEL_RELEASE: functions"
	in_root gcc -O2 -Wall -shared -fPIC -fvisibility=hidden -o build/count.so scripts/bench/count.c
	VM_CPUS=1 VM_ACCEL="$COUNTING_ACCEL" VM_APPEND="$COUNTING_APPEND" \
		VM_QEMU="$COUNTING_QEMU -plugin $ROOT_SRC/build/count.so,out=$ROOT_SRC/$counts" \
		"$TOP/scripts/vm.sh" --name bench-functions --kernel stock --timeout 900 --zram 0 \
		--module "$MODULE" --add "$PROGRAMS/bench:/tests" -- \
		"/tests/bench -i -r 2 functions && echo symbols &&
			grep -i ' [tw] ' /proc/kallsyms | gzip | base64" >/dev/null
	in_root python3 -B scripts/bench/functions.py "$output" "$counts" >"$TOP/$PAGES/functions.md"
	step_end
	note "the table is $PAGES/functions.md"
}

# Measures a kernel whose collapse still takes the mmap lock for writing.
measure_bookworm()
(
	setup_kernel bookworm
	# shellcheck disable=SC1091
	source "$KERNEL_DIR/kernel.env"
	measure_times bookworm "$KERNEL_RELEASE" 5 times access elsewhere events
)

write_pages()
{
	mkdir -p "$TOP/$PAGES"
	cp "$CSV" "$TOP/$PAGES/bench.csv"
	in_root python3 -B scripts/bench/table.py build/bench.csv >"$TOP/$PAGES/results.md"
	in_layer bench env MPLCONFIGDIR=/tmp python3 -B scripts/bench/plot.py build/bench.csv "$PAGES"
	note "table and plots are in $PAGES"
}

what=all everything=()
case ${1:-} in
--quick|--times|--instructions|--functions) what=${1#--}; shift ;;
--help) usage; exit ;;
-*) usage >&2; exit 2 ;;
esac

setup_all
step_begin "Module and programs for Linux $KERNEL_RELEASE"
build_module >&2
logged "building the benchmark" build_programs
step_end
mkdir -p "$TOP/build"
# A VM of a soak ends after 15 minutes at most.
mkdir -p "${MEASURING%/*}"
exec {MEASURING_FD}>"$MEASURING"
flock -n "$MEASURING_FD" || { note "waiting for another measurement, or a soak"; flock "$MEASURING_FD"; }
[[ $what == functions || $what == instructions ]] || keep_host_awake
if [[ $what == functions ]]; then
	measure_functions
	exit
fi
echo "kernel,engine,mappers,metric,unit,value,rounds" >"$CSV"
case $what in
quick) measure_times stock "$KERNEL_RELEASE" 3 "${*:-times access}" ;;
times) measure_times stock "$KERNEL_RELEASE" "$ROUNDS" "${*:-$ALL_GROUPS}" ;;
instructions)
	if [[ $# -gt 0 ]]; then
		measure_instructions instructions -r 3 "$@"
	else
		measure_all_instructions
	fi ;;
all)
	measure_times stock "$KERNEL_RELEASE" "$ROUNDS" "${*:-$ALL_GROUPS}"
	measure_all_instructions
	measure_bookworm
	write_pages
	[[ $# -gt 0 ]] || everything=(--all) ;;
esac
in_root python3 -B scripts/bench/report.py "${everything[@]}" build/bench.csv
