# SPDX-License-Identifier: Apache-2.0
"""From the objects to what packets meet: weir beside programs that load rule sets of the same services."""

import os
import secrets

import live
import rulesets
import weir
from figures import figure

SIZES = ((1000, 25), (10000, 25))
MOST_S = 60  # of processor time; a rule set that takes longer is given up
CHANGES = 5


def own_figures(quick, size):
    """Figures of bench-services for this size."""
    return live.figures_of("bench-services", *(["--quick"] if quick else map(str, size)))


def value_of(found, end):
    """Milliseconds."""
    made, = [made for made in found if made["name"].endswith(end)]
    return made["value"] / (1000 if made["unit"] == "us" else 1)


def changes_of(netns, rules, services, most_s):
    """Milliseconds of the median of a few changed endpoints; they are put back in between."""
    times = []
    for at in range(CHANGES):
        number = at * 7919 % len(services)
        other = rulesets.changed(services[number])
        times.append(rulesets.run_timed(netns, rules.change_command, rules.change(number, services[number], other), most_s))
        rulesets.run_timed(netns, rules.change_command, rules.change(number, other, services[number]), most_s)
    return sorted(time for time in times if time is not None)[len(times) // 2]


def beside(rules, size, mine, most_s):
    """Figures of weir beside one kind of rules. mine: milliseconds of all and of a change."""
    title, services = f"{size[0]} Services, {size[1]} endpoints each", rulesets.services_of(*size)
    netns = weir.Netns(f"wb{secrets.token_hex(3)}")
    try:
        took = rulesets.run_timed(netns, rules.command, rules.load(services), most_s)
        name = rules.command[0] if took is not None else f"{rules.command[0]}, given up after {most_s} s"
        yield figure(f"{title}: all, cold, beside {rules.name}", mine[0], "ms", floor=took or most_s * 1000, floor_name=name,
                     ratio_most=1)
        if took is not None:
            yield figure(f"{title}: one endpoint changes, beside {rules.name}", mine[1], "ms",
                         floor=changes_of(netns, rules, services, most_s), floor_name=name, ratio_most=1)
    finally:
        netns.close()


def measure(quick):
    most_s = int(os.environ.get("BENCH_RULES_S") or MOST_S)
    found = []
    for size in ((20, 5),) if quick else SIZES:
        own = own_figures(quick, size)
        mine = value_of(own, ": all, cold"), value_of(own, ": one endpoint changes, p50")
        found += own
        for rules in rulesets.peers():
            found += beside(rules, size, mine, most_s)
    return found + ([] if quick else own_figures(False, (100, 2500)))
