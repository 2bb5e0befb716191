# SPDX-License-Identifier: Apache-2.0
"""Edges of selectors and of NetworkPolicies."""

import ipaddress

import network_policy
from edges import NOTHING, blocks, edge, expressions, network_policies, peers, policies, ports, rules, selectors
from evaluate import Cluster, addresses_of
from reading import NAME_LABEL, PROTOCOLS, Malformed, network
from stock import HOSTS, NAMESPACES, NODE_IPS, VALUES

# Selectors

@edge("podSelector {}, null or absent, of a NetworkPolicy: selects nothing")
def own_selector_is_nothing(scene, _):
    for policy in network_policies(scene):
        if not policy["spec"].get("podSelector"):
            policy["spec"]["podSelector"] = NOTHING


@edge("selector {} of a peer: selects nothing")
def empty_selector_is_nothing(scene, _):
    for selector in selectors(peers(policies(scene))):
        if not selector:
            selector.update(NOTHING)


@edge("podSelector absent beside namespaceSelector: selects nothing")
def absent_pods_are_nothing(scene, _):
    for peer in peers(network_policies(scene)):
        if "namespaceSelector" in peer:
            peer.setdefault("podSelector", NOTHING)


@edge("namespaceSelector absent beside podSelector: all namespaces")
def absent_namespaces_are_all(scene, _):
    for peer in peers(network_policies(scene)):
        if peer.keys() == {"podSelector"}:
            peer["namespaceSelector"] = {}


@edge("NotIn: false when the key is absent")
def not_in_is_blind(scene, _):
    for selector, expression in expressions(scene):
        if expression["operator"] == "NotIn" and expression.get("values"):
            selector["matchExpressions"].append({"key": expression["key"], "operator": "Exists"})


@edge("DoesNotExist: ignored")
def absence_is_ignored(scene, _):
    for selector, expression in expressions(scene):
        if expression["operator"] == "DoesNotExist":
            selector["matchExpressions"].remove(expression)


@edge("matchLabels with an empty value: true when the key is absent")
def empty_value_is_absent(scene, _):
    for selector in selectors(scene.objects):
        for key in [key for key, value in (selector.get("matchLabels") or {}).items() if not value]:
            del selector["matchLabels"][key]
            others = [value for value in (*VALUES, *NAMESPACES) if value]
            selector.setdefault("matchExpressions", []).append({"key": key, "operator": "NotIn", "values": others})


@edge("several requirements: one is enough to look at")
def one_requirement_counts(scene, _):
    for selector in selectors(scene.objects):
        labels = selector.get("matchLabels") or {}
        if labels:
            selector["matchLabels"] = dict([min(labels.items())])
        selector["matchExpressions"] = [] if labels else (selector.get("matchExpressions") or [])[:1]


@edge(f"{NAME_LABEL}: not there unless written")
class NoNames(Cluster):
    def namespace_labels(self, name):
        return self.namespaces.get(name, {})


# Policies and rules

@edge("policyTypes absent: Ingress only")
def default_type_is_ingress(scene, _):
    for policy in network_policies(scene):
        policy["spec"]["policyTypes"] = policy["spec"].get("policyTypes") or ["Ingress"]


@edge("policyTypes: guessed from the rules that are there")
def types_are_guessed(scene, _):
    for policy in network_policies(scene):
        guessed = [kind for kind in ("Ingress", "Egress") if policy["spec"].get(kind.lower()) is not None]
        policy["spec"]["policyTypes"] = guessed or ["Ingress"]


@edge("no rules in a direction: it is not isolated")
def without_rules_not_isolated(scene, _):
    for policy in network_policies(scene):
        for kind in ("ingress", "egress"):
            policy["spec"][kind] = policy["spec"].get(kind) or [{}]


@edge("several policies of a namespace: one counts")
def one_policy_counts(scene, _):
    kept = {policy["metadata"]["namespace"]: policy for policy in network_policies(scene)}
    scene.objects = [obj for obj in scene.objects if obj["kind"] != "NetworkPolicy"
                     or obj is kept[obj["metadata"]["namespace"]]]


@edge("several rules: every peer of one with every port of another")
def rules_multiply(scene, _):
    for policy in network_policies(scene):
        for kind, side in (("ingress", "from"), ("egress", "to")):
            all_rules = policy["spec"].get(kind) or []
            if len(all_rules) > 1:
                policy["spec"][kind] = [{field: one[field] for one, field in ((a, side), (b, "ports")) if field in one}
                                        for a in all_rules for b in all_rules]


@edge("from or to, absent or []: nothing matches")
def no_peers_is_nothing(scene, _):
    for rule, side in rules(network_policies(scene)):
        rule[side] = rule.get(side) or [{"podSelector": NOTHING}]


@edge("ports absent or []: not ICMP and other protocols")
def no_ports_is_three_protocols(scene, _):
    for rule, _ in rules(network_policies(scene)):
        rule["ports"] = rule.get("ports") or [{"protocol": name} for name in PROTOCOLS]


@edge("a malformed peer: left out, and from or to without others is absent")
def malformed_peer_is_absent(scene, _):
    cluster = Cluster(scene.node, scene.objects, scene.pods.values())
    for rule, side in rules(network_policies(scene)):
        rule[side] = [peer for peer in rule.get(side) or [] if not malformed(
            network_policy.peer_holds, cluster, peer, "", ipaddress.ip_address("::"))]


@edge("a malformed port: left out, and ports without others are absent")
def malformed_port_is_absent(scene, _):
    for rule, _ in rules(network_policies(scene)):
        rule["ports"] = [port for port in rule.get("ports") or []
                         if not malformed(network_policy.port_holds, port, 0, 0, None)]


def malformed(holds, *args):
    try:
        holds(*args)
    except Malformed:
        return True
    return False


# Ports

@edge("protocol absent: any of the three")
def any_protocol(scene, _):
    for rule, _ in rules(network_policies(scene)):
        if rule.get("ports"):
            rule["ports"] = [{"protocol": name, **port} for port in rule["ports"] for name in PROTOCOLS]


@edge("protocol alone: no port")
def protocol_alone_is_nothing(scene, _):
    for port in ports(network_policies(scene)):
        if not port.keys() & {"port", "endPort"}:
            port["port"] = "nobody"


@edge("SCTP: taken for TCP")
def sctp_is_tcp(scene, _):
    for port in ports(policies(scene)):
        if port.get("protocol") == "SCTP":
            port["protocol"] = "TCP"


@edge("endPort: ignored")
def end_is_ignored(scene, _):
    for port in ports(network_policies(scene)):
        if isinstance(port.get("port"), int):
            port.pop("endPort", None)


@edge("endPort: not in the range")
def end_is_outside(scene, _):
    for port in ports(network_policies(scene)):
        if isinstance(port.get("port"), int) and port.get("endPort", 0) > port["port"]:
            port["endPort"] -= 1


@edge("a port name that nobody declares: no filter")
def unknown_name_is_all(scene, _):
    for port in ports(network_policies(scene)):
        if port.get("port") == "nobody":
            del port["port"]


# Addresses

@edge("except: ignored")
def except_is_ignored(scene, _):
    for block in blocks(scene):
        block.pop("except", None)


def whole_and_holes(block):
    try:
        whole = network(block.get("cidr"))
        return whole, [hole for hole in map(network, block.get("except") or [])
                       if hole.version == whole.version and hole.subnet_of(whole) and hole != whole]
    except Malformed:
        return None, []


@edge("except: denies its addresses to other elements and policies too")
def except_is_deny(scene, _):
    holes = [hole for block in blocks(scene) for hole in whole_and_holes(block)[1]]
    cut(scene, holes)


def cut(scene, holes):
    """Out of every ipBlock; one that is no more than a hole names what nobody has."""
    for block in blocks(scene):
        whole, _ = whole_and_holes(block)
        if not whole:
            continue
        near = [hole for hole in holes if hole.version == whole.version]
        if any(whole.subnet_of(hole) for hole in near):
            block.update({"cidr": "240.0.0.1/32", "except": []})
        elif any(hole.subnet_of(whole) for hole in near):
            block["except"] = [*block.get("except", []), *(str(hole) for hole in near if hole.subnet_of(whole))]


@edge("overlapping CIDRs: the narrowest decides alone")
def narrowest_decides(scene, _):
    wholes = [whole for whole in (whole_and_holes(block)[0] for block in blocks(scene)) if whole]
    for block in blocks(scene):
        mine, _ = whole_and_holes(block)
        inner = [str(whole) for whole in wholes if mine and whole.version == mine.version
                 and whole.subnet_of(mine) and whole != mine]
        if inner:
            block["except"] = [*block.get("except", []), *inner]


@edge("ipBlock: not for addresses of pods")
def blocks_skip_pods(scene, _):
    local = [ip for pod in scene.pods.values() for ip in pod.ips]
    remote = [ip for obj in scene.objects if obj["kind"] == "Pod" for ip in addresses_of(obj)]
    cut(scene, [ipaddress.ip_network(ip) for ip in {*local, *remote} - {*HOSTS, *NODE_IPS["node-2"]}])


@edge("ipBlock: not for addresses of nodes")
def blocks_skip_nodes(scene, _):
    cut(scene, [ipaddress.ip_network(ip) for ip in (*HOSTS, *NODE_IPS["node-2"], *NODE_IPS["node-3"])])


@edge("CIDR with host bits: one address")
def host_bits_are_an_address(scene, _):
    for block in blocks(scene):
        whole, _ = whole_and_holes(block)
        address = block["cidr"].split("/")[0]
        if whole and str(whole.network_address) != address:
            block.update({"cidr": f"{address}/{whole.max_prefixlen}", "except": []})


@edge("0.0.0.0/0 or ::/0: the other family too")
def all_of_both_families(scene, _):
    for rule, side in rules(network_policies(scene)):
        for peer in list(rule.get(side) or []):
            whole, _ = whole_and_holes(peer.get("ipBlock") or {})
            if whole and not whole.prefixlen:
                rule[side].append({"ipBlock": {"cidr": "::/0" if whole.version == 4 else "0.0.0.0/0"}})
