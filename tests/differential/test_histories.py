# SPDX-License-Identifier: Apache-2.0
"""The share of tests/differential/run that every test run has: always the same histories."""

import history
import pytest
from reach import BALANCED

HISTORIES = 8


@pytest.mark.parametrize("seed", range(1, 5))
def test_clusters_that_change_are_judged_as_the_specification_says(judges, seed):
    verdicts = allowed = 0
    for number in range(HISTORIES):
        counted, passed = history.run(judges, seed, number)
        verdicts, allowed = verdicts + counted, allowed + passed
    assert verdicts > HISTORIES * 1000
    assert BALANCED[0] < allowed / verdicts < BALANCED[1]
