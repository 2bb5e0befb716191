# SPDX-License-Identifier: Apache-2.0
"""What must change no verdict of weir's, whatever the verdicts are: the evaluator has no say here."""

import random

import canonical
import compare
import pytest
from change import SAME
from generate import Maker
from probes import probes

SCENES = 20
PROBES = 300


def differing(judges, scene, same, asked):
    """Verdicts that change: after a cold start with the other scene, or on the way from the first to it."""
    for judge in judges:
        judge.reset()
        judge.apply(scene)
    wanted = compare.verdicts(judges.grown, scene, asked)
    judges.spare.reset()
    for judge in judges:
        judge.apply(same)
        wrong = compare.differing(compare.verdicts(judge, scene, asked), wanted, asked)
        if wrong:
            return wrong
    return []


@pytest.mark.parametrize("change", SAME)
def test_verdicts_stay_when_a_cluster_is(judges, change):
    for number in range(SCENES):
        maker = Maker(random.Random(f"{change}/{number}"))
        scene = maker.scene()
        same, asked = SAME[change](maker, scene), probes(maker, scene, PROBES)
        wrong = differing(judges, scene, same, asked)
        assert not wrong, (f"{len(wrong)} verdicts change, the first: {wrong[0]}\n## before\n{compare.describe(scene)}"
                           f"\n## after\n{compare.describe(same)}")


def test_order_of_objects_leaves_the_maps_as_they_are(judges):
    for number in range(SCENES):
        maker = Maker(random.Random(f"order/{number}"))
        scene = maker.scene()
        dumps = []
        for judge, each in zip(judges, (scene, SAME["reordered"](maker, scene))):
            judge.reset()
            judge.apply(each)
            dumps.append(canonical.canonical(judge.dump()))
        assert dumps[0] == dumps[1]
