# SPDX-License-Identifier: GPL-2.0
"""functions.py OUTPUT COUNTS: instructions of each function per extent, as a Markdown page.

OUTPUT is what the benchmark's group "functions" printed, with /proc/kallsyms after it;
COUNTS is what count.c wrote meanwhile.
"""

import base64
import bisect
import gzip
import re
import subprocess
import sys
from collections import defaultdict

from bars import KERNEL, OURS

# Thousand instructions; what no column has more of is taken together.
LEAST = 1.0

# What /proc/kallsyms has after the names of our functions.
MODULE = " [shmem_collapse]"


def read_output(path):
    """The calls in their order, and (address, name) of all functions."""
    calls, encoded, symbols = [], [], None
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if symbols is not None:
                encoded.append(line)
            elif words[:1] == ["call"]:
                calls.append((words[1], int(words[2]), int(words[3])))
            elif words == ["symbols"]:
                symbols = encoded
    text = gzip.decompress(base64.b64decode("".join(encoded))).decode()
    named = []
    for line in text.splitlines():
        address, _, name, *module = line.split()
        named.append((int(address, 16), name + (f" {module[0]}" if module else "")))
    return calls, sorted(named)


def read_counts(path):
    """{address: instructions} of each call."""
    counts = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line == "call\n":
                counts.append({})
            else:
                address, instructions = line.split()
                address = int(address, 16)
                counts[-1][address] = counts[-1].get(address, 0) + int(instructions)
    return counts


def function_of(address, starts, symbols):
    if address < 1 << 63:
        return "(the calling program)"
    at = bisect.bisect_right(starts, address) - 1
    return symbols[at][1] if at >= 0 else "(unknown)"


def plain_names(names):
    """As they are in the source, Rust's without the crate."""
    text = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True,
                          check=True).stdout
    text = re.sub(r"\w+\[[0-9a-f]+\]::", "", text)
    return dict(zip(names, text.splitlines()))


def main():
    calls, symbols = read_output(sys.argv[1])
    counts = read_counts(sys.argv[2])
    if not calls or len(calls) != len(counts):
        sys.exit(f"error: {len(calls)} calls, but counts of {len(counts)}")
    starts = [address for address, _ in symbols]
    table, times = defaultdict(lambda: defaultdict(float)), defaultdict(int)
    for (engine, mappers, extents), blocks in zip(calls, counts):
        times[engine, mappers] += extents
        for address, instructions in blocks.items():
            table[function_of(address, starts, symbols)][engine, mappers] += instructions
    columns = [(engine, mappers) for engine in (OURS, KERNEL)
               for mappers in sorted({m for _, m in times})]

    def thousands(row):
        return [row.get(column, 0) / times[column] / 1e3 for column in columns]

    rows = {name: thousands(row) for name, row in table.items()}
    total = [sum(values) for values in zip(*rows.values())]
    module = [sum(values) for values in zip(*(v for n, v in rows.items() if n.endswith(MODULE)))]
    shown = sorted((n for n, values in rows.items() if max(values) >= LEAST),
                   key=lambda n: rows[n], reverse=True)
    rest = [t - sum(rows[n][i] for n in shown) for i, t in enumerate(total)]
    names = plain_names(shown)

    print("<!-- SPDX-License-Identifier: GPL-2.0 -->")
    print("# Where the instructions go")
    print()
    print("Thousand instructions per extent of 512 small pages, in each function itself, not in what")
    print("it calls: `make bench-functions`, one call for 16 extents, by number of mappers.")
    print()
    print("| | " + " | ".join(f"`{engine}`, {mappers}" for engine, mappers in columns) + " |")
    print("|---" + "|--:" * len(columns) + "|")

    def row(what, values):
        print(f"| {what} | " + " | ".join(f"{v:.1f}" for v in values) + " |")

    row("All", total)
    row("of which in the module", module)
    for name in shown:
        plain = names[name].removesuffix(MODULE)
        row(f"`{plain}`" + (", module" if name.endswith(MODULE) else ""), rows[name])
    row("everything else", rest)


main()
