# SPDX-License-Identifier: Apache-2.0
"""Edges of the Admin and Baseline tiers."""

import ipaddress

import network_policy
import tiers
from edges import NOTHING, SIDES, containers, edge, of_kind, peers, ports, rules, tier_policies
from evaluate import Cluster, Probe, addresses_of
from reading import Malformed
from stock import PORT_NAMES

# Tiers, priorities, actions

def without(scene, unwanted):
    scene.objects = [obj for obj in scene.objects if not unwanted(obj)]


@edge("Admin tier: not asked")
def no_admin(scene, _):
    without(scene, lambda obj: obj["kind"] == "AdminNetworkPolicy" or obj.get("spec", {}).get("tier") == "Admin")


@edge("Baseline tier: not asked")
def no_baseline(scene, _):
    without(scene, lambda obj: obj["kind"] == "BaselineAdminNetworkPolicy"
            or obj.get("spec", {}).get("tier") == "Baseline")


@edge("Baseline tier: asked in the Admin tier's place")
def baseline_first(scene, _):
    for policy in of_kind(scene, "ClusterNetworkPolicy"):
        policy["spec"]["tier"] = "Admin"


@edge("Baseline tier: not asked about a direction that NetworkPolicies say nothing of")
class PodsAreIsolatedAsAWhole(Cluster):
    def direction_holds(self, kind, subject, other, probe):
        pod = self.pods.get(subject)
        kinds = [side for side in ("Ingress", "Egress")
                 if pod and network_policy.says(self, side, pod, other, probe) is not None]
        if kinds and kind not in kinds and tiers.says(self, "Admin", kind, pod, other, probe) is None:
            return True
        return super().direction_holds(kind, subject, other, probe)


@edge("AdminNetworkPolicy: unknown")
def no_admin_network_policy(scene, _):
    without(scene, lambda obj: obj["kind"] == "AdminNetworkPolicy")


@edge("BaselineAdminNetworkPolicy: unknown")
def no_baseline_admin_network_policy(scene, _):
    without(scene, lambda obj: obj["kind"] == "BaselineAdminNetworkPolicy")


@edge("BaselineAdminNetworkPolicy: the first of the tier")
def baseline_admin_network_policy_first(scene, _):
    for policy in of_kind(scene, "BaselineAdminNetworkPolicy"):
        policy["spec"]["priority"] = -1


@edge("priority: the largest number first")
def priorities_reversed(scene, _):
    for policy in of_kind(scene, "ClusterNetworkPolicy", "AdminNetworkPolicy"):
        policy["spec"]["priority"] = 1000 - policy["spec"]["priority"]


@edge("equal priority (undefined by the API): the last name first")
def names_reversed(scene, _):
    for policy in tier_policies(scene):
        policy["metadata"]["name"] = "".join(chr(255 - ord(char)) for char in policy["metadata"]["name"]) + chr(255)


@edge("equal priority (undefined by the API): ClusterNetworkPolicy first, whatever the names")
def kinds_first(scene, _):
    for policy in tier_policies(scene):
        policy["metadata"]["name"] = f"{policy['kind'] != 'ClusterNetworkPolicy':d}{policy['metadata']['name']}"


@edge("equal priority and name (undefined by the API): AdminNetworkPolicy first")
def kinds_reversed(scene, _):
    for policy in of_kind(scene, "ClusterNetworkPolicy"):
        policy["metadata"]["name"] += "-"


@edge("rules of a policy: the last first")
def rules_reversed(scene, _):
    for policy in tier_policies(scene):
        for kind in SIDES:
            policy["spec"].get(kind, []).reverse()


@edge("rules of a policy: those after the first four ignored")
def few_rules(scene, _):
    for policy in tier_policies(scene):
        for kind in SIDES:
            del policy["spec"].get(kind, [])[4:]


@edge("Pass: taken for Accept")
def pass_is_accept(scene, _):
    change_actions(scene, "Pass", "Accept")


@edge("Pass: no rule")
def pass_is_nothing(scene, _):
    change_actions(scene, "Pass", None)


@edge("Deny: no rule")
def deny_is_nothing(scene, _):
    change_actions(scene, "Deny", None)


@edge("Accept, Allow: no rule")
def accept_is_nothing(scene, _):
    change_actions(scene, "Accept", None)
    change_actions(scene, "Allow", None)


def change_actions(scene, old, new):
    for policy in tier_policies(scene):
        for kind in SIDES:
            policy["spec"][kind] = [{**rule, "action": new} if rule["action"] == old else rule
                                    for rule in policy["spec"].get(kind, []) if new or rule["action"] != old]


# Subjects and peers

@edge("subject namespaces: all")
def subject_namespaces_are_all(scene, _):
    for policy in tier_policies(scene):
        if "namespaces" in policy["spec"]["subject"]:
            policy["spec"]["subject"]["namespaces"] = {}


def parts_are_all(choices, part):
    """The "namespaceSelector" or "podSelector" of a subject or of a peer "pods"."""
    for choice in choices:
        if isinstance(choice.get("pods"), dict) and len(choice) == 1:
            choice["pods"][part] = {}


@edge("subject pods: of all namespaces")
def subject_of_all_namespaces(scene, _):
    parts_are_all([policy["spec"]["subject"] for policy in tier_policies(scene)], "namespaceSelector")


@edge("subject pods: with all labels")
def subject_with_all_labels(scene, _):
    parts_are_all([policy["spec"]["subject"] for policy in tier_policies(scene)], "podSelector")


@edge("peer pods: of all namespaces")
def peer_of_all_namespaces(scene, _):
    parts_are_all(peers(tier_policies(scene)), "namespaceSelector")


@edge("peer pods: with all labels")
def peer_with_all_labels(scene, _):
    parts_are_all(peers(tier_policies(scene)), "podSelector")


def peers_of_kind(scene, kind):
    return [peer for peer in peers(tier_policies(scene)) if list(peer) == [kind] and peer[kind] is not None]


@edge("peer namespaces: nobody")
def peer_namespaces_are_nobody(scene, _):
    for peer in peers_of_kind(scene, "namespaces"):
        peer["namespaces"] = NOTHING


@edge("peer networks: nobody")
def networks_are_nobody(scene, _):
    for peer in peers_of_kind(scene, "networks"):
        peer["networks"] = ["240.0.0.1/32"]


@edge("peer networks: not for addresses of pods")
def networks_skip_pods(scene, _):
    pods = {ip for pod in scene.pods.values() for ip in pod.ips}
    pods |= {ip for obj in scene.objects if obj["kind"] == "Pod" for ip in addresses_of(obj)}
    for peer in peers_of_kind(scene, "networks"):
        peer["networks"] = [part for text in peer["networks"] for part in around(text, pods)] or ["240.0.0.1/32"]


def around(text, pods):
    """A network without the addresses of pods, in parts."""
    try:
        parts = [ipaddress.ip_network(text, strict=False)]
    except ValueError:
        return [text]
    for ip in map(ipaddress.ip_network, sorted(pods)):
        parts = [rest for part in parts for rest in (
            part.address_exclude(ip) if ip.version == part.version and ip.subnet_of(part) else [part])]
    return map(str, parts)


@edge("peer nodes: nobody")
def nodes_are_nobody(scene, _):
    for peer in peers_of_kind(scene, "nodes"):
        peer["nodes"] = NOTHING


@edge("peer nodes: all")
def nodes_are_all(scene, _):
    for peer in peers_of_kind(scene, "nodes"):
        peer["nodes"] = {}


# Ports

@edge("ports, protocols absent: not ICMP and other protocols")
def no_ports_is_three_protocols(scene, _):
    for policy in tier_policies(scene):
        cluster = policy["kind"] == "ClusterNetworkPolicy"
        for rule, _ in rules([policy]):
            if not rule.get("protocols") and not rule.get("ports"):
                rule["protocols" if cluster else "ports"] = [
                    {name.lower(): {}} if cluster else {"portRange": {"protocol": name, "start": 1, "end": 65535}}
                    for name in ("TCP", "UDP", "SCTP")]


def ranges(scene):
    for element in ports(tier_policies(scene)):
        for holder in (element, *((value or {}).get("destinationPort") or {} for value in element.values()
                                  if isinstance(value, dict))):
            for name in ("range", "portRange"):
                if isinstance(holder.get(name), dict) and len(holder) == 1:
                    yield holder[name]


@edge("range: without its end")
def end_is_outside(scene, _):
    for found in ranges(scene):
        if found["end"] > found["start"] + 1:
            found["end"] -= 1


@edge("range: without its start")
def start_is_outside(scene, _):
    for found in ranges(scene):
        if found["end"] > found["start"] + 1:
            found["start"] += 1


def protocol_is_tcp(scene, name):
    for element in ports(tier_policies(scene)):
        if len(element) == 1 and name.lower() in element:
            element["tcp"] = element.pop(name.lower())
        for value in element.values():
            if isinstance(value, dict) and value.get("protocol") == name:
                value["protocol"] = "TCP"


@edge("udp of these tiers: taken for tcp")
def udp_is_tcp(scene, _):
    protocol_is_tcp(scene, "UDP")


@edge("sctp of these tiers: taken for tcp")
def sctp_is_tcp(scene, _):
    protocol_is_tcp(scene, "SCTP")


@edge("tcp: {}: no port")
def protocol_alone_is_nothing(scene, _):
    for element in ports(tier_policies(scene)):
        for name in ("tcp", "udp", "sctp"):
            if element.get(name) == {}:
                element[name] = {"destinationPort": {"number": 5}}


@edge("port name of these tiers: TCP only")
def names_are_tcp(scene, _):
    for container in containers(scene):
        container["ports"] = container.get("ports", []) + [
            {**port, "name": f"{port['name']}-tcp"} for port in container.get("ports", [])
            if "name" in port and port.get("protocol", "TCP") == "TCP"]
    for element in ports(tier_policies(scene)):
        for name in ("destinationNamedPort", "namedPort"):
            if element.get(name) in PORT_NAMES:
                element[name] += "-tcp"


# What cannot be read

@edge("a rule with a malformed part: ignored")
def closed_rules_are_ignored(scene, _):
    cluster = Cluster(scene.node, scene.objects, scene.pods.values())
    for policy in tier_policies(scene):
        for kind, side in SIDES.items():
            policy["spec"][kind] = [rule for rule in policy["spec"].get(kind, []) if readable(cluster, rule, side)]


def readable(cluster, rule, side):
    nothing = Probe("::", "::", 0, 0, False)
    try:
        tiers.rule_holds(tiers.Ask(cluster, side, None, ipaddress.ip_address(nothing.src), nothing), rule)
    except Malformed:
        return False
    return True
