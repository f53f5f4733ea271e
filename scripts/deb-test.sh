#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb-test.sh [ARCH]: installs the packages of build/deb in a Debian that has nothing
# but the stock kernel's modules and headers, so that DKMS builds the module there,
# and boots that kernel with what was installed. For ARCH, as Debian calls arm64, the
# program's package is that of build/deb-ARCH, and everything in that Debian, the
# compilers too, is of that architecture and run by QEMU.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/root.sh
source "$TOP/scripts/root.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"
# shellcheck source=scripts/kernels/source.sh
source "$TOP/scripts/kernels/source.sh"

DEBIAN_ARCH=${1:-}
FOLDER=build/deb${DEBIAN_ARCH:+-$DEBIAN_ARCH}
WORK=$CACHE/deb-test-$$
QEMU_USER=

# What runs the programs of another architecture's Debian: no more of QEMU than that.
fill_qemu()
{
	logged "fetching QEMU" root_apt "$1" bash -e -c '
		apt-get download qemu-user || { apt-get update && apt-get download qemu-user; }
		dpkg-deb --fsys-tarfile qemu-user_*.deb | tar -x --strip-components=3 ./usr/bin/qemu-aarch64
		rm qemu-user_*.deb'
}

# A Debian without anything, and where it has its packages from.
fill_clean()
{
	local dir=$1 mirror options=() run=() line
	local -r keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	install_mmdebstrap
	check_keyring
	mirror=${DEBIAN_MIRROR:-$(host_mirror)}
	while read -r line; do
		[[ -z $line ]] || options+=("--aptopt=$line")
	done < <(host_apt_options)
	[[ -z ${DEBIAN_MIRROR:-} ]] || options+=('--aptopt=Acquire::Check-Valid-Until "false"')
	if [[ -n $DEBIAN_ARCH ]]; then
		run=("$TOP/scripts/emulate.sh" "$QEMU_USER")
		# It looks for QEMU's rules elsewhere, and may not mount sysfs.
		options+=("--arch=$DEBIAN_ARCH" --skip=check/qemu --skip=chroot/mount/sys)
	fi
	logged "making a clean Debian" "${run[@]}" mmdebstrap --mode=root --variant=minbase "${options[@]}" \
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
	BUILD_ROOT=$CLEAN ROOT_LAYER=$WORK LAYER_WRITABLE=1 ROOT_QEMU=$QEMU_USER in_root \
		env DEBIAN_FRONTEND=noninteractive "$@"
}

# Sets CLEAN to a Debian without anything, and QEMU_USER to what runs another
# architecture's programs.
setup_clean()
{
	local dir what="A clean Debian $ROOT_SUITE"

	CLEAN=$CACHE/clean-$ROOT_SUITE
	if [[ -n $DEBIAN_ARCH ]]; then
		dir=$CACHE/qemu-$DEBIAN_ARCH-$(hash_of "$BUILD_ROOT/etc/root-id")
		cached "$dir" "QEMU for programs of $DEBIAN_ARCH" fill_qemu
		QEMU_USER=$dir/qemu-aarch64
		CLEAN+=-$DEBIAN_ARCH what+=" for $DEBIAN_ARCH"
	fi
	cached "$CLEAN" "$what" fill_clean
}

export KERNEL=stock${DEBIAN_ARCH:+-$DEBIAN_ARCH}
setup_all
setup_clean
need_space 6 "the test of the packages"
trap 'rm -rf --one-file-system "$WORK"' EXIT
rm -rf "${TOP:?}/$FOLDER/test"
mkdir -p "$WORK"/{files/etc,work,root} "$TOP/$FOLDER/test"
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
# What was installed, with the libraries of the programs that load modules, is what the
# guest gets.
# shellcheck disable=SC2016
logged "installing the packages" in_clean bash -e -c '
	release=$1 folder=$2 tree=$2/test
	apt-get install -y --no-install-recommends \
		./"$folder"/shmem-collapse_*.deb ./build/deb/shmem-collapse-dkms_*.deb || {
		tail -n 30 /var/lib/dkms/shmem_collapse/*/build/make.log
		exit 1
	}
	dkms status | tee "$tree/status"
	cp /var/lib/dkms/shmem_collapse/*/"$release"/*/log/make.log "$tree"
	programs="/sbin/modprobe /sbin/depmod /usr/bin/xz"
	for file in $programs $(ldd $programs | grep -oE "/[^ :]+ \(" | tr -d " (") \
		/usr/sbin/module-link /usr/lib/modprobe.d/shmem_collapse.conf \
		/usr/bin/shmem-collapse "/lib/modules/$release/updates/dkms/shmem_collapse.ko.xz"; do
		cp -L --parents "$file" "$tree"
	done' bash "$KERNEL_RELEASE" "$FOLDER"
step_end
step_begin "Linux $KERNEL_RELEASE with what was installed"
# The module's own command line loads it, as its users do.
# shellcheck disable=SC2016
"$TOP/scripts/vm.sh" --name deb --kernel "$KERNEL_FLAVOUR" --timeout "${VM_TIMEOUT:-1200}" \
	--add "$FOLDER/test:/" --add scripts/guest/tool:/tool --add "$FOLDER/test/usr/bin/shmem-collapse:/tool" \
	--add "$(cd "$TOP" && echo build/tool${DEBIAN_ARCH:+-$DEBIAN_ARCH}/*/release/examples/hold):/tool" -- "
	export PATH=/bin:/usr/bin:/usr/sbin
	/sbin/depmod && /sbin/modprobe shmem_collapse || exit 120
	echo linked: \$(cat /sys/kernel/mm/shmem_collapse/linked)
	sh /tool/tool" >&2
grep -qx "linked: $KERNEL_LINK" "$TOP/build/output-deb.log" ||
	die "the module that DKMS built is not linked as one for this kernel should be"
if grep '^not ok' "$TOP/build/output-deb.log" || ! grep -q '^## end tool 0' "$TOP/build/output-deb.log"; then
	die "the module that DKMS built does not pass: see build/output-deb.log"
fi
step_end
