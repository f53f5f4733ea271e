# SPDX-License-Identifier: GPL-2.0
"""table.py CSV: the figures as a Markdown page."""

import sys

from bars import KERNEL, OURS, bars, read_runs

# Metric, what it is called, unit, how it is divided for print.
ROWS = [
    ("extent_time", "Time of an extent, one call for all", "ms", 1000),
    ("extent_call_each_time", "Time of an extent, a call for each", "ms", 1000),
    ("extent_fresh_time", "Time of an extent just filled, one call for all", "ms", 1000),
    ("alloc_time", "of which allocation", "ms", 1000),
    ("copy_time", "of which copy", "ms", 1000),
    ("extent_rest_time", "Time of an extent, the rest (in rounds of its own)", "ms", 1000),
    ("max_access", "Longest access to the memory", "ms", 1000),
    ("failed_extents", "Extents left small by threads that touch them", "%", 1),
    ("retouch_faults", "Faults of another process on its next touch", "per extent", 1),
    ("busy_failed_extents", "Extents left small beside compaction", "%", 1),
    ("busy_retouch_faults", "Faults of another process after that", "per extent", 1),
    ("p999_map_touch_unmap", "map-touch-unmap thread, p99.9", "ms", 1000),
    ("p999_map_touch_unmap_copying", "the same while the other CPU copies", "ms", 1000),
    ("mmap_lock_events", "mmap_lock acquisitions on the target", "per request", 1),
    ("lru_drain_all", "Drains of all LRU batches", "per request", 1),
    ("extra_memory", "Memory beyond the huge folio", "KiB", 1),
    ("hopeless_hole_time", "Hopeless extent: hole", "ms", 1000),
    ("hopeless_pinned_time", "Hopeless extent: DMA-pinned in its middle", "ms", 1000),
    ("hopeless_huge_time", "Hopeless extent: already huge", "ms", 1000),
    ("workers_1_time", "Time of an extent, one call for all, one worker", "ms", 1000),
    ("workers_2_time", "The same, two workers", "ms", 1000),
    ("extent_instructions", "Instructions of an extent", "million", 1e6),
    ("alloc_instructions", "of which allocation", "million", 1e6),
    ("copy_instructions", "of which copy", "million", 1e6),
    ("extent_rest_instructions", "the rest", "million", 1e6),
]


def number(value, scale):
    if value is None:
        return ""
    value /= scale
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def figures(runs):
    columns = [(run, KERNEL) for run in reversed(runs)] + [(runs[0], OURS)]
    names = [f"`{engine}`, {run.kernel.split('-')[0].split('+')[0]}" for run, engine in columns]
    yield "| | mappers | unit | " + " | ".join(names) + " |"
    yield "|---|--:|---" + "|--:" * len(names) + "|"
    for metric, what, unit, scale in ROWS:
        for mappers in sorted({m for run in runs for m in run.mappers(metric)}):
            values = [number(run.get(engine, metric, mappers), scale) for run, engine in columns]
            yield f"| {what} | {mappers} | {unit} | " + " | ".join(values) + " |"


def ratios(run):
    yield "| | value | must | aim | |"
    yield "|---|--:|--:|--:|---|"
    for bar in bars():
        judged = bar.judge(run)
        if judged is None:
            continue
        sign = "≥" if bar.at_least else "≤"
        aim = "" if bar.aim is None else f"{sign} {bar.aim:g}"
        unit = "" if bar.unit == "x" else f" {bar.unit}"
        yield f"| {bar.what} | {bar.value(run):.2f}{unit} | {sign} {bar.must:g} | {aim} | {judged} |"


def main():
    runs = read_runs(sys.argv[1])
    print("<!-- SPDX-License-Identifier: GPL-2.0 -->")
    print("# Results of `make bench`")
    print()
    print("An emulated machine (QEMU TCG) with two CPUs: only ratios mean anything. Medians; how")
    print("each figure is made is in [performance.rst](../mm/performance.rst).")
    print()
    print("## The kernel's divided by ours")
    print()
    print("\n".join(ratios(runs[0])))
    print()
    print("## All figures")
    print()
    print("\n".join(figures(runs)))


main()
