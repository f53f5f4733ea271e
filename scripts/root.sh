# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The build root: a Debian trixie with the compilers that Debian's kernels are
# built with, and QEMU. It makes the build the same on every host. Sourced.

ROOT_SUITE=trixie
ROOT_PACKAGES=(
	# kernel and module build
	bc bindgen bison build-essential ca-certificates clang cpio flex gcc-14
	kmod libclang-dev libdw-dev libelf-dev libssl-dev lld llvm pahole perl
	python3 rsync rust-clippy rust-src rustc rustfmt xz-utils
	# checks
	shellcheck
	# test programs for other architectures
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
	# virtual machines
	busybox-static opensbi qemu-system-arm qemu-system-riscv qemu-system-x86
)
# What kernels are built with: another version of one of these means other kernels.
ROOT_COMPILERS=(bindgen binutils clang-19 gcc-14 libc6-dev lld-19 pahole rust-src rustc)

# The Debian mirror that this host itself uses; nothing if it cannot be told.
host_mirror()
{
	# shellcheck disable=SC1091,SC2016
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
		awk -v codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" \
			'$1 == codename && !uri { uri = $2 } END { print uri }'
}

# A proxy or relaxed date checks of the host's apt hold for the root as well.
host_apt_options()
{
	apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Date|Check-Valid-Until)' || true
}

install_mmdebstrap()
{
	command -v apt-get >/dev/null ||
		die "the build root is made with Debian's mmdebstrap, which this host cannot install: use a Debian host, or 'make KDIR=...' with your own toolchain"
	# The lists are also what tells which mirror the host uses. One of its
	# other sources may be broken: that need not concern us.
	apt-get update >/dev/null 2>&1 </dev/null ||
		note "apt-get update had errors; going on with what it got"
	command -v mmdebstrap >/dev/null ||
		logged "installing mmdebstrap" env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y --no-install-recommends mmdebstrap
}

check_keyring()
{
	if ! compgen -G '/usr/share/keyrings/debian-archive-trixie-stable.*' >/dev/null; then
		logged "updating debian-archive-keyring" env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y --no-install-recommends debian-archive-keyring
	fi
	compgen -G '/usr/share/keyrings/debian-archive-trixie-stable.*' >/dev/null ||
		die "this host's debian-archive-keyring does not know Debian $ROOT_SUITE: install a newer debian-archive-keyring"
}

fill_root()
{
	local dir=$1 mirror packages options=() line
	local -r keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	need_space 4 "the build root"
	unshare -m true 2>/dev/null ||
		die "this machine does not let root mount file systems: in a container, run it privileged"
	install_mmdebstrap
	check_keyring
	mirror=${DEBIAN_MIRROR:-$(host_mirror)}
	packages=$(IFS=,; echo "${ROOT_PACKAGES[*]}")
	while read -r line; do
		[[ -z $line ]] || options+=("--aptopt=$line")
	done < <(host_apt_options)
	# A snapshot archive is out of date on purpose.
	[[ -z ${DEBIAN_MIRROR:-} ]] || options+=('--aptopt=Acquire::Check-Valid-Until "false"')
	note "Debian $ROOT_SUITE with compilers and QEMU: about 1.5 minutes, 3 GB"
	logged "making the build root" mmdebstrap --mode=root --variant=minbase \
		--include="$packages" "${options[@]}" \
		--dpkgopt='force-unsafe-io' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$ROOT_SUITE" "$dir" \
		${mirror:+"deb [signed-by=$keyring] $mirror $ROOT_SUITE main"}
	# Without a mirror of our own, mmdebstrap took its default: ask the root.
	mirror=$(grep -rhoE '[a-z+]+:/[^] ]+' "$dir"/etc/apt/sources.list* | head -n 1)
	echo "deb [signed-by=$keyring] $mirror $ROOT_SUITE-backports main" \
		>"$dir/etc/apt/sources.list.d/backports.list"
	cp -L /etc/resolv.conf "$dir/etc/resolv.conf" 2>/dev/null || true
	logged "reading the package lists" chroot "$dir" apt-get update
	mkdir -p "$dir$ROOT_SRC" "$dir$ROOT_CACHE"
	chroot "$dir" dpkg-query -W "${ROOT_COMPILERS[@]}" | sha256sum | cut -c1-12 >"$dir/etc/root-id"
}

root_setup()
{
	BUILD_ROOT=$CACHE/root-$(hash_of "$TOP/scripts/root.sh")
	cached "$BUILD_ROOT" "Build root" fill_root
	export BUILD_ROOT
}
