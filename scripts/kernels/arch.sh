# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What differs between the architectures that a VM can be. Sourced.

# set_arch ARCH: sets the ARCH_* variables; fails for an architecture without a VM.
#
#   ARCH_CC ARCH_DEBIAN      compiler of the test programs; Debian's name, empty for
#                            that of the build root
#   ARCH_IMAGE ARCH_FILE     what make builds, and where it is
#   ARCH_QEMU ARCH_CONSOLE   beginning of QEMU's command line; console of the kernel, and
#                            more of the kernel's command line
#   ARCH_SERIAL              bus of the port that output goes to
set_arch()
{
	# shellcheck disable=SC2034
	case $1 in
	x86_64)
		ARCH_CC=gcc ARCH_DEBIAN='' ARCH_IMAGE=bzImage ARCH_FILE=arch/x86/boot/bzImage
		# Without these TCG runs "rep movsb" byte by byte, so that copying
		# a page hides what everything else costs.
		ARCH_QEMU=(qemu-system-x86_64 -machine "q35,hpet=off" -cpu "max,-erms,-fsrm,-fzrm,-fsrs")
		# The clock that Linux takes otherwise, ACPI's, begins anew every 4.7
		# seconds. A guest that gets no interrupt for 4.1 to 4.7 seconds, on a
		# host that is busy elsewhere, would relive the same 4.7 seconds for
		# ever: what sleeps there never wakes up.
		ARCH_CONSOLE="ttyS0 no_timer_check tsc=reliable clocksource=tsc"
		ARCH_SERIAL=virtio-serial-pci ;;
	arm64)
		ARCH_CC=aarch64-linux-gnu-gcc ARCH_DEBIAN=arm64 ARCH_IMAGE=Image ARCH_FILE=arch/arm64/boot/Image
		# Real pointer authentication takes most of an emulator's time.
		ARCH_QEMU=(qemu-system-aarch64 -machine "virt,mte=on" -cpu "max,pauth-impdef=on")
		ARCH_CONSOLE=ttyAMA0 ARCH_SERIAL=virtio-serial-device ;;
	riscv)
		ARCH_CC=riscv64-linux-gnu-gcc ARCH_DEBIAN=riscv64 ARCH_IMAGE=Image ARCH_FILE=arch/riscv/boot/Image
		ARCH_QEMU=(qemu-system-riscv64 -machine "virt" -cpu "max")
		ARCH_CONSOLE=ttyS0 ARCH_SERIAL=virtio-serial-device ;;
	*)
		return 1 ;;
	esac
}
