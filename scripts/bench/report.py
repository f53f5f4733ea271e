# SPDX-License-Identifier: GPL-2.0
"""report.py [--all] CSV: prints each ratio with its bar; status 1 if one that must be is missed.

With --all also what was not measured is missed.
"""

import sys

from bars import KERNEL, OURS, bars, read_runs


def main():
    run = read_runs(sys.argv[-1])[0]
    everything = "--all" in sys.argv
    print(f"Linux {run.kernel}")
    print(f"{'':66}{'value':>10}{'must':>8}{'aim':>7}")
    missed = 0
    for bar in bars():
        judged = bar.judge(run)
        if judged is None:
            if everything:
                print(f"{bar.what:66}{'not measured':>18}")
                missed += 1
            continue
        missed += judged == "missed"
        unit = "" if bar.unit == "x" else f" {bar.unit}"
        aim = "" if bar.aim is None else f"{bar.aim:g}"
        sign = "" if bar.at_least else "<="
        print(f"{bar.what:66}{bar.value(run):10.2f}{sign + f'{bar.must:g}':>8}{aim:>7}"
              f"  {judged}{unit and f' ({unit.strip()})'}")
    for metric, what in (("extent", "Instructions per extent"),
                         ("extent_rest", "The same without allocation and copy")):
        for mappers in run.mappers(f"{metric}_instructions"):
            theirs, mine = (run.get(engine, f"{metric}_instructions", mappers)
                            for engine in (KERNEL, OURS))
            print(f"{f'{what}, {mappers} mappers':66}{theirs / mine:10.2f}"
                  f"  ({theirs / 1e6:.2f} / {mine / 1e6:.2f} million)")
    for metric, what in (("busy_failed_extents", "Extents left small beside compaction"),
                         ("busy_retouch_faults", "Faults of another process after that")):
        for mappers in run.mappers(metric):
            theirs, mine = (run.get(engine, metric, mappers) for engine in (KERNEL, OURS))
            print(f"{f'{what}, {mappers} mappers':66}{mine:10.2f}"
                  f"  ({KERNEL}: {theirs:.2f})")
    if missed:
        print(f"{missed} figures that must be reached are not")
    return 1 if missed else 0


sys.exit(main())
