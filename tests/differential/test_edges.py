# SPDX-License-Identifier: Apache-2.0
"""The random worlds of every test run reach what they aim at: no kernel is asked here."""

import history
import pytest
import reach
from edges import EDGES

HISTORIES = 40


@pytest.fixture(scope="module")
def silent():
    """Edges on which no verdict of any world hangs. An edge is not looked for any more when one does."""
    left = list(EDGES)
    for number in range(HISTORIES):
        for world in history.worlds(1, number) if left else ():
            right = reach.verdicts(world.scene, world.probes)
            left = [edge for edge in left if not reach.count(edge.reading, world, right).verdicts]
    return [edge.what for edge in left]


@pytest.mark.parametrize("what", [edge.what for edge in EDGES])
def test_a_verdict_hangs_on_the_edge(silent, what):
    assert what not in silent
