# SPDX-License-Identifier: Apache-2.0
"""Which edges of the specification do random worlds reach, and does any verdict hang on them?

An edge has a wrong reading of it: mostly a function that rewrites a scene, in place, into one that means, judged
rightly, what somebody believes who reads the original wrongly. Where it changes nothing the edge does not occur; a
verdict that turns around hangs on the edge, and an implementation with this reading would be found by it.
"""

import collections

POLICIES = ("NetworkPolicy", "ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy")
SIDES = {"ingress": "from", "egress": "to"}
# No object has this label.
NOTHING = {"matchExpressions": [{"key": "nobody", "operator": "Exists"}]}

# reading: a function that rewrites a scene, or a Cluster that judges wrongly by itself.
Edge = collections.namedtuple("Edge", "what reading")
EDGES = []


def edge(what):
    """Registers a wrong reading: a function of a copy of a scene and of the scene before or None, or a Cluster."""
    def register(reading):
        EDGES.append(Edge(what, reading))
        return reading
    return register


# Parts of a scene

def of_kind(scene, *kinds):
    return [obj for obj in scene.objects if obj["kind"] in kinds]


def policies(scene):
    return of_kind(scene, *POLICIES)


def network_policies(scene):
    return of_kind(scene, "NetworkPolicy")


def tier_policies(scene):
    return of_kind(scene, *POLICIES[1:])


def rules(objects):
    """(rule, "from" or "to") of policies."""
    return [(rule, side) for obj in objects for kind, side in SIDES.items() for rule in obj["spec"].get(kind) or []]


def peers(objects):
    return [peer for rule, side in rules(objects) for peer in rule.get(side) or []]


def blocks(scene):
    return [peer["ipBlock"] for peer in peers(network_policies(scene)) if "ipBlock" in peer]


def ports(objects):
    return [port for rule, _ in rules(objects) for field in ("ports", "protocols") for port in rule.get(field) or []]


def selectors(tree):
    """Every selector below, wherever it stands."""
    found = []
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        if key in ("podSelector", "namespaceSelector", "namespaces", "nodes") and isinstance(value, dict):
            found.append(value)
        found += selectors(value)
    return found


def expressions(scene):
    return [(selector, expression) for selector in selectors(scene.objects)
            for expression in selector.get("matchExpressions") or []]


def containers(scene):
    return [container for pod in of_kind(scene, "Pod")
            for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]]
