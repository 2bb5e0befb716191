# SPDX-License-Identifier: Apache-2.0
"""The kernel treats what comes from outside to services as the specification says, and everything is aimed at."""

import collections

import edges_outside
import outside_kernel
import pytest

# Of the seed by which edges are looked for; its histories are judged as well.
EDGE_SEED, EDGE_HISTORIES = 4, 30
HISTORIES = 4
EDGES = edges_outside.all_edges()
# What must be seen at least so often, over all histories of a seed.
OFTEN = {("first", "pod"): 500, ("first", "out"): 1000, ("first", "stack"): 1000, ("first", "back"): 1000,
         ("first", "dropped"): 500, ("stray", "back"): 50, ("stray", "pod"): 3, ("next", "dropped"): 30,
         ("answer", "stack"): 500, ("answer", "out"): 500, ("error", "pod"): 50, ("error", "stack"): 100,
         ("error", "out"): 200, ("crowd", ""): 200, ("pieces", ""): 100}

# silent: edges that nothing contradicts; seen: how often a check saw a packet go where.
Reached = collections.namedtuple("Reached", "silent seen")


@pytest.fixture(scope="module")
def reached(judges):
    """An edge is not looked for any more when something has contradicted it."""
    left, seen = list(EDGES), collections.Counter()
    for number in range(EDGE_HISTORIES):
        session = outside_kernel.run(judges.grown, EDGE_SEED, number)
        left = [edge for edge in left if not edges_outside.contradicted(edge.reading, session.sights)]
        seen += session.seen
    return Reached([edge.what for edge in left], seen)


@pytest.mark.parametrize("what", OFTEN, ids=lambda what: "_".join(what))
def test_everything_is_seen_often(reached, what):
    assert reached.seen[what] >= OFTEN[what], reached.seen


@pytest.mark.parametrize("what", [edge.what for edge in EDGES])
def test_a_wrong_reading_is_contradicted_by_packets(reached, what):
    assert what not in reached.silent


@pytest.mark.parametrize("seed", range(2, 4))
def test_packets_from_outside_go_where_the_specification_says(judges, seed):
    sessions = [outside_kernel.run(judges.grown, seed, number) for number in range(HISTORIES)]
    assert sum(session.wire.sent for session in sessions) > HISTORIES * 500
