#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tables and pictures of docs/performance.md, from the figures of one run.

usage: tests/bench/document.py FIGURES.json DOCS

Writes DOCS/performance/ (the figures, a picture a suite) and, in DOCS/performance.md, what stands
between the lines "<!-- figures -->" and "<!-- end of figures -->". The text around them is written
by people, about a certain run: read it again when the figures are new.
"""

import json
import os
import shutil
import sys

import figures
import plot

BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
HEAD = ("figure", "value", "beside", "ratio", "budget", "")


def row(cells):
    return f"| {' | '.join(cells)} |"


def table(found):
    """Lines of Markdown."""
    return [row(HEAD), "|---|--:|---|--:|---|---|", *(row(figures.cells(made)) for made in found)]


def suite(name, found, picture):
    """A section: what has a budget, and the rest folded away."""
    shown = [made for made in found if not made.get("breakdown")]
    with_budget = [made for made in shown if figures.met(made) is not None]
    others = [made for made in shown if figures.met(made) is None]
    lines = [f"### {name}", ""]
    if with_budget:
        lines += [*table(with_budget), ""]
    if others:
        lines += ["<details><summary>without a budget</summary>", "", *table(others), "", "</details>", ""]
    if picture:
        lines += [f"![ratios of {name}](performance/{name}.svg)", ""]
    return lines


def budgeted(report):
    """Only the figures that have a budget: a picture of a page, not a poster."""
    return {"suites": {name: [made for made in found if figures.met(made) is not None]
                       for name, found in report["suites"].items()}}


def section(report, pictures):
    kept = [figures.met(made) for found in report["suites"].values() for made in found if not made.get("breakdown")]
    lines = [f"{report['date']}, Linux {report['kernel']}, {report['cpu']}, {report['cpus']} CPUs, load "
             f"{report['load'][0]} before and {report['load'][1]} after: {kept.count(True)} budgets met, "
             f"{kept.count(False)} missed.", ""]
    for name, found in report["suites"].items():
        lines += suite(name, found, any(path.endswith(f"/{name}.svg") for path in pictures))
    return "\n".join(lines)


def replaced(text, new):
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{new}\n{END}{rest.split(END)[1]}"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path, docs = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    pictures = plot.draw_all(budgeted(report), f"{docs}/performance", "svg")
    copy = f"{docs}/performance/figures.json"
    if os.path.abspath(path) != os.path.abspath(copy):
        shutil.copyfile(path, copy)
    with open(f"{docs}/performance.md", encoding="utf-8") as file:
        text = file.read()
    with open(f"{docs}/performance.md", "w", encoding="utf-8") as file:
        file.write(replaced(text, section(report, pictures)))


if __name__ == "__main__":
    main()
