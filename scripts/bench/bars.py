# SPDX-License-Identifier: GPL-2.0
"""What is measured against what: the rows that a run is judged by."""

import csv
from dataclasses import dataclass
from typing import Callable, Optional

KERNEL = "madvise"
OURS = "shmem_collapse"


class Run:
    """The figures of one kernel in bench.csv."""

    def __init__(self, figures, kernel):
        self.kernel = kernel
        self.figures = figures

    def get(self, engine, metric, mappers):
        return self.figures.get((engine, metric, mappers))

    def mappers(self, metric):
        return sorted({m for _, name, m in self.figures if name == metric})


def read_runs(path):
    """The runs of a file, that of the newest kernel first."""
    runs = {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            figures = runs.setdefault(row["kernel"], {})
            key = row["engine"], row["metric"], int(row["mappers"])
            figures[key] = float(row["value"])
    def version(kernel):
        return [int(part) for part in kernel.split("-")[0].split("+")[0].split(".")]
    return [Run(runs[name], name) for name in sorted(runs, key=version, reverse=True)]


@dataclass
class Bar:
    """One row: what it is, what it came to, and what it must and should be."""

    what: str
    value: Callable[[Run], Optional[float]]
    must: float
    aim: Optional[float] = None
    unit: str = "x"
    at_least: bool = True

    def judge(self, run):
        """None where nothing was measured; else what is reached: nothing, the must, the aim."""
        value = self.value(run)
        if value is None:
            return None
        def good(limit):
            return value >= limit if self.at_least else value <= limit
        if not good(self.must):
            return "missed"
        return "aim met" if self.aim is not None and good(self.aim) else "met"


def divided(over, under):
    return None if over is None or under is None or under <= 0 else over / under


def ours(metric, mappers):
    return lambda run: run.get(OURS, metric, mappers)


def ratio(metric, mappers):
    """The median of the rounds' quotients, which the benchmark forms itself."""
    return ours(f"{metric}_ratio", mappers)


def against_copying(mappers):
    return lambda run: divided(run.get(OURS, "p999_map_touch_unmap", mappers),
                               run.get(OURS, "p999_map_touch_unmap_copying", mappers))


def hopeless(metric):
    def percent(run):
        share = divided(run.get(OURS, metric, 1), run.get(OURS, "extent_time", 1))
        return None if share is None else 100 * share
    return percent


def bars():
    times = [(1, 1.8, 2.5), (8, 4, 6), (32, 7, 12)]
    nets = [(1, 3, 6), (8, 8, 16), (32, 12, 25)]
    rows = []
    for metric, how in (("extent", "one call for all"),
                        ("extent_call_each", "a call for each")):
        rows += [Bar(f"Time of an extent, {how}, {n} mappers", ratio(metric, n), must, aim)
                 for n, must, aim in times]
    rows += [Bar(f"The same without allocation and copy, {n} mappers",
                 ratio("extent_rest", n), must, aim)
             for n, must, aim in nets]
    rows += [Bar(f"Longest access to the memory, {n} mappers", ratio("max_access", n), must, aim)
             for n, must, aim in ((1, 2, 4), (32, 8, 15))]
    rows += [Bar(f"Extents left small by threads that touch them, {n} mappers",
                 ours("failed_extents", n), 0, unit="%", at_least=False) for n in (1, 8, 32)]
    rows += [Bar(f"Faults of another process on its next touch, {n} mappers",
                 ours("retouch_faults", n), 0, unit="per extent", at_least=False)
             for n in (8, 32)]
    rows += [Bar(f"map-touch-unmap thread, p99.9 against copying, {n} mappers",
                 against_copying(n), 1.5, 1.1, at_least=False) for n in (1, 8, 32)]
    rows += [Bar(f"mmap_lock acquisitions on the target, {n} mappers",
                 ours("mmap_lock_events", n), 0, unit="per request", at_least=False)
             for n in (1, 8, 32)]
    rows += [Bar(f"Drains of all LRU batches after a quiet moment, {n} mappers",
                 ours("lru_drain_all", n), 0, unit="per request", at_least=False)
             for n in (1, 8, 32)]
    rows += [Bar(f"Two workers against one, {n} mappers", ratio("workers", n), 1.6)
             for n in (1, 8, 32)]
    rows.append(Bar("Memory beyond the huge folio", ours("extra_memory", 1), 16, unit="KiB",
                    at_least=False))
    rows += [Bar(f"A hopeless extent ({what}), of the time of a collapse",
                 hopeless(f"hopeless_{name}_time"), 5, unit="%", at_least=False)
             for what, name in (("hole", "hole"), ("DMA-pinned", "pinned"),
                                ("already huge", "huge"))]
    return rows
