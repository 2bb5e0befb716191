# SPDX-License-Identifier: Apache-2.0
"""The three tiers with real traffic: the main cases of the network-policy-api conformance suite.

Three namespaces with a pod each, the outside world, and another node's address in it. A case writes
policies and says what must be open and what must be shut; shut means silence, never a refusal.
"""

import itertools
import json
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from traffic import inside
from weir import OUTSIDE_IPS, Node, wait_for

API = "policy.networking.k8s.io"
TEAMS = ("red", "green", "blue")
PORTS = {"tcp": (80, 8080), "udp": (53, 5353)}
FAR_NODE_IPS = ("192.0.2.77", "2001:db8::77")
PATIENCE_MS = 250  # of a probe that shall stay without answer
SCTP = 132
SCTP_PORTS = (9003, 9005)


class House:
    """The node with its pods, and what was asked of it last."""

    def __init__(self, node):
        self.node = node
        self.pods = {}
        for team in TEAMS:
            node.manifest(f"ns-{team}", {"apiVersion": "v1", "kind": "Namespace",
                                         "metadata": {"name": team, "labels": {"team": team}}}, wait=False)
            self.pods[team] = node.add_pod(team, "a", labels={"team": team}, ports={"web": 80})
            self.pods[team].serve(*[f"{proto}:{port}" for proto, ports in PORTS.items() for port in ports], name=team)
        for kind, address in zip((4, 6), FAR_NODE_IPS):
            node.outside.ip(f"-{kind}", "addr", "add", f"{address}/{32 if kind == 4 else 128}", "dev", "wire0")
        node.outside.serve("tcp:80", "tcp:8080", name="outside")
        node.manifest("nodes", *[
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"zone": zone}},
             "status": {"addresses": [{"type": "InternalIP", "address": ip} for ip in ips]}}
            for name, zone, ips in (("far", "far", FAR_NODE_IPS), (node.name, "near", ("192.0.2.2", "2001:db8::2")))])

    def addresses(self, name):
        named = {"outside": OUTSIDE_IPS, "far": FAR_NODE_IPS}
        return named.get(name) or self.pods[name].ips

    def apply(self, *policies):
        self.node.manifest("policies", *policies)

    def found(self, questions):
        """{question: result}; a question is "red tcp blue 80" and stands for both families."""
        results = {}

        def ask(name):
            asked = [(question, address, question.split()) for question in questions
                     if question.split()[0] == name for address in self.addresses(question.split()[2])]
            targets = [(words[1], address, words[3]) for _, address, words in asked]
            answers = self.pods[name].probe(*targets, timeout_ms=PATIENCE_MS) if targets else []
            return [(question, result) for (question, _, _), result in zip(asked, answers)]
        with ThreadPoolExecutor(len(TEAMS)) as pool:
            for question, result in itertools.chain(*pool.map(ask, TEAMS)):
                results.setdefault(question, set()).add(result)
        return results

    def expect(self, opened=(), shut=()):
        """Both lists hold questions with '*' for every port of the protocol."""
        wanted = {question: {result} for questions, result in ((opened, "open"), (shut, "timeout"))
                  for text in questions for question in spread(text)}

        def differences():
            found = self.found(wanted)
            self.last = {question: found[question] for question in wanted if found[question] != wanted[question]}
            return not self.last
        try:
            wait_for(differences, "the probes find what the policies say", every_s=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.last}\n{self.node.weir('policy', 'get', 'red/a')}") from None


def spread(text):
    source, proto, target, port = text.split()
    return [f"{source} {proto} {target} {one}" for one in (PORTS[proto] if port == "*" else (port,))]


@pytest.fixture(scope="module")
def shared_house():
    with Node() as node:
        yield House(node)


@pytest.fixture
def house(shared_house):
    shared_house.apply()
    yield shared_house
    assert not shared_house.node.problems()


# Policies

def team(name):
    return {"namespaces": {"matchLabels": {"team": name}}}


def pods(name):
    labels = {"matchLabels": {"team": name}}
    return {"pods": {"namespaceSelector": labels, "podSelector": dict(labels)}}


ALL_PODS = {"namespaces": {}}
EVERYWHERE = {"networks": ["0.0.0.0/0", "::/0"]}


def port(text):
    """ "tcp:80", "udp:53-60", "tcp", or the name "web"."""
    proto, _, numbers = text.partition(":")
    if proto not in ("tcp", "udp", "sctp"):
        return {"destinationNamedPort": text}
    if not numbers:
        return {proto: {}}
    first, _, last = numbers.partition("-")
    chosen = {"range": {"start": int(first), "end": int(last)}} if last else {"number": int(first)}
    return {proto: {"destinationPort": chosen}}


def rule(side, action, *peers, ports=(), name=None):
    return {**({"name": name} if name else {}), "action": action, side: list(peers),
            **({"protocols": [port(text) for text in ports]} if ports else {})}


def to(action, *peers, **more):
    return rule("to", action, *peers, **more)


def source(action, *peers, **more):
    return rule("from", action, *peers, **more)


def cnp(name, priority, subject, *rules, tier="Admin"):
    egress = [one for one in rules if "to" in one]
    ingress = [one for one in rules if "from" in one]
    return {"apiVersion": f"{API}/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": name},
            "spec": {"tier": tier, "priority": priority, "subject": subject,
                     **({"ingress": ingress} if ingress else {}), **({"egress": egress} if egress else {})}}


def old(kind, name, *egress, **priority):
    return {"apiVersion": f"{API}/v1alpha1", "kind": kind, "metadata": {"name": name},
            "spec": {**priority, "subject": team("red"), "egress": list(egress)}}


def np(namespace, **directions):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": namespace, "name": "np"},
            "spec": {"podSelector": {}, "policyTypes": [side.capitalize() for side in directions], **directions}}


TIERS = pytest.mark.parametrize("tier", ["Admin", "Baseline"])


def both(ends):
    """Every port of TCP and of UDP, between "red green"."""
    return ["{} {} {} *".format(ends.split()[0], proto, ends.split()[1]) for proto in PORTS]


@TIERS
def test_egress_rules_count_in_their_order(house, tier):
    accept, deny = to("Accept", team("green")), to("Deny", ALL_PODS)
    house.apply(cnp("p", 10, team("red"), accept, deny, tier=tier))
    house.expect(opened=both("red green") + both("blue red"), shut=both("red blue"))
    house.apply(cnp("p", 10, team("red"), deny, accept, tier=tier))
    house.expect(opened=both("blue green"), shut=both("red green") + both("red blue"))
    house.apply(cnp("p", 10, team("red"), to("Accept", ALL_PODS, ports=["tcp:80", "udp:53"]), deny, tier=tier))
    house.expect(opened=["red tcp green 80", "red udp green 53"], shut=["red tcp green 8080", "red udp green 5353"])


@TIERS
def test_ingress_rules_count_in_their_order(house, tier):
    accept, deny = source("Accept", team("green")), source("Deny", ALL_PODS)
    house.apply(cnp("p", 10, pods("red"), accept, deny, tier=tier))
    house.expect(opened=both("green red") + both("red blue"), shut=both("blue red"))
    house.apply(cnp("p", 10, pods("red"), deny, accept, tier=tier))
    house.expect(shut=both("green red") + both("blue red"))
    house.apply(cnp("p", 10, pods("red"), source("Deny", pods("green"), ports=["tcp:8079-8080", "udp:5000-5353"]),
                    tier=tier))
    house.expect(opened=["green tcp red 80", "green udp red 53", *both("blue red")],
                 shut=["green tcp red 8080", "green udp red 5353"])


def test_the_other_end_has_its_own_say(house):
    house.apply(cnp("out", 10, team("red"), to("Accept", ALL_PODS)),
                cnp("in", 1000, team("blue"), source("Deny", ALL_PODS)))
    house.expect(opened=["red tcp green *"], shut=["red tcp blue *"])


def test_a_changed_priority_changes_who_comes_first(house):
    deny = cnp("deny", 50, team("red"), to("Deny", team("green")))
    baseline = cnp("base", 10, team("red"), to("Accept", team("green")), tier="Baseline")
    house.apply(deny, cnp("pass", 60, team("red"), to("Pass", team("green"))), baseline)
    house.expect(opened=["red tcp blue *"], shut=["red tcp green *"])
    house.apply(deny, cnp("pass", 40, team("red"), to("Pass", team("green"))), baseline)
    house.expect(opened=["red tcp green *", "red tcp blue *"])


def test_admin_namespace_and_baseline_together(house):
    """Admin denies; patched to Pass, the NetworkPolicy allows; without it the Baseline denies."""
    denied = (to("Deny", team("green")), source("Deny", team("green")))
    passed = tuple({**one, "action": "Pass"} for one in denied)
    allow = np("red", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "green"}}}]}],
               egress=[{"to": [{"namespaceSelector": {"matchLabels": {"team": "green"}}}]}])
    baseline = cnp("base", 10, team("red"), *denied, tier="Baseline")
    ways = ["red tcp green *", "green tcp red *", "red udp green *", "green udp red *"]
    house.apply(cnp("admin", 5, team("red"), *denied), allow, baseline)
    house.expect(shut=ways)
    house.apply(cnp("admin", 5, team("red"), *passed), allow, baseline)
    house.expect(opened=ways, shut=["red tcp blue *", "blue tcp red *"])
    house.apply(cnp("admin", 5, team("red"), *passed), baseline)
    house.expect(opened=["red tcp blue *", "blue tcp red *"], shut=ways)


def test_isolation_of_one_direction_leaves_the_other_to_the_baseline(house):
    baseline = cnp("base", 10, team("red"), to("Deny", team("green")), source("Deny", team("green")), tier="Baseline")
    house.apply(np("red", ingress=[{}]), baseline)
    house.expect(opened=["green tcp red *"], shut=["red tcp green *"])


def networks(*pods_of):
    return {"networks": [f"{ip}/{128 if ':' in ip else 32}" for pod in pods_of for ip in pod.ips]}


@TIERS
def test_networks_cover_pods_and_the_first_rule_counts(house, tier):
    deny = to("Deny", EVERYWHERE)
    house.apply(cnp("p", 10, team("red"), deny, to("Accept", team("green")), tier=tier))
    house.expect(opened=["blue tcp green *"], shut=["red tcp green *", "red tcp outside 80"])
    house.apply(cnp("p", 10, team("red"), to("Accept", team("green")), deny, tier=tier))
    house.expect(opened=["red tcp green *"], shut=["red tcp blue *", "red tcp outside 80"])
    house.apply(cnp("p", 10, team("red"), to("Accept", networks(house.pods["blue"])), deny, tier=tier))
    house.expect(opened=["red tcp blue *"], shut=["red tcp green *", "red tcp outside 80"])


def test_a_relabelled_namespace_is_another_peer(house):
    house.apply(cnp("p", 10, team("red"), to("Accept", team("green")), to("Deny", ALL_PODS)))
    house.expect(opened=["red tcp green *"])
    try:
        for label, there in (("gone", False), ("green", True)):
            house.node.manifest("ns-green", {"apiVersion": "v1", "kind": "Namespace",
                                             "metadata": {"name": "green", "labels": {"team": label}}})
            house.expect(**{"opened" if there else "shut": ["red tcp green *"]})
    finally:
        house.node.manifest("ns-green", {"apiVersion": "v1", "kind": "Namespace",
                                         "metadata": {"name": "green", "labels": {"team": "green"}}})


@TIERS
def test_names_of_ports(house, tier):
    house.apply(cnp("out", 10, team("red"), to("Accept", ALL_PODS, ports=["web"]), to("Deny", ALL_PODS), tier=tier),
                cnp("in", 11, team("blue"), source("Deny", team("green"), ports=["web"]), tier=tier))
    house.expect(opened=["red tcp green 80", "green tcp blue 8080"], shut=["red tcp green 8080", "green tcp blue 80"])


@TIERS
def test_nodes_as_peers(house, tier):
    far = {"nodes": {"matchLabels": {"zone": "far"}}}
    house.apply(cnp("p", 10, team("red"), to("Accept", far, ports=["tcp:80"]), to("Deny", {"nodes": {}}), tier=tier))
    house.expect(opened=["red tcp far 80", "red tcp outside *", "green tcp far 8080"], shut=["red tcp far 8080"])
    house.apply(cnp("p", 10, team("red"), to("Accept", far, ports=["tcp:80"]), to("Deny", EVERYWHERE), tier=tier))
    house.expect(opened=["red tcp far 80"], shut=["red tcp far 8080", "red tcp outside 80"])


def test_the_kinds_of_before(house):
    def one(action):
        return {"action": action, "to": [team("green")], "ports": [{"portNumber": {"protocol": "TCP", "port": 80}}]}
    baseline = old("BaselineAdminNetworkPolicy", "default", one("Deny"))
    house.apply(baseline)
    house.expect(opened=["red tcp green 8080", "red udp green *"], shut=["red tcp green 80"])
    house.apply(baseline, old("AdminNetworkPolicy", "a", one("Allow"), priority=3))
    house.expect(opened=["red tcp green *"])
    house.apply(old("AdminNetworkPolicy", "a", one("Deny"), priority=3))
    house.expect(opened=["red tcp green 8080"], shut=["red tcp green 80"])


MANY = 70_000
IN_ONE = 100  # as many as the API takes
IN_FILE = 200  # policies
LIMIT = 1 << 16


def one_of_many(number):
    """Actions alternate, so no two rules share a group, and are opposite where 16 bits would take them for the same."""
    return {"action": "Deny" if (number + number // LIMIT) % 2 else "Allow",
            "to": [{"networks": [f"203.0.113.{number % 200}/32"]}],
            "ports": [{"portNumber": {"protocol": "TCP", "port": 1000 + number % 50}}]}


def many_policies(*last):
    """Of MANY rules in order, the last ones as given."""
    rules = [one_of_many(number) for number in range(MANY - len(last))] + list(last)
    policies = [old("AdminNetworkPolicy", f"p{first:05}", *rules[first:first + IN_ONE], priority=first // IN_ONE)
                for first in range(0, MANY, IN_ONE)]
    baseline = {"action": "Deny", "to": [ALL_PODS]}
    return [*policies, old("BaselineAdminNetworkPolicy", "default", baseline)]


def test_more_rules_than_16_bits_count(house):
    deny = {"action": "Deny", "to": [team("green")], "ports": [{"portNumber": {"protocol": "TCP", "port": 8080}}]}
    allow = {"action": "Allow", "to": [team("green")]}
    files = set()

    def apply(*policies):
        # JSON, because Python writes YAML slowly; several files, because one has 16 MiB at most.
        for first in range(0, len(policies), IN_FILE):
            text = "\n---\n".join(map(json.dumps, policies[first:first + IN_FILE]))
            files.add(house.node.write(f"many-{first}.yaml", text))
        house.node.settle()
    apply(*many_policies(deny, allow))
    house.expect(opened=["red tcp green 80", "red udp green *"], shut=["red tcp green 8080", "red tcp blue *"])
    told = house.node.get("/v1/policies/red/a")["egress"]["rules"]
    assert len(told) == MANY + 1
    assert [(rule["action"], rule["policy"], rule["rule"]) for rule in told[-3:-1]] == [
        ("deny", "AdminNetworkPolicy p69900", 98), ("allow", "AdminNetworkPolicy p69900", 99)]
    apply(*many_policies({**deny, "action": "Pass"}, deny))
    house.expect(opened=["blue tcp green *"], shut=both("red green"))
    for path in files:
        os.unlink(path)


def test_a_pod_reaches_itself_whatever_is_denied(house):
    house.apply(cnp("p", 0, ALL_PODS, to("Deny", EVERYWHERE), source("Deny", ALL_PODS)))
    house.expect(opened=["red tcp red *"], shut=["red tcp blue *"])


# SCTP. The machine's kernel need not have it: packets that open an association are enough.

def sctp_init(target_port):
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)
    return struct.pack("!HHII", 40000, target_port, 0, 0) + chunk


def sctp_arrives(sender, receiver, address, target_port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(receiver):
        ear = socket.socket(family, socket.SOCK_RAW, SCTP)
    with inside(sender):
        mouth = socket.socket(family, socket.SOCK_RAW, SCTP)
    with ear, mouth:
        ear.settimeout(PATIENCE_MS / 1000)
        mouth.sendto(sctp_init(target_port), (address, 0))
        try:
            return ear.recv(2048)[-len(sctp_init(0)):] == sctp_init(target_port)
        except socket.timeout:
            return False


def check_sctp(house, pairs):
    """[(from, to, port, arrives)]"""
    def holds():
        return all(sctp_arrives(house.pods[a], house.pods[b], address, number) == arrives
                   for a, b, number, arrives in pairs for address in house.pods[b].ips)
    wait_for(holds, f"SCTP as {pairs}", every_s=0.1)


@TIERS
def test_sctp_is_a_protocol_of_its_own(house, tier):
    first, second = SCTP_PORTS
    house.apply(cnp("p", 10, team("red"), to("Accept", ALL_PODS, ports=[f"sctp:{first}"]),
                    to("Deny", ALL_PODS, ports=["sctp"]), tier=tier),
                cnp("in", 11, team("blue"), source("Deny", team("green"), ports=[f"sctp:{first}"]), tier=tier))
    check_sctp(house, [("red", "green", first, True), ("red", "green", second, False),
                       ("green", "blue", first, False), ("green", "blue", second, True)])
    house.expect(opened=["red tcp green *", "green tcp blue *"])


# Malformed and explained

def test_what_cannot_be_read_fails_closed_and_says_so(shared_house):
    house = shared_house
    unknown = {"planets": {}}
    house.apply(cnp("accepts", 1, team("red"), to("Accept", unknown), to("Accept", {"domainNames": ["x.example"]})))
    try:
        house.expect(opened=["red tcp blue *"])
        said = {(problem["object"], problem["field"]) for problem in house.node.problems()}
        assert said == {("ClusterNetworkPolicy accepts", "spec.egress[0].to[0].planets"),
                        ("ClusterNetworkPolicy accepts", "spec.egress[1].to[0].domainNames")}
        house.apply(cnp("passes", 1, team("red"), to("Pass", unknown)),
                    cnp("fine", 2, team("green"), to("Deny", team("red"))))
        house.expect(opened=["green tcp blue *", "blue tcp red *"],
                     shut=["red tcp blue *", "red tcp outside 80", "green tcp red *"])
    finally:
        house.apply()


def test_the_command_tells_rules_in_order_and_why(house):
    house.apply(cnp("z-first", 5, team("red"), to("Pass", team("green"), name="let-them-decide")),
                cnp("a-second", 6, pods("red"), to("Deny", EVERYWHERE, ports=["tcp:1-9"])),
                np("red", egress=[{"to": [{"podSelector": {}}], "ports": [{"port": "web"}]}]),
                cnp("base", 7, ALL_PODS, to("Deny", {"nodes": {}}), tier="Baseline"))
    text = house.node.weir("policy", "get", "red/a")
    assert text.splitlines()[2].startswith("Egress      isolated, rule set ")
    assert text.splitlines()[3:] == [
        "  ClusterNetworkPolicy z-first selects pods * in namespaces team=red",
        "  ClusterNetworkPolicy a-second selects pods team=red in namespaces team=red",
        "  NetworkPolicy red/np selects pods * in namespace red",
        "  ClusterNetworkPolicy base selects pods * in namespaces *",
        "  Admin 5        pass   to pods * in namespaces team=green; all ports and protocols"
        " (ClusterNetworkPolicy z-first rule 0 \"let-them-decide\")",
        "  Admin 6        deny   to 0.0.0.0/0, ::/0; ports 1-9/tcp (ClusterNetworkPolicy a-second rule 0)",
        "  NetworkPolicy  allow  to pods * in namespace red; ports web/tcp (NetworkPolicy red/np rule 0)",
        "  NetworkPolicy  deny   everything else",
        "  Baseline       1 rule is not asked"]
    listed = json.loads(house.node.weir("-o", "json", "policy", "list"))["policies"]
    assert [(one["kind"], one["name"], one["tier"], one["priority"]) for one in listed if one["name"] in
            ("z-first", "a-second", "np", "base")] == [
                ("ClusterNetworkPolicy", "a-second", "Admin", 6), ("ClusterNetworkPolicy", "base", "Baseline", 7),
                ("ClusterNetworkPolicy", "z-first", "Admin", 5), ("NetworkPolicy", "np", "NetworkPolicy", None)]
    assert "not asked" not in house.node.weir("-o", "yaml", "policy", "get", "red/a")
