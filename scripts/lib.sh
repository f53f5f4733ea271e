# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What all scripts share: paths, steps, locks and error messages. Sourced, never
# run.

set -euo pipefail
umask 022

# The makes that we call must not inherit the flags of a make that called us.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/shmem_collapse
JOBS=${JOBS:-$(nproc)}

# The same paths inside the build root.
ROOT_SRC=/src
ROOT_CACHE=/cache

# A lock for measurements, which need the machine alone, and for the soak.
# shellcheck disable=SC2034
MEASURING=$CACHE/locks/measuring

export TOP CACHE JOBS ROOT_SRC ROOT_CACHE

die()
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

note()
{
	printf '    %s\n' "$*" >&2
}

step_begin()
{
	printf '==> %s\n' "$*" >&2
	STEP_START=$(date +%s)
}

step_end()
{
	note "done in $(($(date +%s) - STEP_START)) s"
}

need_root()
{
	[[ $(id -u) == 0 ]] ||
		die "this needs root for chroot and mounts: run it again as root (sudo make ...), or build against your own kernel with 'make KDIR=...'"
}

# need_space GIGABYTES WHAT
need_space()
{
	local free

	free=$(df -Pk "$CACHE" | awk 'NR == 2 { print int($4 / 1048576) }')
	((free >= $1)) ||
		die "$2 needs $1 GB in $CACHE but only $free GB are free: make room, or point XDG_CACHE_HOME to a larger disk"
}

# Ends with one sentence about why a step failed, judging by its log.
explain_failure() # WHAT LOG
{
	local what=$1 log=$2

	tail -n 15 "$log" | sed 's/^/    | /' >&2
	if grep -q 'No space left on device' "$log"; then
		die "$what: the disk is full: make room in $CACHE or /tmp and run the same command again"
	elif grep -qE 'Could not resolve|Temporary failure resolving|Could not connect|Network is unreachable|Connection (timed out|refused|failed)|Unable to connect' "$log"; then
		die "$what: the package mirror cannot be reached: check the network (or set DEBIAN_MIRROR) and run the same command again"
	elif grep -qE '404  *Not Found|Unable to locate package|was not found' "$log"; then
		die "$what: the mirror has moved on to another version: run 'make update'"
	elif grep -qE 'NO_PUBKEY|not signed|is not signed by' "$log"; then
		die "$what: the mirror's signature is not trusted by this host: update the package debian-archive-keyring"
	fi
	die "$what failed: the whole log is in $log"
}

# logged WHAT COMMAND...: runs a command with its output in a log.
logged()
{
	local what=$1 log

	shift
	mkdir -p "$CACHE/log"
	log=$CACHE/log/$(tr -cs 'a-zA-Z0-9\n' - <<<"$what").log
	"$@" >"$log" 2>&1 </dev/null || explain_failure "$what" "$log"
}

# hash_of FILE...: a short key of the files' contents.
hash_of()
{
	cat "$@" | sha256sum | cut -c1-12
}

# with_lock NAME COMMAND...: one at a time on this machine.
with_lock()
{
	local lock=$1

	shift
	mkdir -p "$(dirname "$lock")"
	(
		if ! flock -n 9; then
			note "waiting for another run that holds $lock"
			flock 9
		fi
		"$@" 9>&-
	) 9>"$lock"
}

# lock_of DIRECTORY: its lock, which must outlive it.
lock_of()
{
	echo "$CACHE/locks/${1##*/}"
}

# cached DIRECTORY WHAT FUNCTION
#
# Fills DIRECTORY (in the cache) unless it is complete. The file .complete is written
# last, so the remains of an interrupted run are made again.
cached()
{
	if [[ -e $1/.complete ]]; then
		printf '==> %s: cached\n' "$2" >&2
		return
	fi
	need_root
	mkdir -p "$CACHE"
	with_lock "$(lock_of "$1")" fill_cache "$@"
}

fill_cache()
{
	local dir=$1 what=$2 fill=$3

	# Somebody else may have made it while we waited for the lock.
	[[ ! -e $dir/.complete ]] || return 0
	step_begin "$what"
	rm -rf --one-file-system "$dir"
	mkdir -p "$dir"
	"$fill" "$dir"
	touch "$dir/.complete"
	step_end
}

# kernels [MADE-BY]: their names, all of them or those made in that way.
kernels()
{
	awk -F ' *[|] *' -v made="${1:-}" 'NF > 1 && !/^#/ && (made == "" || $2 == made) { print $1 }' \
		"$TOP/scripts/kernels/table"
}

# kernel_row NAME: sets the FLAVOUR_* variables to its line in kernels/table.
kernel_row()
{
	local row

	row=$(sed -nE "/^$1 *\|/s/ *\| */|/gp" "$TOP/scripts/kernels/table")
	[[ -n $row ]] ||
		die "there is no kernel '$1': KERNEL= may be $(kernels | paste -sd ' ')"
	# shellcheck disable=SC2034
	IFS='|' read -r _ FLAVOUR_MADE FLAVOUR_OF FLAVOUR_CONFIGS FLAVOUR_NODES FLAVOUR_TESTS \
		FLAVOUR_FINDS FLAVOUR_BOOT <<<"$row"
}

# Sets BUILD_ROOT; makes the build root when it is not there.
setup_root()
{
	[[ -z ${BUILD_ROOT:-} ]] || return 0
	kernel_row "${KERNEL:-stock}"
	# shellcheck source=scripts/root.sh
	source "$TOP/scripts/root.sh"
	root_setup
	# A script that inherits BUILD_ROOT does not read root.sh again.
	export ROOT_SUITE
}

in_root()
{
	"$TOP/scripts/in-root.sh" "$@"
}

# in_cache PATH: a path in the cache as seen from inside the build root.
in_cache()
{
	echo "$ROOT_CACHE/${1#"$CACHE"/}"
}

# Prints where the module for a kernel is built, relative to the checkout. Each LINK
# has a directory of its own.
module_dir() # FLAVOUR
{
	echo "build/$1${LINK:+-$LINK}"
}

# Whether the module for the kernel that is set up is one that module-link loads.
linked_at_load()
{
	[[ ${LINK:-${KERNEL_LINK:-}} == load ]]
}

# The program that does it, for an architecture, seen from the checkout.
module_link() # ARCH
{
	echo "build/module-link/$1/module-link"
}

# setup_kernel [FLAVOUR]: sets the FLAVOUR_* variables, KERNEL_DIR (host) and
# KERNEL_RDIR (in the root).
setup_kernel()
{
	local flavour=${1:-stock}

	kernel_row "$flavour"
	# A script that called us has done the rest.
	[[ ${KERNEL_FLAVOUR:-} != "$flavour" ]] || return 0
	[[ $FLAVOUR_MADE != cross ]] ||
		die "nothing boots a kernel for '$flavour': 'make cross-build' compiles the module for it"
	# shellcheck source=scripts/kernels/own.sh
	source "$TOP/scripts/kernels/$FLAVOUR_MADE.sh"
	"${FLAVOUR_MADE}_kernel_setup" "$flavour" "$FLAVOUR_OF"
	KERNEL_RDIR=$(in_cache "$KERNEL_DIR")
	KERNEL_FLAVOUR=$flavour
	export KERNEL_DIR KERNEL_RDIR KERNEL_FLAVOUR
}

# strictly COMMAND...: runs it in a subshell that ends with the first command that
# fails, and sets status. In a condition errexit would not hold inside.
strictly()
{
	set +e
	(set -e; "$@")
	# shellcheck disable=SC2034 # for the caller
	status=$?
	set -e
}
