# SPDX-License-Identifier: GPL-2.0
"""Holds 12 MB of POSIX shared memory: 4 MB are filled, 4 more at each SIGHUP."""
import signal
from multiprocessing.shared_memory import SharedMemory

PARTS = 3
PART = 4 << 20

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
shm = SharedMemory("holder", create=True, size=PARTS * PART, track=False)
for part in range(PARTS):
    for page in range(part * PART, (part + 1) * PART, 4096):
        shm.buf[page] = 1
    signal.sigwait({signal.SIGHUP})
