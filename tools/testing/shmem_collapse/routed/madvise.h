/* SPDX-License-Identifier: GPL-2.0 */
/* The names that the linker gives with --wrap=madvise. */
#ifndef ROUTED_MADVISE_H
#define ROUTED_MADVISE_H

#include <stddef.h>

int __real_madvise(void *addr, size_t len, int advice);
int __wrap_madvise(void *addr, size_t len, int advice);

#endif /* ROUTED_MADVISE_H */
