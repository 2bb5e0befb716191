# SPDX-License-Identifier: Apache-2.0
"""Figures: what was measured, what it is compared with in the same run, and its budget.

A figure is a dictionary, the same that the benchmark programs print (figure.h):

    name, value, unit
    floor, floor_name, ratio    what it is compared with
    ratio_most, ratio_least     budgets of the ratio
    value_most                  budget of the value
    breakdown                   part of another figure, left out of the short table
"""

BUDGETS = (("ratio", "ratio_most", "<="), ("ratio", "ratio_least", ">="), ("value", "value_most", "<="))


def figure(name, value, unit, *, floor=None, floor_name=None, **more):
    made = {"name": name, "value": value, "unit": unit, **more}
    if floor_name:
        made.update(floor=floor, floor_name=floor_name)
        if floor > 0:
            made["ratio"] = value / floor
    return made


def quantile(values, share):
    """share: 0.5 is the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def budgets(made):
    """(text, met) of each budget that the figure has."""
    for what, key, sign in BUDGETS:
        if key not in made or what not in made:
            continue
        met = made[what] >= made[key] if sign == ">=" else made[what] <= made[key]
        unit = "x" if what == "ratio" else f" {made['unit']}"
        yield f"{sign} {made[key]:g}{unit}", met


def met(made):
    """Whether the figure keeps its budgets; None when it has none."""
    verdicts = [kept for _, kept in budgets(made)]
    return all(verdicts) if verdicts else None


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"


def share(ratio):
    """Two places behind the point, or two digits that say something."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def cells(made):
    """What stands in the table: name, value, what it is compared with, ratio, budget, verdict."""
    kept = met(made)
    return (made["name"], f"{number(made['value'])} {made['unit']}".strip(),
            f"{number(made['floor'])} {made['floor_name']}" if "floor" in made else "",
            share(made["ratio"]) if "ratio" in made else "",
            ", ".join(text for text, _ in budgets(made)),
            "" if kept is None else "ok" if kept else "MISSED")


def table(found, everything=False):
    """Lines for a terminal."""
    head = ("figure", "value", "beside", "ratio", "budget", "")
    rows = [head, *(cells(made) for made in found if everything or not made.get("breakdown"))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return ["  ".join(cell.rjust(width) if column in (1, 3) else cell.ljust(width)
                      for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]
