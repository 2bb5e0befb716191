# SPDX-License-Identifier: Apache-2.0
"""Random policies of the Admin and Baseline tiers: ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy.

Many policies of a tier have one priority, and some one name: the order that the API leaves undefined is weir's own then.
"""

from stock import KEYS, NOBODY_DECLARES, PORT_NAMES, PORTS, PROTOCOLS

API = "policy.networking.k8s.io/"
CLUSTER, ADMIN = 5, 3


def _priority(maker):
    return maker.pick(0, 1000) if maker.chance(0.6) else maker.random.randint(0, 1000)


def _subject(maker):
    # Which pods a malformed one would mean is nobody's rule.
    if maker.chance(0.3):
        return {"namespaces": {}}
    if maker.chance(0.3):
        return {"namespaces": maker.valid_selector(maker.namespace_selector)}
    return {"pods": {"namespaceSelector": maker.valid_selector(maker.namespace_selector),
                     "podSelector": maker.valid_selector(maker.selector)}}


def _pods_peer(maker):
    if maker.chance(0.2):
        return {"namespaces": {}}
    if maker.chance(0.3):
        return {"namespaces": maker.namespace_selector()}
    return {"pods": {"namespaceSelector": maker.namespace_selector(), "podSelector": maker.selector()}}


def _networks(maker):
    networks = [maker.network() for _ in range(maker.few(3))]
    if maker.chance(0.03):
        networks.append(maker.pick("10.1.0.0", "10.1.0.0/33", "nonsense"))
    return networks


def _peer(maker, side):
    kind = maker.random.random()
    if kind < 0.02:
        return maker.pick({}, {"domainNames": ["example.com"]},
                          {"namespaces": {}, "pods": {"namespaceSelector": {}, "podSelector": {}}},
                          {"networks": []}, {"nodes": {}} if side == "from" else {"networks": ["10.1.0.0/129"]})
    if side == "from" or kind < 0.5:
        return _pods_peer(maker)
    if kind < 0.75:
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
    if named and kind < 0.5:
        return {"destinationNamedPort": _name(maker)}
    if kind > 0.98:
        return maker.pick({}, {"icmp": {}}, {"tcp": {"destinationPort": {"unknown": 1}}},
                          {"tcp": {"destinationPort": {"number": 80}}, "udp": {"destinationPort": {"number": 80}}})
    name = maker.pick(*PROTOCOLS, "TCP").lower()
    if kind > 0.85:
        return {name: {}}
    port = {"number": _number(maker)} if maker.chance(0.6) else {"range": _range(maker)}
    return {name: {"destinationPort": port}}


def _port(maker, named):
    """Of AdminNetworkPolicy and BaselineAdminNetworkPolicy."""
    kind = maker.random.random()
    if named and kind < 0.5:
        return {"namedPort": _name(maker)}
    protocol = {"protocol": maker.pick(*PROTOCOLS, "TCP")} if maker.chance(0.75) else {}
    if kind > 0.98:
        return maker.pick({}, {"portNumber": {"protocol": "ICMP", "port": 80}}, {"unknown": {}},
                          {"namedPort": "http", "portNumber": {"port": 80}})
    if kind > 0.7:
        return {"portRange": {**protocol, **_range(maker)}}
    return {"portNumber": {**protocol, "port": _number(maker)}}


def _narrow_peer(maker, side):
    if side == "to" and maker.chance(0.3):
        return {"networks": [maker.narrow_network()]}
    return {"pods": {"namespaceSelector": {}, "podSelector": maker.narrow_selector()}}


def _rule(maker, side, actions, field, element, narrow):
    peers = [_narrow_peer(maker, side)] if narrow else [_peer(maker, side) for _ in range(maker.few(3))]
    rule = {"action": maker.pick(*actions), side: peers if maker.chance(0.99) else []}
    # A name is of a pod's port: with other peers the API refuses it.
    named = not any(peer.keys() - {"namespaces", "pods"} for peer in rule[side])
    if narrow or maker.chance(0.6):
        rule[field] = [element(maker, named) for _ in range(2 if narrow else maker.few(3))]
    if maker.chance(0.3):
        rule["name"] = f"rule {maker.random.randint(1, 9)}"
    return rule


def _rules(maker, crowded, *what):
    count = 25 if crowded else maker.few(4)
    return {kind: [_rule(maker, side, *what, crowded) for _ in range(count)]
            for kind, side in (("ingress", "from"), ("egress", "to")) if maker.chance(0.7)}


def cluster_policy(maker, number, crowded):
    spec = {"tier": maker.pick("Admin", "Baseline"), "priority": _priority(maker), "subject": _subject(maker),
            **_rules(maker, crowded, ("Accept", "Deny", "Pass"), "protocols", _protocol)}
    return {"apiVersion": f"{API}{maker.pick('v1alpha2', 'v1beta1')}", "kind": "ClusterNetworkPolicy",
            "metadata": {"name": f"order-{number}"}, "spec": spec}


def admin_policy(maker, number, crowded):
    spec = {"priority": _priority(maker), "subject": _subject(maker),
            **_rules(maker, crowded, ("Allow", "Deny", "Pass"), "ports", _port)}
    return {"apiVersion": f"{API}v1alpha1", "kind": "AdminNetworkPolicy",
            "metadata": {"name": f"order-{number}"}, "spec": spec}


def baseline_policy(maker, name, crowded):
    spec = {"subject": _subject(maker), **_rules(maker, crowded, ("Allow", "Deny"), "ports", _port)}
    return {"apiVersion": f"{API}v1alpha1", "kind": "BaselineAdminNetworkPolicy",
            "metadata": {"name": name}, "spec": spec}


def _about_all(action, **spec):
    peers = [{"namespaces": {}}]
    return {"subject": {"namespaces": {}}, "priority": 0, **spec,
            "ingress": [{"action": action, "from": peers}], "egress": [{"action": action, "to": peers}]}


def twins(maker):
    """Two of one priority, and perhaps one name, that contradict each other about every pod."""
    names = maker.pick(("twin-1", "twin-1"), ("twin-2", "twin-1"))
    actions = maker.pick(("Accept", "Deny"), ("Deny", "Allow"))
    return [{"apiVersion": f"{API}v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": names[0]},
             "spec": _about_all(actions[0], tier="Admin")},
            {"apiVersion": f"{API}v1alpha1", "kind": "AdminNetworkPolicy", "metadata": {"name": names[1]},
             "spec": _about_all(actions[1])}]


def fence(maker):
    """Nodes of some labels are out of reach, for every pod."""
    nodes = maker.valid_selector(lambda: {"matchExpressions": [maker.expression(KEYS)]})
    return [{"apiVersion": f"{API}v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": "fence"},
             "spec": {"tier": "Admin", "priority": 0, "subject": {"namespaces": {}},
                      "egress": [{"action": "Deny", "to": [{"nodes": nodes}]}]}}]


def policies(maker, share, crowded=False):
    """Some of each kind. crowded: so many rules for the same pods that their bit sets are wider than a word."""
    made = [cluster_policy(maker, number, crowded) for number in range(CLUSTER) if maker.chance(share)] + \
        [admin_policy(maker, number, crowded) for number in range(ADMIN) if maker.chance(share)] + \
        [baseline_policy(maker, name, crowded) for name in ("default", "another") if maker.chance(share)]
    for policy in made if crowded else ():
        policy["spec"]["subject"] = {"namespaces": {}}
    return made
