# SPDX-License-Identifier: Apache-2.0
"""Random services are as the specification says, resolved and in the kernel, and reach what they aim at."""

import collections
import os

import edges_service
import pytest
import service_history
import service_kernel
import service_model

HISTORIES = 16
EDGE_HISTORIES = 40
KERNEL_HISTORIES = 10
# The share of the rarest and of the most frequent answer.
BALANCED = (0.02, 0.6)
EDGES = edges_service.all_edges()


@pytest.fixture(scope="module")
def models():
    if not os.access(service_model.PROGRAM, os.X_OK):
        pytest.skip(f"not built: {service_model.PROGRAM}")
    with service_model.Model() as grown, service_model.Model() as spare:
        yield grown, spare


@pytest.mark.parametrize("seed", range(1, 5))
def test_services_that_change_are_resolved_as_the_specification_says(models, seed):
    answered = sum(service_history.run(models, seed, number) for number in range(HISTORIES))
    assert answered > HISTORIES * 500


@pytest.mark.parametrize("seed", range(1, 4))
def test_packets_of_pods_go_where_the_specification_says(judges, seed):
    sessions = [service_kernel.run(judges.grown, seed, number) for number in range(KERNEL_HISTORIES)]
    assert sum(session.asked for session in sessions) > KERNEL_HISTORIES * 500
    assert sum(session.nobody_met for session in sessions) > 20
    met, there = (sum(session.met[n] for session in sessions) for n in (0, 1))
    # Each backend is tried for four times: by chance one in fifty is not met.
    assert met > there * 0.9


# silent: edges on which no answer of any world hangs; answers: how many of which kind.
Reached = collections.namedtuple("Reached", "silent answers")


@pytest.fixture(scope="module")
def reached():
    """An edge is not looked for any more when an answer hangs on it."""
    left, answers = list(EDGES), collections.Counter()
    for number in range(EDGE_HISTORIES):
        for world in service_history.worlds(1, number) if left else ():
            judge = service_history.evaluator(world.scene)
            right = [judge.answers(question) for question in world.questions]
            left = [edge for edge in left
                    if not edges_service.turned(edge.reading, world.scene, world.questions, right)]
            answers.update(each[0].what for each in right)
    return Reached([edge.what for edge in left], answers)


@pytest.mark.parametrize("what", [edge.what for edge in EDGES])
def test_an_answer_hangs_on_the_edge(reached, what):
    assert what not in reached.silent


def test_answers_of_all_kinds_are_frequent(reached):
    shares = [reached.answers[what] / sum(reached.answers.values()) for what in ("pass", "backends", "refuse", "drop")]
    assert BALANCED[0] <= min(shares) and max(shares) <= BALANCED[1], reached.answers
