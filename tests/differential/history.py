# SPDX-License-Identifier: Apache-2.0
"""A history: a random scene and what becomes of it, judged at every step, with a cold start at its end.

The agent of the history is killed and started now and then, and packets come before a change has settled.
"""

import collections
import random

import canonical
import compare
import probes
from change import later
from generate import Maker
from kernel import Broken

STEPS = 6
PROBES = 300

# One step: a scene, the one before it or None, and what is asked.
World = collections.namedtuple("World", "before scene probes")


class Different(AssertionError):
    """weir and the specification, or two ways to one state, do not agree."""


def worlds(seed, number, steps=STEPS):
    """The same for equal seeds and numbers, whatever is done with them."""
    maker = Maker(random.Random(f"{seed}/{number}"))
    scene = None
    for _ in range(steps):
        before, scene = scene, later(maker, scene) if scene else maker.scene()
        yield World(before, scene, probes.probes(maker, scene, PROBES))


def _step(maker, judges, world):
    judge = judges.grown
    if world.before and maker.chance(0.1):
        judge.restart()
    judge.apply(world.scene, as_yaml=maker.chance(0.15))
    if maker.chance(0.5):
        judge.settle()
    asked = [probe for probe in world.probes if not judge.departed & {probe.src, probe.dst}]
    found = compare.verdicts(judge, world.scene, asked)
    wrong = compare.differing(found, compare.expected(world.scene, asked), asked)
    if wrong:
        raise Different(f"{len(wrong)} of {len(asked)} verdicts differ\n"
                        + compare.report(judges.spare, world.scene, wrong[0], world.before))
    return len(found), sum(found)


def _same_as_cold(judges, scene):
    """Both have the same in their maps, up to numbers, and as many entries."""
    judges.spare.reset()
    judges.spare.apply(scene)
    grown, cold = (canonical.canonical(judge.dump()) for judge in judges)
    for part, expected in cold.items():
        if grown[part] != expected:
            raise Different(f"{part} after the changes: {grown[part]}\n{part} after a cold start: {expected}\n"
                            + compare.describe(scene))


def run(judges, seed, number, steps=STEPS):
    """(verdicts, how many of them were "allow"). Judges may have anything in force before."""
    maker = Maker(random.Random(f"{seed}/{number}/agent"))
    scene, verdicts, allowed = None, 0, 0
    judges.grown.reset()
    try:
        for world in worlds(seed, number, steps):
            counted, passed = _step(maker, judges, world)
            verdicts, allowed, scene = verdicts + counted, allowed + passed, world.scene
        _same_as_cold(judges, scene)
    except (Different, Broken, canonical.Leak) as error:
        raise Different(f"history {number} of seed {seed}: {error}") from None
    return verdicts, allowed
