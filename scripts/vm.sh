#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots a kernel in QEMU, runs a command there and exits with its status.

usage()
{
	cat <<-END
	usage: vm.sh [OPTION]... [--] [COMMAND...]
	  --name NAME       logs are build/console-NAME.log and build/output-NAME.log
	  --kernel FLAVOUR  kernel to boot (default: \$KERNEL or stock; see scripts/kernels/table)
	  --module FILE     load this module, from /lib, before the command (repeatable)
	  --add PATH[:DIR]  copy a file or a folder's content to DIR (default /) (repeatable)
	  --disk FILE       /dev/vda of the guest (after modprobe virtio_blk); what it writes is forgotten
	  --zram SIZE       swap on zram of that size (default 512M, 0: none)
	  --nodes           two NUMA nodes, each with half of the memory and of the CPUs; a kernel
                    without ACPI makes them itself
	  --timeout SECONDS kill the VM after that time (default \$VM_TIMEOUT or 600)
	  --silence SECONDS kill it when neither kernel nor command say anything for so long
	  --shell           an interactive shell (after COMMAND) instead
	Files are named relative to the checkout. COMMAND is a line for the guest's shell.
	Variables: VM_CPUS (2), VM_MEMORY (3G), VM_APPEND (kernel command line), VM_QEMU (more QEMU options),
	BUSY (loops that run beside it, none).
	The status is that of the command, or 121 for a kernel splat in the console,
	122 when the VM died, 123 when the time was over, 120 when a module did not load.
	build/reason-NAME.log says in one line why it is one of these. When the time is over
	the kernel is asked what hangs (on x86_64 by an NMI), and answers on the console.
	END
}

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/kernels/arch.sh
source "$TOP/scripts/kernels/arch.sh"

SPLAT='BUG:|kernel BUG at|WARNING: |------------\[ cut here|Oops|general protection fault'
SPLAT+='|Unable to handle|unable to handle|Bad page|Bad rss-counter|non-zero pgtables_bytes'
SPLAT+='|rcu: .*(stall|starved)|detected stalls|blocked for more than|(soft|hard) lockup|LOCKUP'
SPLAT+='|refcount_t: |page_table_check|UBSAN:|KASAN:|KFENCE:|KCSAN:|KMSAN:|Kernel panic'
SPLAT+='|possible (circular|recursive|irq lock)|inconsistent lock state|lock held when returning'
SPLAT+='|suspicious RCU usage|bad unlock balance|Invalid wait context|held lock freed'
SPLAT+='|sleeping function called|scheduling while atomic|DEBUG_LOCKS_WARN_ON|list_(add|del) corruption'
SPLAT+='|INFO: (trying to register|possible)|workqueue lockup|unreferenced object|page dumped because'

# How long a kernel may take to say what hangs.
AFTER_NMI=20

# Makes the build root and the kernel if necessary and runs this script in the root.
enter_root()
{
	local flavour=${KERNEL:-stock} args=("$@")

	while (($#)); do
		case $1 in
		--kernel) flavour=$2 ;;
		--help) usage; exit ;;
		--) break ;;
		esac
		shift
	done
	setup_root
	setup_kernel "$flavour"
	exec "$TOP/scripts/in-root.sh" env KERNEL_RDIR="$KERNEL_RDIR" KERNEL_FLAVOUR="$flavour" LINK="${LINK:-}" \
		VM_CPUS="${VM_CPUS:-2}" VM_MEMORY="${VM_MEMORY:-3G}" \
		VM_APPEND="${VM_APPEND:-}" VM_QEMU="${VM_QEMU:-}" VM_ACCEL="${VM_ACCEL:-}" BUSY="${BUSY:-0}" VM_TIMEOUT="${VM_TIMEOUT:-600}" \
		ROWS="$(tput lines 2>/dev/null || echo 24)" COLUMNS="$(tput cols 2>/dev/null || echo 80)" \
		"$ROOT_SRC/scripts/vm.sh" "${args[@]}"
}

NAME=vm INTERACTIVE=0 NODES=0 BUSY=${BUSY:-0} ZRAM=512M TIMEOUT=${VM_TIMEOUT:-600} SILENCE=0 MODULES=() ADD=() DISK=

parse_options()
{
	while (($#)); do
		case $1 in
		--name) NAME=$2; shift ;;
		--kernel) shift ;;
		--module) MODULES+=("$2"); shift ;;
		--add) ADD+=("$2"); shift ;;
		--disk) DISK=$2; shift ;;
		--zram) ZRAM=$2; shift ;;
		--nodes) NODES=1 ;;
		--timeout) TIMEOUT=$2; shift ;;
		--silence) SILENCE=$2; shift ;;
		--shell) INTERACTIVE=1 ;;
		--) shift; break ;;
		-*) usage >&2; exit 2 ;;
		*) break ;;
		esac
		shift
	done
	COMMAND=$*
	[[ -n $COMMAND || $INTERACTIVE == 1 ]] || { usage >&2; exit 2; }
}

# Copies zram and the drivers with their dependencies, unpacked: the guest has no xz.
add_kernel_modules()
{
	local dir=$1/lib/modules/$KERNEL_RELEASE path module

	mkdir -p "$dir"
	for module in zram ${KERNEL_DRIVERS:-} ${DISK:+virtio_blk}; do
		modprobe -d "$KERNEL_MODULES" -S "$KERNEL_RELEASE" --show-depends "$module" 2>/dev/null |
			awk '$1 == "insmod" { print $2 }' || true
	done >"$WORK/wanted"
	while read -r path; do
		cp "$path" "$dir"
	done <"$WORK/wanted"
	find "$dir" -name '*.xz' -exec xz -d {} +
	touch "$dir"/modules.{order,builtin,builtin.modinfo}
	depmod -b "$1" "$KERNEL_RELEASE"
}

make_initramfs()
{
	local tree=$WORK/tree modules='' item

	mkdir -p "$tree"/{bin,dev,etc,lib,vm}
	cp "$KERNEL_BUSYBOX" "$tree/bin/busybox"
	install -m 755 "$ROOT_SRC/scripts/guest/init" "$tree/init"
	printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$tree/etc/passwd"
	mknod "$tree/dev/console" c 5 1
	add_kernel_modules "$tree"
	for item in "${MODULES[@]}"; do
		[[ -f $item ]] || die "there is no module $item: run 'make' first"
		cp "$item" "$tree/lib"
		modules+=" /lib/${item##*/}"
	done
	# Without it the guest takes insmod.
	if ((${#MODULES[@]})) && linked_at_load; then
		install -m 755 "$(module_link "$KERNEL_ARCH")" "$tree/bin/module-link"
	fi
	for item in "${ADD[@]}"; do
		local from=${item%%:*} to=/
		[[ $item != *:* ]] || to=${item#*:}
		[[ -e $from ]] || die "there is no $from to copy into the VM"
		mkdir -p "$tree$to"
		if [[ -d $from ]]; then
			cp -r "$from/." "$tree$to"
		else
			cp "$from" "$tree$to"
		fi
	done
	[[ -z $COMMAND ]] || printf '%s\n' "$COMMAND" >"$tree/vm/command"
	cat >"$tree/vm/config" <<-END
		TOKEN=$TOKEN
		DRIVERS='${KERNEL_DRIVERS:-}'
		MODULES='$modules'
		INTERACTIVE=$INTERACTIVE
		ZRAM=$ZRAM
		ROWS=${ROWS:-24}
		COLUMNS=${COLUMNS:-80}
	END
	(cd "$tree" && find . | cpio --quiet -o -H newc) >"$WORK/initramfs"
}

add_nodes()
{
	local size first=$(((VM_CPUS + 1) / 2)) node other=

	size=$(($(numfmt --from=iec "$VM_MEMORY") / 2))
	for node in 0 1; do
		QEMU+=(-object "memory-backend-ram,id=node$node,size=${size}B")
	done
	# With a single CPU the second node has memory only.
	((VM_CPUS == 1)) || other=,cpus=$first-$((VM_CPUS - 1))
	QEMU+=(-numa "node,nodeid=0,memdev=node0,cpus=0-$((first - 1))"
		-numa "node,nodeid=1,memdev=node1$other")
}

# Sets QEMU to its command line, without the output devices.
qemu_machine()
{
	local append=$FLAVOUR_BOOT

	set_arch "$KERNEL_ARCH" ||
		die "vm.sh does not know how to boot a kernel for $KERNEL_ARCH"
	QEMU=("${ARCH_QEMU[@]}")
	command -v "${QEMU[0]}" >/dev/null ||
		die "${QEMU[0]} is missing in the build root: run 'make clean-cache' and then 'make setup' to make it anew"
	if ((NODES)) && [[ $FLAVOUR_NODES == fake ]]; then
		append+=" numa=fake=2"
	elif ((NODES)); then
		add_nodes
	fi
	QEMU+=(-accel "${VM_ACCEL:-tcg,thread=multi}" -smp "$VM_CPUS,sockets=$VM_CPUS" -m "$VM_MEMORY"
		-nodefaults -no-user-config -display none -no-reboot
		-kernel "$KERNEL_IMAGE" -initrd "$WORK/initramfs"
		-append "console=$ARCH_CONSOLE panic=-1 $append $VM_APPEND")
	[[ -z $DISK ]] || QEMU+=(-drive "file=$DISK,format=raw,if=virtio,snapshot=on")
	# shellcheck disable=SC2206
	QEMU+=($VM_QEMU)
}

# Prints the command's output and writes the status behind the token to a file. awk
# would buffer the output.
split_output()
{
	local line blank=0

	while IFS= read -r line || [[ -n $line ]]; do
		if [[ $line == "$TOKEN "* ]]; then
			# The token begins on a new line; an empty one before it is ours.
			echo "${line#* }" >"$WORK/status"
			blank=0
			continue
		fi
		for (( ; blank > 0; blank--)); do
			echo
		done
		if [[ -z $line ]]; then
			blank=1
		else
			printf '%s\n' "$line"
		fi
	done
	((blank == 0)) || echo
}

# Prints the first line of each splat, after the line that names the running test.
# A data race of others than the module is listed in a file instead. What the functions
# on a stack are called does not matter: the OOM killer prints one, too.
find_splats()
{
	awk -v others="build/races-$NAME.txt" -f "$ROOT_SRC/scripts/kcsan.awk" "$1" "$1" |
		grep -nE "$SPLAT|vm: running " |
		grep -vE '\] +(\? )?[[:alnum:]_.$]+\+0x[0-9a-f]+/0x[0-9a-f]+( \[[[:alnum:]_]+\])?$' | awk '
		/vm: running / { running = $0 "\n"; next }
		{ printf "%s%s\n", running, $0; running = "" }' || true
}

# What QEMU is told to do goes to $WORK/monitor.in, its answers to monitor.out.
tell_qemu()
{
	printf '%s\n' "$@" >"$WORK/monitor.in"
}

# Prints why the VM has to end, once it has.
wait_for_hang() # FILE...
{
	local mark=$WORK/mark file spoke=$SECONDS end=$((SECONDS + TIMEOUT))

	touch "$mark"
	while sleep 1; do
		for file; do
			if [[ $file -nt $mark ]]; then
				touch "$mark"
				spoke=$SECONDS
			fi
		done
		if ((SECONDS >= end)); then
			echo "killed after $TIMEOUT s without an end"
			return
		elif ((SILENCE > 0 && SECONDS - spoke >= SILENCE)); then
			echo "killed after $SILENCE s without a word"
			return
		fi
	done
}

# Ends a VM that hangs. The panic that the NMI causes tells of all tasks and timers,
# also when no interrupt comes any more. The registers are for those that have no NMI.
watch_vm() # CONSOLE OUTPUT
{
	local reason

	reason=$(wait_for_hang "$@")
	wc -c <"$1" >"$WORK/spoken"
	echo "$reason" >"$WORK/hang"
	tell_qemu 'info registers -a' nmi
	sleep "$AFTER_NMI"
	tell_qemu quit
}

# ends_as STATUS REASON: says why the status is not the command's, and exits.
ends_as()
{
	echo "$2" >"build/reason-$NAME.log"
	echo "vm: $2; the console is in build/console-$NAME.log" >&2
	exit "$1"
}

run_batch()
{
	local console=build/console-$NAME.log output=build/output-$NAME.log qemu_status=0 status loops

	mkdir -p build
	: >"$console"
	: >"$output"
	rm -f "build/races-$NAME.txt" "build/reason-$NAME.log"
	mkfifo "$WORK/monitor.in" "$WORK/monitor.out"
	# These end with the process namespace of the build root.
	for ((loops = 0; loops < BUSY; loops++)); do
		while :; do :; done &
	done
	cat "$WORK/monitor.out" >"$WORK/monitor.log" &
	watch_vm "$console" "$output" &
	timeout --foreground -k 5 $((TIMEOUT + 2 * AFTER_NMI)) "${QEMU[@]}" \
		-chardev "pipe,id=monitor,path=$WORK/monitor" -mon chardev=monitor \
		-serial "file:$console" \
		-device "${KERNEL_SERIAL:-$ARCH_SERIAL}" -chardev stdio,id=output,signal=off \
		-device virtconsole,chardev=output </dev/null |
		split_output | tee "$output" || qemu_status=${PIPESTATUS[0]}
	if [[ -s $WORK/hang ]]; then
		status=$(<"$WORK/spoken")
		tail -c +$((status + 1)) "$console" >"$WORK/answer"
		truncate -s "$status" "$console"
	fi
	find_splats "$console" >"$WORK/splats"
	if [[ -s $WORK/hang ]]; then
		tail -n 15 "$console" | sed 's/^/    | /' >&2
		{
			echo "vm: $(<"$WORK/hang"); QEMU and the kernel say:"
			cat "$WORK/monitor.log" "$WORK/answer"
		} >>"$console"
	fi
	[[ ! -s build/races-$NAME.txt ]] ||
		echo "vm: data races of others than the module: $(wc -l <"build/races-$NAME.txt") pairs of functions, in build/races-$NAME.txt"
	if [[ -s $WORK/splats ]]; then
		head -n 20 "$WORK/splats" | sed 's/^/    | /' >&2
		ends_as 121 "the kernel complained: $(grep -vm 1 'vm: running' "$WORK/splats" | cut -c 1-200)"
	elif [[ -s $WORK/hang ]]; then
		ends_as 123 "$(<"$WORK/hang")"
	elif [[ -s $WORK/status ]]; then
		status=$(<"$WORK/status")
		((status != 120)) || tail -n 5 "$console" | sed 's/^/    | /' >&2
		exit "$status"
	fi
	tail -n 15 "$console" | sed 's/^/    | /' >&2
	ends_as 122 "it died before the command ended (QEMU status $qemu_status)"
}

if [[ -z ${IN_BUILD_ROOT:-} ]]; then
	enter_root "$@"
fi

parse_options "$@"
# shellcheck disable=SC1091
source "$KERNEL_RDIR/kernel.env"
kernel_row "$KERNEL_FLAVOUR"
WORK=$(mktemp -d)
TOKEN=vm-status-$RANDOM$RANDOM
make_initramfs
qemu_machine
if ((INTERACTIVE)); then
	exec "${QEMU[@]}" -serial mon:stdio
fi
run_batch
