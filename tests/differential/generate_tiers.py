# SPDX-License-Identifier: Apache-2.0
"""Random policies of the Admin and Baseline tiers: ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy.

What the specification leaves undefined is not made: no two policies of a tier have one priority, because the
remainder by PRIORITY_STEP tells which one it is.
"""

from stock import NOBODY_DECLARES, PORT_NAMES, PORTS, PROTOCOLS

API = "policy.networking.k8s.io/"
PRIORITY_STEP = 8
CLUSTER, ADMIN = range(5), range(5, PRIORITY_STEP)


def _priority(maker, number):
    return number + PRIORITY_STEP * maker.pick(0, 0, 1, 2, 123, 124 if number else 125)


def _subject(maker):
    # Which pods a malformed one would mean is nobody's rule.
    if maker.chance(0.4):
        return {"namespaces": maker.valid_selector(maker.namespace_selector)}
    return {"pods": {"namespaceSelector": maker.valid_selector(maker.namespace_selector),
                     "podSelector": maker.valid_selector(maker.selector)}}


def _pods_peer(maker):
    if maker.chance(0.4):
        return {"namespaces": maker.namespace_selector()}
    return {"pods": {"namespaceSelector": maker.namespace_selector(), "podSelector": maker.selector()}}


def _networks(maker):
    networks = [maker.network() for _ in range(maker.random.randint(1, 3))]
    if maker.chance(0.03):
        networks.append(maker.pick("10.1.0.0", "10.1.0.0/33", "nonsense"))
    return networks


def _peer(maker, side):
    kind = maker.random.random()
    if kind < 0.02:
        return maker.pick({}, {"unknown": {}}, {"namespaces": {}, "pods": {"namespaceSelector": {}, "podSelector": {}}},
                          {"networks": []}, {"nodes": {}} if side == "from" else {"networks": ["10.1.0.0/129"]})
    if side == "from" or kind < 0.55:
        return _pods_peer(maker)
    if kind < 0.85:
        return {"networks": _networks(maker)}
    return {"nodes": maker.selector()}


def _range(maker):
    first, last = sorted(maker.random.sample(PORTS, 2))
    if maker.chance(0.03):
        first, last = maker.pick((last, first), (first, first), (first, 65536))
    return {"start": first, "end": last}


def _number(maker):
    return maker.pick(*PORTS) if maker.chance(0.97) else maker.pick(0, 65536)


def _name(maker):
    return maker.pick(*PORT_NAMES, *PORT_NAMES, NOBODY_DECLARES)


def _protocol(maker, named):
    """Of ClusterNetworkPolicy."""
    kind = maker.random.random()
    if named and kind < 0.35:
        return {"destinationNamedPort": _name(maker)}
    if kind > 0.98:
        return maker.pick({}, {"icmp": {}}, {"tcp": {"destinationPort": {"unknown": 1}}},
                          {"tcp": {"destinationPort": {"number": 80}}, "udp": {"destinationPort": {"number": 80}}})
    name = maker.pick(*PROTOCOLS, "TCP").lower()
    if kind > 0.88:
        return {name: {}}
    port = {"number": _number(maker)} if maker.chance(0.6) else {"range": _range(maker)}
    return {name: {"destinationPort": port}}


def _port(maker, named):
    """Of AdminNetworkPolicy and BaselineAdminNetworkPolicy."""
    kind = maker.random.random()
    if named and kind < 0.35:
        return {"namedPort": _name(maker)}
    protocol = {"protocol": maker.pick(*PROTOCOLS, "TCP")} if maker.chance(0.75) else {}
    if kind > 0.98:
        return maker.pick({}, {"portNumber": {"protocol": "ICMP", "port": 80}}, {"unknown": {}},
                          {"namedPort": "http", "portNumber": {"port": 80}})
    if kind > 0.7:
        return {"portRange": {**protocol, **_range(maker)}}
    return {"portNumber": {**protocol, "port": _number(maker)}}


def _rule(maker, side, actions, field, element):
    rule = {"action": maker.pick(*actions), side: [_peer(maker, side) for _ in range(maker.random.randint(1, 3))]}
    if maker.chance(0.01):
        rule.update({side: []})
    # A name is of a pod's port: with other peers the API refuses it.
    named = not any(peer.keys() - {"namespaces", "pods"} for peer in rule[side])
    if maker.chance(0.6):
        rule[field] = [element(maker, named) for _ in range(maker.random.randint(1, 3))]
    if maker.chance(0.3):
        rule["name"] = f"rule {maker.random.randint(1, 9)}"
    return rule


def _rules(maker, actions, field, element):
    return {kind: [_rule(maker, side, actions, field, element) for _ in range(maker.random.randint(1, 4))]
            for kind, side in (("ingress", "from"), ("egress", "to")) if maker.chance(0.7)}


def cluster_policy(maker, number):
    spec = {"tier": maker.pick("Admin", "Baseline"), "priority": _priority(maker, number), "subject": _subject(maker),
            **_rules(maker, ("Accept", "Deny", "Pass"), "protocols", _protocol)}
    return {"apiVersion": f"{API}v1alpha2", "kind": "ClusterNetworkPolicy",
            "metadata": {"name": f"cluster-{number}"}, "spec": spec}


def admin_policy(maker, number):
    spec = {"priority": _priority(maker, number), "subject": _subject(maker),
            **_rules(maker, ("Allow", "Deny", "Pass"), "ports", _port)}
    return {"apiVersion": f"{API}v1alpha1", "kind": "AdminNetworkPolicy",
            "metadata": {"name": f"admin-{number}"}, "spec": spec}


def baseline_policy(maker):
    spec = {"subject": _subject(maker), **_rules(maker, ("Allow", "Deny"), "ports", _port)}
    return {"apiVersion": f"{API}v1alpha1", "kind": "BaselineAdminNetworkPolicy",
            "metadata": {"name": "default"}, "spec": spec}


def policies(maker):
    """In half of the scenes none: NetworkPolicy decides alone there."""
    if maker.chance(0.5):
        return []
    share = maker.pick(0.2, 0.5)
    return [cluster_policy(maker, number) for number in CLUSTER if maker.chance(share)] + \
        [admin_policy(maker, number) for number in ADMIN if maker.chance(share)] + \
        [baseline_policy(maker) for _ in range(1) if maker.chance(share)]
