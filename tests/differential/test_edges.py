# SPDX-License-Identifier: Apache-2.0
"""The random worlds of every test run reach what they aim at: no kernel is asked here."""

import collections

import history
import pytest
import reach
from edges import EDGES

HISTORIES = 60

# silent: edges on which no verdict of any world hangs; share: of the verdicts, those that allow.
Reached = collections.namedtuple("Reached", "silent share")


@pytest.fixture(scope="module")
def reached():
    """An edge is not looked for any more when a verdict hangs on it."""
    left, verdicts = list(EDGES), []
    for number in range(HISTORIES):
        for world in history.worlds(1, number) if left else ():
            right = reach.verdicts(world.scene, world.probes)
            left = [edge for edge in left if not reach.hangs(edge.reading, world, right)]
            verdicts += right
    return Reached([edge.what for edge in left], sum(verdicts) / len(verdicts))


@pytest.mark.parametrize("what", [edge.what for edge in EDGES])
def test_a_verdict_hangs_on_the_edge(reached, what):
    assert what not in reached.silent


def test_verdicts_of_both_kinds_are_frequent(reached):
    assert reach.BALANCED[0] <= reached.share <= reach.BALANCED[1]
