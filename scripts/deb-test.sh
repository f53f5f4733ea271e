#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb-test.sh: installs the packages of build/deb in a Debian that has nothing
# but the stock kernel's modules and headers, so that DKMS builds the module there,
# and boots that kernel with this module and the packaged program.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/root.sh
source "$TOP/scripts/root.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

WORK=$CACHE/deb-test-$$

# A Debian without anything, and where it has its packages from.
fill_clean()
{
	local dir=$1 mirror options=() line
	local -r keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	install_mmdebstrap
	check_keyring
	mirror=${DEBIAN_MIRROR:-$(host_mirror)}
	while read -r line; do
		[[ -z $line ]] || options+=("--aptopt=$line")
	done < <(host_apt_options)
	[[ -z ${DEBIAN_MIRROR:-} ]] || options+=('--aptopt=Acquire::Check-Valid-Until "false"')
	logged "making a clean Debian" mmdebstrap --mode=root --variant=minbase "${options[@]}" \
		--dpkgopt='force-unsafe-io' "$ROOT_SUITE" "$dir" \
		${mirror:+"deb [signed-by=$keyring] $mirror $ROOT_SUITE main"}
	mirror=$(grep -rhoE '[a-z+]+:/[^] ]+' "$dir"/etc/apt/sources.list* | head -n 1)
	echo "deb [signed-by=$keyring] $mirror $ROOT_SUITE-backports main" \
		>"$dir/etc/apt/sources.list.d/backports.list"
	mkdir -p "$dir$ROOT_SRC" "$dir$ROOT_CACHE"
}

# in_clean COMMAND...: in a copy of the clean Debian that goes afterwards.
in_clean()
{
	BUILD_ROOT=$CLEAN ROOT_LAYER=$WORK LAYER_WRITABLE=1 in_root \
		env DEBIAN_FRONTEND=noninteractive "$@"
}

setup_all
CLEAN=$CACHE/clean-$ROOT_SUITE
cached "$CLEAN" "A clean Debian $ROOT_SUITE" fill_clean
need_space 6 "the test of the packages"
trap 'rm -rf --one-file-system "$WORK"' EXIT
mkdir -p "$WORK"/{files/etc,work,root} "$TOP/build/deb/test"
cp -L /etc/resolv.conf "$WORK/files/etc/resolv.conf" 2>/dev/null || true

step_begin "Kernel and headers in a clean Debian"
# shellcheck disable=SC2016
logged "installing the kernel" in_clean sh -e -c '
	apt-get update
	apt-get install -y --no-install-recommends "linux-base/$3-backports" \
		"linux-modules-$1=$2" "linux-headers-$1=$2"' \
	sh "$KERNEL_RELEASE" "$STOCK_VERSION" "$ROOT_SUITE"
step_end
step_begin "The packages: DKMS builds the module"
# shellcheck disable=SC2016
logged "installing the packages" in_clean sh -e -c '
	apt-get install -y --no-install-recommends \
		./build/deb/shmem-collapse_*.deb ./build/deb/shmem-collapse-dkms_*.deb || {
		tail -n 30 /var/lib/dkms/shmem_collapse/*/build/make.log
		exit 1
	}
	dkms status
	cp "/lib/modules/$1/updates/dkms/shmem_collapse.ko.xz" build/deb/test
	xz -df build/deb/test/shmem_collapse.ko.xz
	cp /usr/bin/shmem-collapse build/deb/test' sh "$KERNEL_RELEASE"
step_end
step_begin "Linux $KERNEL_RELEASE with what was installed"
"$TOP/scripts/vm.sh" --name deb --kernel stock --module build/deb/test/shmem_collapse.ko \
	--add scripts/guest/tool:/tool --add build/deb/test/shmem-collapse:/tool \
	--add "$(cd "$TOP" && echo build/tool/*/release/examples/hold):/tool" -- "sh /tool/tool" >&2
if grep '^not ok' "$TOP/build/output-deb.log" || ! grep -q '^## end tool 0' "$TOP/build/output-deb.log"; then
	die "the module that DKMS built does not pass: see build/output-deb.log"
fi
step_end
