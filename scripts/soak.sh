#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# soak.sh HOURS: runs the stress program in one VM after the other, 15 minutes each at
# most, and appends a line for each to Documentation/mm/soak.csv. The number of lines
# selects kernel, machine, requests and background, so a soak continues where the last
# one ended. It ends with 1 at the first line that is not clean.

# The functions are called through with_lock.
# shellcheck disable=SC2317

source "$(dirname "$0")/lib.sh"

TABLE=$TOP/Documentation/mm/soak.csv
HEADER=commit,kernel,cpus,nodes,requests,background,seed,seconds,extents,mistakes,splats,verdict
# Seconds of stress in a VM, which may take 15 minutes in all.
PERIOD=${PERIOD:-420}
read -ra KERNELS <<<"${KERNELS:-stock soak kcsan debug kmemleak}"
CPUS=(2 4 1)
NODES=(1 2)
REQUESTS=(all file process extent range)
BACKGROUNDS=(none hotplug reload reclaim compact)

HOURS=${1:-1}
[[ $HOURS =~ ^[0-9]+$ ]] || die "HOURS= takes a whole number"
[[ $PERIOD =~ ^[0-9]+$ && $PERIOD -le 420 ]] || die "PERIOD= takes up to 420 seconds"

# Prints the commit, with a "+" if the working tree differs from it.
commit()
{
	local changed=

	git -C "$TOP" diff --quiet HEAD -- . ':!Documentation/mm/soak.csv' || changed=+
	echo "$(git -C "$TOP" rev-parse --short=12 HEAD)$changed"
}

# choose ROUND: sets what this round combines. Lists of the same length would stay in
# step, so each turn of the kernels shifts the others.
choose()
{
	local round=$1 turn=$(($1 / ${#KERNELS[@]}))

	kernel=${KERNELS[round % ${#KERNELS[@]}]}
	cpus=${CPUS[(round + turn) % ${#CPUS[@]}]}
	nodes=${NODES[(round + turn / 3) % ${#NODES[@]}]}
	requests=${REQUESTS[(round + turn) % ${#REQUESTS[@]}]}
	background=${BACKGROUNDS[(round + 2 * turn) % ${#BACKGROUNDS[@]}]}
	# The only CPU cannot go offline.
	[[ $background != hotplug || $cpus != 1 ]] || background=none
}

# one_run ROUND SEED: runs a VM and appends its line.
one_run()
{
	local seed=$2 status=0 log output splats=0 extents mistakes verdict=clean options=() console=$TOP/build/console

	choose "$1"
	log=$TOP/build/soak.log
	output=$TOP/build/output-stress-$kernel.log console+=-stress-$kernel.log
	# What an earlier run left says nothing of this one.
	rm -f "$output" "$console"
	[[ $requests == all ]] || options+=(--requests "$requests")
	step_begin "$kernel, $cpus CPUs, $nodes nodes, requests: $requests, background: $background, seed $seed"
	KERNEL=$kernel DURATION=$PERIOD VM_CPUS=$cpus NODES=$nodes VM_TIMEOUT=900 \
		"$TOP/scripts/run-alone.sh" stress --seed "$seed" --background "$background" "${options[@]}" \
		>"$log" 2>&1 || status=$?
	read -r extents mistakes < <(sed -nE \
		's/.* operations, ([0-9]+) extents collapsed .* ([0-9]+) mistakes, seed .*/\1 \2/p' "$output" 2>/dev/null) || true
	if ((status)); then
		verdict=failed
		splats=$(grep -c '^    | [0-9]*:.*\[' "$log" || true)
		mkdir -p "$TOP/build/soak"
		cp "$log" "$TOP/build/soak/$seed.log"
		cp "$output" "$TOP/build/soak/$seed.output"
		cp "$console" "$TOP/build/soak/$seed.console"
		note "failed: see build/soak/$seed.*"
	fi
	echo "$(commit),$kernel,$cpus,$nodes,$requests,$background,$seed,$PERIOD,${extents:-0},${mistakes:-0},$splats,$verdict" \
		>>"$TABLE"
	step_end
}

mkdir -p "$TOP/build"
[[ -s $TABLE ]] || echo "$HEADER" >"$TABLE"
end=$(($(date +%s) + HOURS * 3600)) failed=0
first=$(wc -l <"$TABLE")
# HOURS=0 is a single VM.
while :; do
	round=$(($(wc -l <"$TABLE") - 1))
	# A benchmark waits for the end of a VM, and the next VM for that of a benchmark.
	with_lock "$MEASURING" one_run "$round" "${SEED:-$RANDOM$RANDOM$RANDOM}" || failed=1
	[[ $(tail -n 1 "$TABLE") == *,clean ]] || failed=1
	((failed == 0 && $(date +%s) < end)) || break
done
awk -F , -v first="$first" 'NR > 1 { extents += $9; mistakes += $10 }
	NR > first { now += $9; runs++ }
	END { printf "%d runs, %d extents; in all %d extents, %d mistakes\n", runs, now, extents, mistakes }' "$TABLE"
exit "$failed"
