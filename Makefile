# SPDX-License-Identifier: GPL-2.0
#
# With KDIR=/path/to/kernel/build: builds the module against that tree, with
# the tools of this machine. Without: in the build root, against Debian's stock
# kernel, all of which is made on first use. Kbuild is where objects are listed.

# The names in scripts/kernels/table that are made in this way.
kernels	= $(shell sed -nE 's/^([a-z0-9-]+) *\| *$(1) .*/\1/p' scripts/kernels/table)

# An architecture other than this machine's has one kernel.
ifneq ($(filter $(call kernels,own),$(ARCH)),)
KERNEL	?= $(ARCH)
endif
KERNEL	?= stock
# Of Debian's, some are there for another architecture as well.
ifneq ($(filter $(KERNEL)-$(ARCH),$(call kernels,stock)),)
override KERNEL := $(KERNEL)-$(ARCH)
endif
# Debian's kernels can neither be built nor run KUnit.
OWN	:= $(if $(filter $(call kernels,stock),$(KERNEL)),debug,$(KERNEL))

ifeq ($(V),1)
Q :=
else
Q := @
endif

SHELL		:= /bin/bash
.SHELLFLAGS	:= -o pipefail -c

.DEFAULT_GOAL	:= modules

help:			## show this list
	@echo 'Targets (make TARGET [KDIR=...] [VARIABLE=...]):'
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		sort -u | while IFS=$$'\t' read -r t d; do printf '  %-14s %s\n' "$$t" "$$d"; done
	@echo 'Variables:'
	@echo '  KDIR=PATH      configured and built (or prepared) kernel tree with Rust'
	@echo '  KERNEL=NAME    kernel to build for and boot when there is no KDIR:'
	@echo '                 $(call kernels,stock) $(call kernels,own)'
	@echo '  ARCH=arm64|riscv64  the same as KERNEL=arm64|riscv64; with ARCH=arm64, KERNEL=stock'
	@echo '                 is Debian'\''s own kernel for it'
	@echo '  KERNEL_VERSION=7.3.N  that stock kernel and not the newest'
	@echo '  CLIPPY=1 V=1 W=1 LLVM=1 ...   as in the kernel'
	@echo '  MO=PATH        where the objects go'
	@echo '  LINK=livepatch|load|exports  how unexported functions are reached (default: what KDIR offers)'
	@echo '  BTF=FILE SYSTEM_MAP=FILE  symbols of the running kernel, not for LINK=exports (default: from KDIR)'
	@echo '  TEST=NAME      only this test program (kselftest)'
	@echo '  BRIEF=1        fewer rounds; BRIEF= runs the load at full length too (kselftest)'
	@echo '  SECONDS=N HOURS=N SEED=N LEAST=N  how long, which run again, extents to collapse (stress)'
	@echo '  BUSY=N         loops that run beside each VM'
	@echo '  MODEL=NAME     only this configuration, with its counterexample (model)'
	@echo '  N=N SEED=N     number of inputs, which run again (fuzz)'
	@echo '  DEBIAN_MIRROR=URL  instead of the mirror that this machine uses'

ifdef KDIR

MO	?= $(CURDIR)/build/module
override MO := $(abspath $(MO))
KO	:= $(MO)/shmem_collapse.ko
KBUILD	:= $(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) MO=$(MO)

# A kernel with our patch exports its functions to this module by name.
ifneq ($(shell grep -s 'module:.*\bshmem_collapse\b' $(KDIR)/Module.symvers | head -n 1),)
LINK	?= exports
else ifneq ($(shell grep -s '^CONFIG_LIVEPATCH=y' $(KDIR)/.config),)
LINK	?= livepatch
else
LINK	?= load
endif

ifneq ($(filter livepatch load,$(LINK)),)
MODULE_LINK	:= $(MO)/tools/module-link/module-link
# What loads it: another machine's has an architecture of its own.
LOADER		?= $(MODULE_LINK)
from_here	= $(patsubst $(CURDIR)/%,%,$(1))
BTF		?= $(wildcard $(KDIR)/vmlinux)
SYSTEM_MAP	?= $(wildcard $(KDIR)/System.map)
# Not when this is read: a kernel tree that lacks more has another message.
symbols_needed	= $(if $(BTF)$(SYSTEM_MAP),,$(error KDIR=$(KDIR) has neither vmlinux nor \
	System.map, which tell the kernel's functions from its data: build the kernel there, \
	or give BTF= or SYSTEM_MAP=, for the running kernel /sys/kernel/btf/vmlinux and \
	a copy of /proc/kallsyms))
MODPOST		:= KBUILD_MODPOST_WARN=1
# module-link says for each of them what became of it.
FILTER		= 2> >(grep -vE '^WARNING: modpost: (.* undefined!$$|suppressed .* unresolved symbol)' >&2)
endif

modules: check-kdir	## build the module (the default)
	$(symbols_needed)
	$(Q)$(KBUILD) $(MODPOST) modules $(FILTER)
ifdef MODULE_LINK
	$(Q)$(MODULE_LINK) --symvers $(KDIR)/Module.symvers $(if $(BTF),--btf $(BTF)) \
		$(if $(SYSTEM_MAP),--system-map $(SYSTEM_MAP)) \
		--module-name shmem_collapse --link $(LINK) $(KO)
endif
ifeq ($(LINK),load)
	@echo 'To load it, as root: $(call from_here,$(LOADER)) load $(call from_here,$(KO))'
endif

install: modules	## install it in /lib/modules (or INSTALL_MOD_PATH)
	$(Q)$(KBUILD) modules_install
ifeq ($(LINK),load)
	$(Q)install -D -m 755 $(LOADER) $(INSTALL_MOD_PATH)/usr/local/sbin/module-link
	$(Q)mkdir -p $(INSTALL_MOD_PATH)/etc/modprobe.d
	$(Q)sed 's,/usr/,&local/,' tools/module-link/modprobe.conf \
		>$(INSTALL_MOD_PATH)/etc/modprobe.d/shmem_collapse.conf
endif

rust-analyzer: check-kdir	## write rust-project.json for the editor
	$(Q)$(KBUILD) rust-analyzer
	$(Q)cp $(MO)/rust-project.json $(CURDIR)/rust-project.json

rustfmt: check-kdir	## format the Rust code with the kernel's settings
	$(Q)$(RUSTFMT)

rustfmtcheck: check-kdir	## check the format of the Rust code
	$(Q)$(RUSTFMT) --check

# The source of a separate build tree is where its Makefile says.
KSRC	:= $(if $(wildcard $(KDIR)/.rustfmt.toml),$(KDIR),$(KDIR)/source)
RUSTFMT	 = find $(CURDIR)/rust $(CURDIR)/tools/module-link -name '*.rs' ! -name '*generated*' -print0 | \
		xargs -0 -r rustfmt --config-path $(KSRC)/.rustfmt.toml

check-kdir:
	@scripts/check-kdir.sh $(KDIR) $(LINK)

else

modules install rust-analyzer rustfmt rustfmtcheck:
	$(Q)KERNEL=$(KERNEL) scripts/build.sh $@ $(MAKEOVERRIDES)

check-kdir: ;

endif

clean:			## remove everything that was built in this checkout
	$(Q)rm -rf build rust-project.json

setup:			## make the build root and the kernel tree, nothing else
	$(Q)scripts/setup.sh $(KERNEL)

kernel:			## build a kernel of our own (KERNEL=)
	$(Q)scripts/setup.sh $(OWN)

exports:		## add to exports.patch what the module that was built for KERNEL needs
	$(Q)KERNEL=$(KERNEL) scripts/exports.sh update

update:			## look for a newer kernel of the series
	$(Q)scripts/cache.sh update

clean-cache:		## remove build root and kernels from the cache
	$(Q)scripts/cache.sh clean

shell:			## a shell in the build root, in /src
	$(Q)scripts/in-root.sh bash -i

vm:			## boot a VM with the module loaded and open a shell in it
	$(Q)KERNEL=$(KERNEL) scripts/vm-shell.sh

demo:			## before and after, against MADV_COLLAPSE, in a VM
	$(Q)KERNEL=$(KERNEL) scripts/demo.sh

bench:			## measure against MADV_COLLAPSE; 1 if a figure misses its bar
	$(Q)scripts/bench.sh

bench-quick:		## the same with few rounds
	$(Q)scripts/bench.sh --quick

bench-instructions:	## instructions per extent, which other load does not change
	$(Q)scripts/bench.sh --instructions

bench-functions:	## which functions execute them
	$(Q)scripts/bench.sh --functions

kselftest:		## the tests that run in a VM (TEST=NAME: only that program)
	$(Q)KERNEL=$(KERNEL) TEST='$(TEST)' scripts/test.sh build kselftest

programs:		## PostgreSQL, QEMU and others in a VM, and the tracing examples
	$(Q)TEST='$(TEST)' scripts/test.sh build programs

stress:			## everything at once, every byte checked (SECONDS=, HOURS=, SEED=)
	$(Q)KERNEL=$(KERNEL) DURATION=$(if $(HOURS),$$(($(HOURS) * 3600)),$(SECONDS)) \
		scripts/run-alone.sh stress $(if $(SEED),--seed $(SEED)) $(if $(LEAST),--least $(LEAST))

fuzz:			## input of every shape into every file and the device (N=, SEED=)
	$(Q)KERNEL=$(KERNEL) INPUTS=$(N) scripts/run-alone.sh fuzz $(if $(SEED),--seed $(SEED))

fault-around:		## does this kernel lose page-table entries when a huge page is split? (KERNEL=)
	$(Q)KERNEL=$(KERNEL) scripts/run-alone.sh fault-around

soak:			## stress in one VM after the other, one line each in soak.csv (HOURS=)
	$(Q)scripts/soak.sh $(or $(HOURS),1)

mm-selftests:		## the kernel's selftests/mm without the module and with it at work
	$(Q)KERNEL=$(KERNEL) scripts/mm-selftests.sh

kunit:			## the module's KUnit suites, on a kernel of our own
	$(Q)KERNEL=$(OWN) scripts/test.sh kunit-$(OWN)

compile-fail:		## programs that break the rules of the page tables
	$(Q)scripts/test.sh compile-fail

cross-build:		## compile for loongarch, s390, powerpc and arm, without a kernel
	$(Q)scripts/test.sh cross-build

rustdoc:		## pages of the Rust code's documentation
	$(Q)scripts/test.sh rustdoc

htmldocs:		## pages of Documentation/, in build/htmldocs
	$(Q)scripts/htmldocs.sh

tool:			## the command-line program, static: build/shmem-collapse
	$(Q)scripts/tool-build.sh

deb:			## Debian packages of module and program, in build/deb (ARCH=arm64: build/deb-arm64)
	$(Q)scripts/deb.sh $(filter arm64,$(ARCH))

deb-test:		## install the packages in a clean Debian (ARCH=arm64: an emulated one), boot what DKMS built
	$(Q)scripts/test.sh deb-test$(addprefix -,$(filter arm64,$(ARCH)))

model:			## check the model of the protocol (MODEL="NAME...": only these)
	$(Q)scripts/model.sh $(MODEL)

litmus:			## litmus tests with the kernel's memory model
	$(Q)scripts/litmus.sh

mutation:		## which tests notice that a guard is missing (MUTANT="NAME...")
	$(Q)scripts/mutation.sh $(MUTANT)

test:			## everything that CI runs
	$(Q)KERNEL=$(KERNEL) scripts/test.sh

.PHONY: help modules install clean rust-analyzer rustfmt rustfmtcheck check-kdir \
	setup kernel exports update clean-cache shell vm demo bench bench-quick \
	bench-instructions bench-functions kselftest stress fuzz fault-around soak mm-selftests programs kunit \
	compile-fail cross-build rustdoc htmldocs tool deb deb-test model litmus mutation test
