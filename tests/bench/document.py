#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tables and pictures of docs/performance.md, from the figures of one run.

usage: tests/bench/document.py FIGURES.json DOCS

Writes DOCS/performance/ (the figures, a picture a suite) and, in DOCS/performance.md, what stands
between the lines "<!-- figures -->" and "<!-- end of figures -->". Suites about services and about
clusters have lines of their own, "<!-- figures of services -->" and "<!-- end of figures of services -->";
a part of which the run has no suite stays as it was. The text around them is written by people, about a certain
run: read it again when the figures are new.
"""

import json
import sys

import figures
import plot

# Name of the copy of the figures, and of the lines in the document.
PARTS = {"figures": "figures", "services": "figures of services", "cluster": "figures of clusters"}
CLUSTER = ("nodes", "flood")
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


def part_of(name):
    """Of a suite."""
    return "services" if name.startswith("service") else "cluster" if name in CLUSTER else "figures"


def parts(report):
    """Name -> the report with the suites of this part only, where it has any."""
    split = {name: {suite: found for suite, found in report["suites"].items() if part_of(suite) == name} for name in PARTS}
    return {name: {**report, "suites": suites} for name, suites in split.items() if suites}


def replaced(text, what, new):
    """what: of the lines between which the new text comes."""
    begin, end = f"<!-- {what} -->\n", f"<!-- end of {what} -->\n"
    before, rest = text.split(begin)
    return f"{before}{begin}\n{new}\n{end}{rest.split(end)[1]}"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path, docs = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        found = parts(json.load(file))
    with open(f"{docs}/performance.md", encoding="utf-8") as file:
        text = file.read()
    for name, report in found.items():
        pictures = plot.draw_all(budgeted(report), f"{docs}/performance", "svg")
        text = replaced(text, PARTS[name], section(report, pictures))
        with open(f"{docs}/performance/{name}.json", "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
    with open(f"{docs}/performance.md", "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
