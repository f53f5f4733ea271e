// SPDX-License-Identifier: GPL-2.0
/* Accesses to memory that may be gone, protected or guarded. */
#include "stress.h"

#include <string.h>

static __thread sigjmp_buf back;
static __thread volatile sig_atomic_t armed;

static void trapped(int sig)
{
	if (armed)
		siglongjmp(back, sig);
	signal(sig, SIG_DFL);	/* and once more, to die of it */
}

void trap_init(void)
{
	struct sigaction action = { .sa_handler = trapped, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

int copy_trapped(void *to, const void *from, size_t len)
{
	int sig = sigsetjmp(back, 0);

	if (!sig) {
		armed = 1;
		memcpy(to, from, len);
	}
	armed = 0;
	return sig;
}
