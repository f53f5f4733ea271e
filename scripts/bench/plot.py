# SPDX-License-Identifier: GPL-2.0
"""plot.py CSV DIRECTORY: ratios.svg, with the bars to reach, and steps.svg, of what cost is made."""

import re
import sys

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt  # noqa: E402

from bars import OURS, bars, read_runs  # noqa: E402

STEPS = ("gather", "unmap", "copy", "commit", "map", "free")
COLOURS = ("#4477aa", "#ee6677", "#cccccc", "#228833", "#ccbb44", "#66ccee")

plt.rcParams.update({
    "svg.hashsalt": "shmem_collapse", "svg.fonttype": "none", "font.size": 9,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
})


def save(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def plot_ratios(run, path):
    rows = [bar for bar in bars() if bar.at_least and bar.value(run) is not None]
    if not rows:
        return
    figure, axes = plt.subplots(figsize=(7.5, 0.3 * len(rows) + 1))
    for at, bar in enumerate(reversed(rows)):
        value = bar.value(run)
        axes.barh(at, value, color="#ee6677" if bar.judge(run) == "missed" else "#4477aa", height=0.6)
        axes.annotate(f"{value:.1f}", (value, at), (3, 0), textcoords="offset points",
                      va="center", zorder=3,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
        axes.plot([bar.must] * 2, [at - 0.4, at + 0.4], color="black", linewidth=2)
        axes.plot([bar.aim] * 2, [at - 0.4, at + 0.4], color="black", linewidth=1,
                  linestyle=":")
    axes.set_yticks(range(len(rows)), [bar.what for bar in reversed(rows)])
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.plot([], [], color="black", linewidth=2, label="must")
    axes.plot([], [], color="black", linewidth=1, linestyle=":", label="aim")
    axes.set_xlabel(f"madvise(MADV_COLLAPSE) of Linux {run.kernel.split('+')[0]} "
                    "divided by shmem_collapse")
    axes.legend(loc="lower right", frameon=False)
    save(figure, path)


def curve(run, pattern, position):
    """Values of each step at each point: metric names give the points, or mappers do."""
    points = {}
    for (engine, metric, mappers), value in run.figures.items():
        match = re.fullmatch(pattern, metric)
        if engine == OURS and match:
            points.setdefault(position(match, mappers), {})[match["step"]] = value
    order = sorted(points)
    return order, [[points[x].get(step, 0) for x in order] for step in STEPS]


def stacked(axes, order, values, scale):
    axes.stackplot(order, [[v / scale for v in step] for step in values], labels=STEPS,
                   colors=COLOURS)
    axes.set_xticks(order)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, order[-1])


def plot_steps(run, path):
    unit, scale, label = "instructions", 1e6, "million instructions"
    if not any(metric == "step_copy_instructions" for _, metric, _ in run.figures):
        unit, scale, label = "time", 1e3, "ms"
    by_mappers = curve(run, rf"step_(?P<step>[a-z]+)_{unit}", lambda match, mappers: mappers)
    by_pages = curve(run, rf"step_(?P<step>[a-z]+)_of_(?P<pages>\d+)_pages_{unit}",
                     lambda match, mappers: int(match["pages"]))
    requests = {int(match[1]): value for (_, metric, _), value in run.figures.items()
                if (match := re.fullmatch(rf"request_of_(\d+)_extents_{unit}", metric))}
    if not by_mappers[0] or not by_pages[0] or not requests:
        return
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    stacked(left, *by_mappers, scale)
    left.set_xticks([1, 16, 32, 64])
    left.set_xlabel("processes that map it (512 pages there)")
    left.set_ylabel(f"one extent, {label}")
    stacked(middle, *by_pages, scale)
    middle.set_xticks([1, 128, 256, 384, 512])
    middle.set_xlabel("pages that are there (8 processes)")
    right.plot(sorted(requests), [requests[n] / scale for n in sorted(requests)], marker="o",
               color="#4477aa")
    right.set_xlabel("extents of one request (1 process)")
    right.set_ylabel(f"the request, {label}")
    right.set_xlim(left=0)
    right.set_ylim(bottom=0)
    handles, labels = left.get_legend_handles_labels()
    # Beside the data: the stacks fill their axes up to the corners.
    figure.legend(handles[::-1], labels[::-1], loc="outside right center", frameon=False)
    save(figure, path)


def main():
    run = read_runs(sys.argv[1])[0]
    plot_ratios(run, f"{sys.argv[2]}/ratios.svg")
    plot_steps(run, f"{sys.argv[2]}/steps.svg")


main()
