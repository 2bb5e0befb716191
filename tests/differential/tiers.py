# SPDX-License-Identifier: Apache-2.0
"""What the policies of the Admin and Baseline tiers say: policy.networking.k8s.io ClusterNetworkPolicy (v1alpha2),
AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1), by the words of the specification.

A rule with a malformed or unknown part fails closed: it allows nothing, and one that does not allow denies everything.
"""

import collections

from reading import PROTOCOLS, Malformed, network, selects

ALLOWING = ("Accept", "Allow")
# A BaselineAdminNetworkPolicy has no priority: it speaks when everything that has one was asked.
LAST = 1001
TIERS = {"Admin": ("ClusterNetworkPolicy", "AdminNetworkPolicy"),
         "Baseline": ("ClusterNetworkPolicy", "BaselineAdminNetworkPolicy")}

Ask = collections.namedtuple("Ask", "cluster side pod other probe")


def _only(tree, what):
    """The one member of a union, as (name, value)."""
    present = [(name, value) for name, value in tree.items() if value is not None]
    if len(present) != 1:
        raise Malformed(f"{what} {tree}")
    return present[0]


def _picks(choice, pod, cluster):
    """A subject, or a peer that is about pods. pod may be None: a malformed selector is found all the same."""
    name, value = choice
    labels = cluster.namespace_labels(pod.namespace if pod else "")
    if name == "namespaces":
        return selects(value, labels) and pod is not None
    in_namespace = selects(value.get("namespaceSelector"), labels)
    return selects(value.get("podSelector"), pod.labels if pod else {}) and in_namespace and pod is not None


def _peer_holds(ask, peer):
    name, value = _only(peer, "peer")
    if name in ("namespaces", "pods"):
        return _picks((name, value), ask.cluster.peer_at(ask.other), ask.cluster)
    if ask.side == "to" and name == "networks" and value:
        return any([ask.other in network(text) for text in value])
    if ask.side == "to" and name == "nodes":
        selects(value, {})  # a malformed selector is found, whatever nodes there are
        return any(ask.other in node.ips and selects(value, node.labels) for node in ask.cluster.nodes)
    raise Malformed(f"peer {peer}")


def _between(ask, proto, first, last):
    if not 1 <= first <= last <= 65535:
        raise Malformed(f"ports {first} to {last}")
    return ask.probe.proto == proto and first <= ask.probe.port <= last


def _has_name(ask, name):
    """A name says no protocol: that of the container's port counts."""
    destination = ask.cluster.destination(ask.probe, ask.side)
    return (name, ask.probe.proto, ask.probe.port) in (destination.ports if destination else ())


def _protocol_holds(ask, element):
    """Of ClusterNetworkPolicy."""
    name, value = _only(element, "protocol")
    if name == "destinationNamedPort":
        return _has_name(ask, value)
    if name.upper() not in PROTOCOLS:
        raise Malformed(f"protocol {name}")
    proto, port = PROTOCOLS[name.upper()], value.get("destinationPort")
    if port is None:
        return ask.probe.proto == proto
    kind, numbers = _only(port, "destinationPort")
    if kind == "number":
        return _between(ask, proto, numbers, numbers)
    if kind != "range" or numbers["start"] >= numbers["end"]:
        raise Malformed(f"destinationPort {port}")
    return _between(ask, proto, numbers["start"], numbers["end"])


def _port_holds(ask, element):
    """Of AdminNetworkPolicy and BaselineAdminNetworkPolicy."""
    name, value = _only(element, "port")
    if name == "namedPort":
        return _has_name(ask, value)
    proto = PROTOCOLS.get(value.get("protocol") or "TCP")
    if name == "portNumber" and proto:
        return _between(ask, proto, value["port"], value["port"])
    if name == "portRange" and proto and value["start"] < value["end"]:
        return _between(ask, proto, value["start"], value["end"])
    raise Malformed(f"port {element}")


def peers_hold(ask, rule):
    if not rule.get(ask.side):
        raise Malformed("no peers")
    # Every element is read, so that a malformed one is found whoever asks.
    return any([_peer_holds(ask, peer) for peer in rule[ask.side]])


def rule_holds(ask, rule):
    peers = peers_hold(ask, rule)
    services = [_protocol_holds(ask, element) for element in rule.get("protocols") or []] + \
        [_port_holds(ask, element) for element in rule.get("ports") or []]
    return peers and (any(services) or not services)


def _action(ask, rule):
    """"Deny", "Pass", one of ALLOWING, or None: the rule does not match."""
    try:
        return rule["action"] if rule_holds(ask, rule) else None
    except Malformed:
        return None if rule["action"] in ALLOWING else "Deny"


def place(policy):
    """Of a policy in its tier. What is equal by priority has no order in the API: weir's documentation gives it one."""
    return (policy["spec"].get("priority", LAST), policy["metadata"]["name"], policy["kind"] != "ClusterNetworkPolicy")


def selecting(cluster, tier, pod):
    """The policies that select pod, in the order in which they are asked."""
    found = sorted((policy for kind in TIERS[tier] for policy in cluster.policies[kind]
                    if policy["spec"].get("tier", tier) == tier), key=place)
    return (policy for policy in found if _picks(_only(policy["spec"]["subject"], "subject"), pod, cluster))


def says(cluster, tier, kind, pod, other, probe):
    """True, False, or None: the next tier is asked. tier is "Admin" or "Baseline"."""
    ask = Ask(cluster, {"Ingress": "from", "Egress": "to"}[kind], pod, other, probe)
    for policy in selecting(cluster, tier, pod):
        for rule in policy["spec"].get(kind.lower()) or []:
            action = _action(ask, rule)
            if action:
                return {"Deny": False, "Pass": None}.get(action, True)
    return None
