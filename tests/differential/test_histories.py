# SPDX-License-Identifier: Apache-2.0
"""The share of tests/differential/run that every test run has: always the same histories."""

import random

import compare
import history
import pytest
from generate import Maker
from probes import probes
from reach import BALANCED

HISTORIES = 8
THRONGS = 4


@pytest.mark.parametrize("seed", range(1, 5))
def test_clusters_that_change_are_judged_as_the_specification_says(judges, seed):
    verdicts = allowed = 0
    for number in range(HISTORIES):
        counted, passed = history.run(judges, seed, number)
        verdicts, allowed = verdicts + counted, allowed + passed
    assert verdicts > HISTORIES * 1000
    assert BALANCED[0] < allowed / verdicts < BALANCED[1]


def test_rules_beyond_the_first_look_at_wide_bit_sets_are_judged_as_the_specification_says(judges):
    """Histories meet them seldom, because they cost much."""
    for number in range(THRONGS):
        maker = Maker(random.Random(f"throng/{number}"))
        scene = maker.scene()
        scene.objects = [obj for obj in scene.objects if obj["metadata"]["name"] != "throng"] + maker.throng()
        asked = probes(maker, scene, history.PROBES)
        judges.grown.reset()
        judges.grown.apply(scene)
        wrong = compare.differing(compare.verdicts(judges.grown, scene, asked), compare.expected(scene, asked), asked)
        assert not wrong, f"{len(wrong)} verdicts differ in throng {number}, the first: {wrong[0]}"
