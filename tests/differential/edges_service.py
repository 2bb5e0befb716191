# SPDX-License-Identifier: Apache-2.0
"""Which edges of the specification of Services do random worlds reach, and does any answer hang on them?

As edges.py does for policy: an edge has a wrong reading, here always an evaluator that judges wrongly by itself.
"""

import importlib

from edges import Edge
from services import Services

FILES = ("edges_service_addresses", "edges_service_sets")
EDGES = []


def edge(what):
    """Registers a wrong reading."""
    def register(reading):
        EDGES.append(Edge(what, reading))
        return reading
    return register


def with_spec(service, **changes):
    """A copy of a Service; None takes a field away."""
    spec = {name: value for name, value in {**service["spec"], **changes}.items() if value is not None}
    return {**service, "spec": spec}


def with_endpoints(change):
    """change(endpoint, said) of every endpoint, right after it is read."""
    class Changed(Services):
        def endpoints(self, service, spec, version):
            said = {(str(each["addresses"][0]), each.get("nodeName") == self.node): each
                    for piece in self.slices(service, version) for each in piece["endpoints"]}
            found = super().endpoints(service, spec, version)
            for endpoint in found:
                change(endpoint, said[(str(endpoint.at[0]), endpoint.local)])
            return found
    return Changed


def all_edges():
    for name in FILES:
        importlib.import_module(name)
    return EDGES


def turned(reading, scene, questions, right):
    """How many answers the wrong reading turns around."""
    wrong = reading(scene.node, scene.hosts, scene.objects)
    return sum(a != wrong.answers(question) for a, question in zip(right, questions))
