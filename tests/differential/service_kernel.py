# SPDX-License-Identifier: Apache-2.0
"""Where packets of pods go in the kernel, against the evaluator: weir-judge has the services of a history in its maps.

New connections are asked for at each step, and some of those of UDP again at each later one: they stay where they are
as long as their backend serves, and are led elsewhere with the next datagram when it does not.
"""

import collections
import random

import compare
import service_history
from history import Different
from kernel import Broken
from reading import address_of
from service_life import owner_of, serves
from services import Services

FIRST_PORT = 1024
TRIES_PER_BACKEND, TRIES_MIN = 4, 3
UDP = 17
FLOWS_MAX = 200

# A UDP connection that is known: of whom it was (service, its port), and where it went, a text.
Flow = collections.namedtuple("Flow", "question source_port owner place")


def place_of(line):
    address, port = line.split(" ")
    return address_of(address), int(port)


def fits(found, answer, question):
    """found: where several connections of one client went."""
    if answer.what in ("drop", "refuse"):
        return found == {answer.what}
    if found & {"drop", "refuse"}:
        return False
    places = {place_of(line) for line in found}
    if answer.what == "pass":
        return places == {(address_of(question.address), question.port)}
    return places <= answer.backends and (not answer.affinity_s or len(places) == 1)


class Session:
    """The kernel in one history. met: how many backends were met of how many there are, where nobody has affinity.

    cidrs: of services; nobody_met: how often an address of theirs was asked that nobody has.
    """

    def __init__(self, judge, cidrs):
        self.judge, self.cidrs, self.nobody_met = judge, cidrs, 0
        self.next_port, self.flows = FIRST_PORT, []
        self.asked, self.met = 0, [0, 0]

    def port(self):
        self.next_port += 1
        return self.next_port

    def step(self, world):
        """Texts: what is wrong."""
        right = Services(world.scene.node, world.scene.hosts, world.scene.objects, self.cidrs)
        bare = Services(world.scene.node, world.scene.hosts, world.scene.objects) if self.cidrs else right
        questions = [question for question in world.questions if question.client == "pod"]
        self.nobody_met += sum(bare.answers(each) != right.answers(each) for each in questions)
        return self.known(right) + self.new(right, questions)

    def new(self, right, questions):
        asked = []
        for question in dict.fromkeys(questions):
            most = max(len(answer.backends) for answer in right.answers(question))
            asked += [(question, self.port()) for _ in range(max(TRIES_MIN, TRIES_PER_BACKEND * most))]
        found = collections.defaultdict(set)
        for (question, source_port), line in zip(asked, self.judge.ask_service(asked)):
            if question.proto == UDP and not found[question]:
                self.remember(right, question, source_port, line)
            found[question].add(line)
        self.asked += len(asked)
        return [text for question, lines in found.items() for text in self.judged(right, question, lines)]

    def judged(self, right, question, lines):
        answers = right.answers(question)
        if not any(fits(lines, answer, question) for answer in answers):
            return [f"{question}\nthe specification says {' or '.join(map(str, answers))}\nweir: {sorted(lines)}"]
        if len(answers) == 1 and answers[0].what == "backends" and not answers[0].affinity_s:
            self.met = [self.met[0] + len(lines), self.met[1] + len(answers[0].backends)]
        return []

    # Connections that are known

    def remember(self, right, question, source_port, line):
        owner = owner_of(right, question)
        if owner and line not in ("drop", "refuse") and len(self.flows) < FLOWS_MAX:
            self.flows.append(Flow(question, source_port, owner, line))

    def known(self, right):
        lines = self.judge.ask_service([flow[:2] for flow in self.flows])
        wrong, self.asked = [], self.asked + len(lines)
        kept = []
        for flow, line in zip(self.flows, lines):
            answers = right.answers(flow.question)
            goes_on = serves(right, flow.question, flow.owner, place_of(flow.place))
            may = goes_on is not False and line == flow.place
            may = may or (not goes_on and any(fits({line}, answer, flow.question) for answer in answers))
            if not may:
                wrong.append(f"{flow}, whose backend {'serves' if goes_on else 'is gone'}, goes to {line}; a new one:"
                             f" {' or '.join(map(str, answers))}")
            elif line not in ("drop", "refuse") and owner_of(right, flow.question):
                kept.append(flow._replace(place=line, owner=owner_of(right, flow.question)))
        self.flows = kept
        return wrong


def run(judge, seed, number, steps=service_history.STEPS):
    """The Session of one history."""
    chance = random.Random(f"services/{seed}/{number}/kernel")
    # Half of the addresses that services have, or all of them, or none.
    cidrs = chance.choice(((), ("10.96.0.0/16", "fd00:96::/112"), ("10.96.0.0/29", "fd00:96::/125")))
    session = Session(judge, cidrs)
    judge.reset()
    judge.cidrs(cidrs)
    try:
        for world in service_history.worlds(seed, number, steps):
            if chance.random() < 0.1:
                judge.restart()
            judge.apply(world.scene, as_yaml=chance.random() < 0.15)
            if chance.random() < 0.5:
                judge.settle()
            wrong = session.step(world)
            if wrong:
                raise Different(f"{len(wrong)} faults, the first: {wrong[0]}\n{compare.describe(world.scene)}")
    except (Different, Broken) as error:
        raise Different(f"history {number} of seed {seed}: {error}") from None
    return session
