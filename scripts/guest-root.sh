# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A Debian system for the VM, as a disk: other people's programs that use
# shared memory, and tracers. Sourced after lib.sh.

# shellcheck source=scripts/layer.sh
source "$TOP/scripts/layer.sh"

GUEST_PACKAGES=(
	bpftrace linux-perf
	postgresql
	python3-minimal libpython3-stdlib
	qemu-system-x86
	systemd
)

# PostgreSQL's package makes a cluster; it gets a loaded database here, where
# the processor is a real one.
# shellcheck disable=SC2016
GUEST_DATABASE='
	pg_ctlcluster 17 main start
	runuser -u postgres -- createdb bench
	runuser -u postgres -- /usr/lib/postgresql/17/bin/pgbench -q -i -s 10 bench
	runuser -u postgres -- psql -q -c "CREATE EXTENSION pg_prewarm" bench
	pg_ctlcluster 17 main stop
	runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_checksums --enable --no-sync \
		-D /var/lib/postgresql/17/main
'

fill_guest_root()
{
	local dir=$1 packages

	need_space 3 "the guest's Debian"
	note "Debian with PostgreSQL, QEMU, systemd, bpftrace and perf: about 3 minutes, 1 GB"
	packages=$(IFS=,; echo "${GUEST_PACKAGES[*]}")
	# shellcheck disable=SC2016
	logged "making the guest's Debian" in_layer guest bash -e -c '
		dir=$1 packages=$2 database=$3
		mmdebstrap --mode=root --variant=minbase --include="$packages" \
			--aptopt=/etc/apt/apt.conf.d/99mmdebstrap --dpkgopt=force-unsafe-io \
			--dpkgopt="path-exclude=/usr/share/doc/*" \
			--dpkgopt="path-exclude=/usr/share/man/*" \
			--dpkgopt="path-exclude=/usr/share/locale/*" \
			"" "$dir/root" /etc/apt/sources.list
		mount --rbind /dev "$dir/root/dev"
		mount -t proc proc "$dir/root/proc"
		chroot "$dir/root" bash -e -c "$database"
		umount -l "$dir/root/dev" "$dir/root/proc"
		mkfs.ext4 -q -d "$dir/root" "$dir/disk" 2G
		rm -rf --one-file-system "$dir/root"' \
		bash "$(in_cache "$dir")" "$packages" "$GUEST_DATABASE"
}

# Sets GUEST_DISK, as seen from inside the build root.
setup_guest_root()
{
	local dir

	setup_root
	dir=$CACHE/guest-$(hash_of "$TOP/scripts/guest-root.sh" <(echo "$BUILD_ROOT"))
	cached "$dir" "Debian for the guest" fill_guest_root
	GUEST_DISK=$(in_cache "$dir")/disk
	export GUEST_DISK
}
