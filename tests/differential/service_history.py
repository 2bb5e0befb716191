# SPDX-License-Identifier: Apache-2.0
"""A history of services: a random scene and what becomes of it, judged at every step, with a cold start at its end."""

import collections
import random

import compare
from generate_services import ServiceMaker
from history import Different
from kernel import Broken
from reading import PROTOCOLS, metadata, namespace_of
from services import Services
from shrink import shrink

STEPS = 6
QUESTIONS = 150

World = collections.namedtuple("World", "scene questions")


def worlds(seed, number, steps=STEPS):
    """The same for equal seeds and numbers, whatever is done with them."""
    maker, scene = ServiceMaker(random.Random(f"services/{seed}/{number}")), None
    for _ in range(steps):
        scene = maker.later(scene) if scene else maker.scene()
        yield World(scene, maker.questions(scene, QUESTIONS))


def evaluator(scene):
    return Services(scene.node, scene.hosts, scene.objects)


def wrong_answers(images, right, questions):
    """[(question, weir's answer, the right ones)]"""
    asked = [(question, images.answer(question), right.answers(question)) for question in questions]
    return [(question, found, wanted) for question, found, wanted in asked if found not in wanted]


def _wrong_lives(images, right, service, key, port):
    """Of one service port: where connections would be cut or kept wrongly. A text, or None."""
    name, proto = port.get("name") or "", PROTOCOLS[port.get("protocol") or "TCP"]
    wanted = collections.Counter(claim[:3] for claim in right.claims)
    # Where others want the same it may have nothing to be reached by.
    for version in {claim.address.version for claim in right.claims
                    if claim.service is service and claim.spec is port and wanted[claim[:3]] == 1}:
        endpoints = right.endpoints(service, port, version)
        sets = {*right.cluster_set(endpoints), *right.local_set(endpoints)}
        must = {each.at for each in endpoints if each.serving or each in sets}
        may = must | {each.at for each in endpoints if each.ready}
        found = images.kept(key, name, proto, version)
        if not must <= found <= may:
            return f"{key} {port} IPv{version}: connections go on to {found}, they should to {must}"
    return None


def faults(images, scene, questions):
    """What is wrong with the images, as texts; the first of them says most."""
    right = evaluator(scene)
    found = [f"{question}\nthe specification says {' or '.join(map(str, wanted))}\nweir says {answer}"
             for question, answer, wanted in wrong_answers(images, right, questions)]
    for service in right.of_kind("Service"):
        key = namespace_of(service), metadata(service, "name")
        if images.health(key) != right.health(service):
            found.append(f"{key}: health check {images.health(key)}, it should be {right.health(service)}")
        lives = [_wrong_lives(images, right, service, key, port) for port in service["spec"]["ports"]] \
            if right.is_ours(service) else []
        found += [text for text in lives if text]
    return found


def _smallest(spare, scene, question):
    """The scene, as small as it is found with a wrong answer to the question after a cold start."""
    def still(less):
        try:
            spare.reset()
            return bool(wrong_answers(spare.apply(less), evaluator(less), [question]))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            return False  # shrunk beyond what the specification speaks about
    return shrink(scene, still) if still(scene) else scene


def _report(spare, images, world):
    """What is wrong with the images, and what shows it; None: nothing is."""
    wrong = faults(images, world.scene, world.questions)
    if not wrong:
        return None
    answers = wrong_answers(images, evaluator(world.scene), world.questions)
    shown = _smallest(spare, world.scene, answers[0][0]) if answers else world.scene
    return f"{len(wrong)} faults, the first: {wrong[0]}\n{compare.describe(shown)}"


def run(models, seed, number, steps=STEPS):
    """How many questions were answered. models: one that grows by changes, and a spare one."""
    grown, spare = models
    maker, answered = random.Random(f"services/{seed}/{number}/model"), 0
    grown.reset()
    try:
        for world in worlds(seed, number, steps):
            images = grown.apply(world.scene, as_yaml=maker.random() < 0.15)
            wrong = _report(spare, images, world)
            if wrong:
                raise Different(wrong)
            answered += len(world.questions)
        spare.reset()
        cold = spare.apply(world.scene)
        if cold.services != images.services:
            raise Different(f"after the changes: {images.services}\nafter a cold start: {cold.services}")
    except (Different, Broken) as error:
        raise Different(f"history {number} of seed {seed}: {error}") from None
    return answered
