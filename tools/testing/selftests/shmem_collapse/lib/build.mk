# SPDX-License-Identifier: GPL-2.0
#
# What the selftests, benchmark, stress, fuzz and demonstration have in common: the
# objects of this folder, in SC_OBJECTS, and the compiler's flags. Included after
# OUTPUT is set.

SC_LIB := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
# The same place in a kernel source tree that has the module.
SC_TOP := $(SC_LIB)/../../../../..

# In a kernel source tree the module's header is among the kernel's, which "make
# headers" installs there.
ifneq ($(wildcard $(SC_LIB)/../../lib.mk),)
KHDR_INCLUDES ?= -isystem $(SC_TOP)/usr/include
SC_INCLUDES = $(KHDR_INCLUDES)
else
SC_INCLUDES := -I$(SC_TOP)/include/uapi
endif

SC_HEADERS := $(wildcard $(SC_LIB)/*.h) $(SC_TOP)/include/uapi/linux/shmem_collapse.h
SC_OBJECTS := $(patsubst $(SC_LIB)/%.c,$(OUTPUT)/lib/%.o,$(wildcard $(SC_LIB)/*.c))

CFLAGS += -O2 -g -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-I$(SC_LIB) $(SC_INCLUDES)
LDLIBS += -lpthread

$(OUTPUT)/lib/%.o: $(SC_LIB)/%.c $(SC_HEADERS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

# Programs of 32 bits without a C library, on x86 only: SC_CC32 is empty elsewhere.
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
SC_CC32 = $(CC) -m32 -std=gnu11 -O2 -Wall -Wextra -ffreestanding -fno-pic -fno-stack-protector \
	-nostdlib -static -isystem /usr/include/$$($(CC) -print-multiarch) $(SC_INCLUDES)
endif
