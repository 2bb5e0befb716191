# SPDX-License-Identifier: Apache-2.0
"""How often do random worlds reach the edges of the specification, and how many verdicts hang on each?"""

import collections
import copy

import edges_pods
import edges_policy
import edges_tiers
import history
from edges import EDGES
from evaluate import Cluster

FILES = {edges_policy: "NetworkPolicies", edges_pods: "Pods, nodes and what becomes of them",
         edges_tiers: "Admin and Baseline tiers"}

# What is nearly always allowed, or denied, says little: the share of verdicts that allow lies between.
BALANCED = (0.2, 0.8)

# worlds: in how many it occurs; verdicts: how many hang on it.
Count = collections.namedtuple("Count", "worlds verdicts")
# Of some worlds: by_edge has a Count for each edge's text.
Coverage = collections.namedtuple("Coverage", "worlds verdicts allowed by_edge")


def each_verdict(scene, probes, judge=Cluster):
    """One after the other, so that who has seen enough can stop."""
    cluster = judge(scene.node, scene.objects, scene.pods.values())
    return (cluster.allows(probe) for probe in probes)


def verdicts(scene, probes):
    return list(each_verdict(scene, probes))


def _misread(reading, world):
    """An iterator of the verdicts of one who reads world wrongly, or None: there is nothing to be read wrongly."""
    if isinstance(reading, type):
        return each_verdict(world.scene, world.probes, reading)
    scene = copy.deepcopy(world.scene)
    reading(scene, world.before)
    return None if scene == world.scene else each_verdict(scene, world.probes)


def count(reading, world, right):
    """Count of one world; right are its verdicts."""
    wrong = _misread(reading, world)
    if wrong is None:
        return Count(0, 0)
    turned = sum(a != b for a, b in zip(right, wrong))
    # Who judges wrongly by himself leaves no trace in a scene but his verdicts.
    return Count(int(turned > 0 or not isinstance(reading, type)), turned)


def hangs(reading, world, right):
    """Does any verdict of the world hang on it?"""
    wrong = _misread(reading, world)
    return wrong is not None and any(a != b for a, b in zip(right, wrong))


def added(counts):
    return Count(*(sum(each) for each in zip(*counts)))


def of_history(seed_and_number):
    """Coverage of the worlds of one history."""
    total = Coverage(0, 0, 0, {edge.what: Count(0, 0) for edge in EDGES})
    for world in history.worlds(*seed_and_number):
        right = verdicts(world.scene, world.probes)
        one = Coverage(1, len(right), sum(right), {edge.what: count(edge.reading, world, right) for edge in EDGES})
        total = plus(total, one)
    return total


def plus(a, b):
    return Coverage(*(x + y for x, y in zip(a[:3], b[:3])),
                    {what: added((a.by_edge[what], b.by_edge[what])) for what in a.by_edge})


def faults(coverage):
    """Texts: edges on which nothing hangs, and verdicts that are nearly all alike."""
    found = [f"no verdict hangs on: {what}" for what, each in coverage.by_edge.items() if not each.verdicts]
    share = coverage.allowed / max(coverage.verdicts, 1)
    return found + ([] if BALANCED[0] <= share <= BALANCED[1] else [f"{share:.0%} of the verdicts allow"])


def table(coverage):
    lines = [f"{coverage.verdicts} verdicts ({coverage.allowed / max(coverage.verdicts, 1):.0%} allow) in "
             f"{coverage.worlds} worlds. Of an edge and its wrong reading: in how many worlds it occurs, how many "
             "verdicts the reading would turn around.", ""]
    for module, title in FILES.items():
        lines += [f"{'worlds':>7} {'verdicts':>8}  {title}"]
        lines += [f"{coverage.by_edge[edge.what].worlds:7} {coverage.by_edge[edge.what].verdicts:8}  {edge.what}"
                  for edge in EDGES if edge.reading.__module__ == module.__name__]
    return "\n".join(lines)
