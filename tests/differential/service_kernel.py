# SPDX-License-Identifier: Apache-2.0
"""Where packets of pods go in the kernel, against the evaluator: weir-judge has the services of a history in its maps."""

import random

import service_history
from history import Different
from kernel import Broken
from reading import address_of

# Source ports: each is used once, so that no connection is known already.
FIRST_PORT, LAST_PORT = 1024, 65535
TRIES_PER_BACKEND, TRIES_MIN = 4, 3


class Ports:
    def __init__(self):
        self.next = FIRST_PORT

    def take(self):
        self.next = self.next + 1 if self.next < LAST_PORT else FIRST_PORT
        return self.next


def _tries(right, question):
    most = max(len(answer.backends) for answer in right.answers(question))
    return max(TRIES_MIN, TRIES_PER_BACKEND * most)


def _place(line):
    address, port = line.split(" ")
    return address_of(address), int(port)


def fits(found, answer, question):
    """found: where several connections of one client went."""
    if answer.what in ("drop", "refuse"):
        return found == {answer.what}
    if found & {"drop", "refuse"}:
        return False
    places = {_place(line) for line in found}
    if answer.what == "pass":
        return places == {(address_of(question.address), question.port)}
    return places <= answer.backends and (not answer.affinity_s or len(places) == 1)


def faults(judge, scene, questions, ports):
    """(texts, [how many backends were met, how many there are]): the latter of services without affinity."""
    right, met, wrong = service_history.evaluator(scene), [0, 0], []
    asked = [(question, ports.take()) for question in questions for _ in range(_tries(right, question))]
    lines = {}
    for (question, _), line in zip(asked, judge.ask_service(asked)):
        lines.setdefault(question, set()).add(line)
    for question, found in lines.items():
        answers = right.answers(question)
        if not any(fits(found, answer, question) for answer in answers):
            wrong.append(f"{question}\nthe specification says {' or '.join(map(str, answers))}\nweir: {sorted(found)}")
        elif len(answers) == 1 and answers[0].what == "backends" and not answers[0].affinity_s:
            met = [met[0] + len(found), met[1] + len(answers[0].backends)]
    return wrong, met


def run(judge, seed, number, ports, steps=service_history.STEPS):
    """(connections of pods that were asked for, [backends met, backends there are])."""
    maker, asked, met = random.Random(f"services/{seed}/{number}/kernel"), 0, [0, 0]
    judge.reset()
    try:
        for world in service_history.worlds(seed, number, steps):
            if maker.random() < 0.1:
                judge.restart()
            judge.apply(world.scene, as_yaml=maker.random() < 0.15)
            if maker.random() < 0.5:
                judge.settle()
            questions = [question for question in world.questions if question.client == "pod"]
            wrong, here = faults(judge, world.scene, questions, ports)
            if wrong:
                raise Different(f"{len(wrong)} faults, the first: {wrong[0]}\n"
                                + service_history.compare.describe(world.scene))
            asked, met = asked + len(questions), [a + b for a, b in zip(met, here)]
    except (Different, Broken) as error:
        raise Different(f"history {number} of seed {seed}: {error}") from None
    return asked, met
