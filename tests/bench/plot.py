#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Pictures of figures that tests/bench/run wrote with --json: one a suite, in DIR.

usage: tests/bench/plot.py FIGURES.json DIR [png|svg]

A bar is a ratio to what stands behind the name, on a scale where twice and half are equally far;
a mark is the budget. Figures that are compared with nothing are drawn relative to their budget.
"""

import json
import os
import sys

import matplotlib

import figures

matplotlib.use("Agg")
# The same figures give the same bytes, and text stays text.
matplotlib.rcParams.update({"svg.hashsalt": "weir", "svg.fonttype": "none"})
from matplotlib import pyplot, ticker  # noqa: E402

SHORTEST = 1 / 16  # what is less still has its number
COLOURS = {True: "#3a7d44", False: "#b5382d", None: "#5b7a99"}


def bar_of(made):
    """(label, length, budget) or None when there is nothing to compare with."""
    if "ratio" in made:
        budget = made.get("ratio_most", made.get("ratio_least"))
        if budget is None and "value_most" in made:
            budget = made["value_most"] / made["floor"]
        return f"{made['name']}  /  {made['floor_name']}", made["ratio"], budget
    if made.get("value_most"):
        return f"{made['name']}  /  budget", made["value"] / made["value_most"], 1
    return None


def draw(suite, found, path):
    shown = [(bar_of(made), figures.met(made)) for made in found if not made.get("breakdown")]
    shown = [(bar, kept) for bar, kept in shown if bar and bar[1] > 0]
    if not shown:
        return False
    figure, axes = pyplot.subplots(figsize=(13, 1.2 + 0.27 * len(shown)))
    for row, ((_, length, budget), kept) in enumerate(shown):
        axes.barh(row, length - 1, left=1, color=COLOURS[kept])
        axes.annotate(figures.share(length), (max(length, 1), row), xytext=(3, 0), textcoords="offset points", va="center",
                      fontsize=7)
        if budget:
            axes.plot([budget, budget], [row - 0.45, row + 0.45], color="black", linewidth=2)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:.2g}"))
    axes.set_yticks(range(len(shown)), [label for (label, *_), _ in shown], fontsize=7)
    axes.margins(y=0.01)
    axes.set_xlim(left=max(axes.get_xlim()[0], SHORTEST))
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.5)
    axes.set_title(f"{suite}: ratios; green and red keep or miss the budget (black mark)", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)
    pyplot.close(figure)
    return True


def draw_all(report, directory, kind="png"):
    """Paths of the pictures."""
    os.makedirs(directory, exist_ok=True)
    paths = {suite: f"{directory}/{suite}.{kind}" for suite in report["suites"]}
    return [path for suite, path in paths.items() if draw(suite, report["suites"][suite], path)]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    print("\n".join(draw_all(report, *sys.argv[2:])))


if __name__ == "__main__":
    main()
