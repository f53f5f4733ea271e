# SPDX-License-Identifier: GPL-2.0
"""A writer and two readers of one POSIX shared memory segment.

The writer changes pages all the time: number, then the same number at the end
of the page. The readers look at every page: the two may differ by a write in
progress, and numbers never go back.
"""
import os
import sys
from multiprocessing import Process
from multiprocessing.shared_memory import SharedMemory

SIZE = 32 << 20
PAGE = 4096 // 8
WORDS = SIZE // 8
STOP = "/tmp/posix-shm.stop"


def read(name):
    shm = SharedMemory(name, track=False)
    # Words of 8 bytes, read and written as one; struct.pack_into() is not so.
    with shm.buf.cast("Q") as words:
        seen = [0] * (WORDS // PAGE)
        rounds = 0
        while rounds == 0 or not os.path.exists(STOP):
            for page in range(WORDS // PAGE):
                last = words[page * PAGE + PAGE - 1]
                first = words[page * PAGE]
                if last < seen[page] or first < last or first == 0:
                    sys.exit(f"page {page}: {first}, {last} after {seen[page]}")
                seen[page] = last
            rounds += 1
    shm.close()


def write(words, value):
    for page in range(WORDS // PAGE):
        words[page * PAGE] = value
        words[page * PAGE + PAGE - 1] = value


def main():
    shm = SharedMemory("programs", create=True, size=SIZE)
    value = 1
    with shm.buf.cast("Q") as words:
        write(words, value)
        readers = [Process(target=read, args=("programs",)) for _ in range(2)]
        for reader in readers:
            reader.start()
        print(readers[0].pid, flush=True)
        while not os.path.exists(STOP) and all(r.is_alive() for r in readers):
            value += 1
            write(words, value)
        for reader in readers:
            reader.join()
        wrong = sum(words[page * PAGE] != value for page in range(WORDS // PAGE))
    shm.close()
    shm.unlink()
    sys.exit(bool(wrong) or any(reader.exitcode for reader in readers))


if __name__ == "__main__":
    main()
