# SPDX-License-Identifier: Apache-2.0
"""Every class of malformed object, all at once in one directory with healthy ones.

Each is refused by file, document, object and field; its pods are isolated, as if the part that cannot be
read allowed nothing; everybody else is judged as the healthy objects say. The decoders' unit tests have
many more forms of each class.
"""

import json

import pytest
import yaml

from traffic import policy, rule
from weir import Node, wait_for

EVERY = {"namespaces": {}}
DENY = {"action": "Deny", "from": [EVERY]}
LONG = "a-very-long-name"


def of_peer(peer):
    return {"podSelector": {}, "ingress": [{"from": [peer]}]}


def of_block(cidr, *excepts):
    return of_peer({"ipBlock": {"cidr": cidr, "except": list(excepts)}})


def of_port(**port):
    return {"podSelector": {}, "ingress": [{"ports": [port]}]}


def of_selector(**selector):
    return of_peer({"podSelector": selector})


def of_expression(**expression):
    return of_selector(matchExpressions=[{"key": "a", **expression}])


PEER, PORT = "spec.ingress[0].from[0]", "spec.ingress[0].ports[0]"
LABELS, EXPRESSION = f"{PEER}.podSelector.matchLabels", f"{PEER}.podSelector.matchExpressions[0]"

# The spec of a NetworkPolicy, and the field that is refused.
POLICIES = {
    "an empty peer": (of_peer({}), PEER),
    "a block beside a pod selector": (of_peer({"ipBlock": {"cidr": "0.0.0.0/0"}, "podSelector": {}}), PEER),
    "a block beside a namespace selector": (of_peer({"ipBlock": {"cidr": "0.0.0.0/0"}, "namespaceSelector": {}}), PEER),
    "a block that is none": (of_block("10.0.0.0/33"), f"{PEER}.ipBlock.cidr"),
    "an exception as wide as its block": (of_block("0.0.0.0/0", "0.0.0.0/0"), f"{PEER}.ipBlock.except[0]"),
    "an exception outside": (of_block("10.0.0.0/8", "11.0.0.0/16"), f"{PEER}.ipBlock.except[0]"),
    "an exception of another family": (of_block("0.0.0.0/0", "fd00::/64"), f"{PEER}.ipBlock.except[0]"),
    "an end without a port": (of_port(endPort=90), f"{PORT}.endPort"),
    "an end with a name": (of_port(port="http", endPort=90), f"{PORT}.endPort"),
    "an end below its port": (of_port(port=80, endPort=79), f"{PORT}.endPort"),
    "port 0": (of_port(port=0), f"{PORT}.port"),
    "a port beyond all": (of_port(port=65536), f"{PORT}.port"),
    "a long port name": (of_port(port=LONG), f"{PORT}.port"),
    "a port name without a letter": (of_port(port="80"), f"{PORT}.port"),
    "another protocol": (of_port(protocol="ICMP", port=80), f"{PORT}.protocol"),
    "three types": ({"podSelector": {}, "policyTypes": ["Ingress", "Egress", "Ingress"]}, "spec.policyTypes"),
    "an unknown type": ({"podSelector": {}, "policyTypes": ["Sideways"]}, "spec.policyTypes[0]"),
    "an unknown operator": (of_expression(operator="Gt", values=["1"]), f"{EXPRESSION}.operator"),
    "In without values": (of_expression(operator="In"), f"{EXPRESSION}.values"),
    "Exists with values": (of_expression(operator="Exists", values=["x"]), f"{EXPRESSION}.values"),
    "a key that is none": (of_selector(matchLabels={"-a": "x"}), f"{LABELS}[-a]"),
    "a value that is none": (of_selector(matchLabels={"a": "b c"}), f"{LABELS}[a]"),
    "a selector that is none": (of_peer({"podSelector": "front"}), f"{PEER}.podSelector"),
    "a subject that is none": ({"podSelector": {"matchLabels": {"a": 1}}, "ingress": [{}]},
                               "spec.podSelector.matchLabels[a]"),
    "an unknown field": ({"podSelector": {}, "ingres": [{}]}, "spec.ingres"),
    "rules that are none": ({"podSelector": {}, "ingress": {}}, "spec.ingress"),
    "a rule that is none": ({"podSelector": {}, "ingress": [None]}, "spec.ingress[0]"),
    "no spec": ([], "spec"),
}


def rules(*listed, **spec):
    return {"tier": "Admin", "priority": 5, "ingress": list(listed), **spec}


def accepts(**broken):
    """What a broken rule would accept, the next one denies."""
    return rules({"action": "Accept", "from": [EVERY], **broken}, DENY)


def denies(**broken):
    return rules({**DENY, **broken})


def passes(**broken):
    return rules({"action": "Pass", "from": [EVERY], **broken})


def tcp(**port):
    return [{"tcp": {"destinationPort": port}}]


FROM, PROTOCOL = "spec.ingress[0].from", "spec.ingress[0].protocols"

# The spec of a ClusterNetworkPolicy for one namespace.
CLUSTER_POLICIES = {
    "no tier": ({"priority": 5, "ingress": [DENY]}, "spec.tier"),
    "an unknown tier": (denies() | {"tier": "Middle"}, "spec.tier"),
    "no priority": ({"tier": "Admin", "ingress": [DENY]}, "spec.priority"),
    "a priority beyond all": (denies() | {"priority": 1001}, "spec.priority"),
    "a field of tomorrow": (denies() | {"schedule": "night"}, "spec.schedule"),
    "rules that are none": ({"tier": "Admin", "priority": 5, "ingress": {}}, "spec.ingress"),
    "a rule that is none": (rules(None), "spec.ingress[0]"),
    "no action": (rules({"from": [EVERY]}), "spec.ingress[0].action"),
    "an unknown action": (denies(action="Allow"), "spec.ingress[0].action"),
    "no peers": (rules({"action": "Deny"}), FROM),
    "an empty list of peers": (denies(**{"from": []}), FROM),
    "an accepted peer of tomorrow": (accepts(**{"from": [EVERY, {"planets": {}}]}), f"{FROM}[1].planets"),
    "a denied peer of tomorrow": (denies(**{"from": [{"planets": {}}]}), f"{FROM}[0].planets"),
    "a passed peer of tomorrow": (passes(**{"from": [{"planets": {}}]}), f"{FROM}[0].planets"),
    "a peer of two kinds": (denies(**{"from": [{"namespaces": {}, "pods": {"podSelector": {}}}]}), f"{FROM}[0]"),
    "an empty peer": (denies(**{"from": [{}]}), f"{FROM}[0]"),
    "pods without a selector": (denies(**{"from": [{"pods": {"namespaceSelector": {}}}]}), f"{FROM}[0].pods.podSelector"),
    "networks that send": (denies(**{"from": [{"networks": ["0.0.0.0/0"]}]}), f"{FROM}[0].networks"),
    "an accepted protocol of tomorrow": (accepts(protocols=[{"quic": {}}]), f"{PROTOCOL}[0].quic"),
    "a denied protocol of tomorrow": (denies(protocols=[{"tcp": {}}, {"quic": {}}]), f"{PROTOCOL}[1].quic"),
    "an empty list of protocols": (denies(protocols=[]), PROTOCOL),
    "an empty protocol": (denies(protocols=[{}]), f"{PROTOCOL}[0]"),
    "port 0": (accepts(protocols=tcp(number=0)), f"{PROTOCOL}[0].tcp.destinationPort.number"),
    "a range of one": (accepts(protocols=tcp(range={"start": 80, "end": 80})),
                       f"{PROTOCOL}[0].tcp.destinationPort.range.end"),
    "a number and a range": (accepts(protocols=tcp(number=80, range={"start": 1, "end": 90})),
                             f"{PROTOCOL}[0].tcp.destinationPort"),
    "a port name that is none": (accepts(protocols=[{"destinationNamedPort": "80"}]),
                                 f"{PROTOCOL}[0].destinationNamedPort"),
}


def service(name, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


ALPHA = "policy.networking.k8s.io/v1alpha1"
# What has no pods of its own to isolate: the object as it is told ("": it has no name), and the field.
OTHERS = {
    "no name": ({"apiVersion": "v1", "kind": "Pod", "metadata": {}}, "", "metadata.name"),
    "a name that is none": ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "A B"}}, "", "metadata.name"),
    "a version of yesterday": ({"apiVersion": "networking.k8s.io/v1beta1", "kind": "NetworkPolicy",
                                "metadata": {"name": "old"}}, "NetworkPolicy default/old", "apiVersion"),
    "no version": ({"kind": "Pod", "metadata": {"name": "x"}}, "Pod default/x", "apiVersion"),
    "no kind": ({"apiVersion": "v1", "metadata": {"name": "x"}}, "", "kind"),
    "labels that are none": ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {"a": 1}}},
                             "Pod default/x", "metadata.labels[a]"),
    "a namespace's labels": ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "labels": []}},
                             "Namespace x", "metadata.labels"),
    "no subject": ({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
                    "metadata": {"name": "x"}, "spec": rules({"action": "Accept", "from": [EVERY]})},
                   "ClusterNetworkPolicy x", "spec.subject"),
    "an AdminNetworkPolicy": ({"apiVersion": ALPHA, "kind": "AdminNetworkPolicy", "metadata": {"name": "x"},
                               "spec": {"subject": EVERY, "ingress": []}}, "AdminNetworkPolicy x", "spec.priority"),
    "a BaselineAdminNetworkPolicy": ({"apiVersion": ALPHA, "kind": "BaselineAdminNetworkPolicy",
                                      "metadata": {"name": "default"},
                                      "spec": {"subject": EVERY, "priority": 5}},
                                     "BaselineAdminNetworkPolicy default", "spec.priority"),
    "a service's port": ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
                          "spec": {"ports": [{"port": 0}]}}, "Service default/x", "spec.ports[0].port"),
    "ports of one name": (service("ports", ports=[{"name": "a", "port": 80}, {"name": "a", "port": 81}]),
                          "Service default/ports", "spec.ports[1].name"),
    "an external IP of everybody": (service("external", externalIPs=["192.0.2.1", "127.0.0.1"]),
                                    "Service default/external", "spec.externalIPs[1]"),
    "an endpoint of another family": ({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                                       "metadata": {"name": "x"}, "addressType": "IPv6",
                                       "endpoints": [{"addresses": ["10.0.0.1"]}]},
                                      "EndpointSlice default/x", "endpoints[0].addresses[0]"),
}


def place_of(case):
    """A namespace for each case."""
    kind = "policy" if case[0] is POLICIES else "cluster"
    return f"{kind}-{list(case[0]).index(case[1])}"


ISOLATED = [(table, name) for table in (POLICIES, CLUSTER_POLICIES) for name in table]
HEALTHY = [policy("good", "back", {"app": "back"}, ingress=[rule("from", labels={"app": "front"})]),
           policy("good", "open", {"app": "open"}, ingress=[{}])]


def broken_policies():
    return [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
             "metadata": {"name": "broken", "namespace": place_of((POLICIES, name))}, "spec": spec}
            for name, (spec, _) in POLICIES.items()]


def broken_cluster_policies():
    made = []
    for name, (spec, _) in CLUSTER_POLICIES.items():
        place = place_of((CLUSTER_POLICIES, name))
        subject = {"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": place}}}
        made.append({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
                     "metadata": {"name": place}, "spec": {"subject": subject, **spec}})
    return made


def expected(node):
    """{(file, document, object, field)} of all that is malformed."""
    files = (f"{node.manifests}/{name}" for name in ("broken.yaml", "cluster.json", "others.yaml"))
    policies, cluster, others = files
    found = {(policies, 2 + number, f"NetworkPolicy {place_of((POLICIES, name))}/broken", field)
             for number, (name, (_, field)) in enumerate(POLICIES.items())}
    found |= {(cluster, 1, f"ClusterNetworkPolicy {place_of((CLUSTER_POLICIES, name))}", field)
              for name, (_, field) in CLUSTER_POLICIES.items()}
    return found | {(others, 1 + number, title, field) for number, (_, title, field) in enumerate(OTHERS.values())}


@pytest.fixture(scope="module")
def told():
    """A node with all of it, the problems that it tells, and who answers the front and the stranger."""
    with Node() as node:
        pods = {(place_of(case), "pod"): {} for case in ISOLATED}
        pods |= {("good", app): {"app": app} for app in ("front", "stranger", "back", "open")}
        node.write("pods.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": place, "name": name, "labels": labels},
             "spec": {"nodeName": node.name, "containers": []}} for (place, name), labels in pods.items()]}))
        made = {key: node.add_pod(*key) for key in pods}
        node.write("broken.yaml", yaml.safe_dump_all([HEALTHY[0], *broken_policies(), HEALTHY[1]]))
        node.write("cluster.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": broken_cluster_policies()}))
        node.write("others.yaml", yaml.safe_dump_all([given for given, _, _ in OTHERS.values()]))
        wait_for(lambda: {problem["file"] for problem in node.problems()} >= {place for place, *_ in expected(node)},
                 "all files are read")
        node.settle()
        servers = {key: pod for key, pod in made.items() if key[1] not in ("front", "stranger")}
        for pod in servers.values():
            pod.serve("tcp:80")
        answers = {}
        for client in ("front", "stranger"):
            found = made["good", client].probe(*[("tcp", pod.ip4, 80) for pod in servers.values()], timeout_ms=1000)
            answers[client] = dict(zip(servers, found))
        yield node, answers


def test_every_malformed_object_is_told_by_its_field(told):
    node, _ = told
    problems = node.problems()
    found = {(problem["file"], problem["document"], problem["object"], problem["field"]) for problem in problems}
    assert found == expected(node)
    everything = yaml.safe_load(node.weir("status", "-o", "yaml"))["sources"][0]["problems"]
    log = node.log_text()
    for problem in problems:
        assert problem in everything
        parts = [f"{problem['file']}:{problem['line']}", f"document {problem['document']}", problem["object"],
                 problem["field"], problem["text"]]
        assert ": ".join(part for part in parts if part) in log
    assert not node.status()["healthy"]


@pytest.mark.parametrize("case", ISOLATED, ids=lambda case: f"{place_of(case)}-{case[1]}")
def test_a_malformed_policy_isolates(told, case):
    _, answers = told
    assert {answers[client][place_of(case), "pod"] for client in answers} == {"timeout"}


def test_healthy_policies_are_in_force_beside_them(told):
    _, answers = told
    assert {client: (found["good", "back"], found["good", "open"]) for client, found in answers.items()} == {
        "front": ("open", "open"), "stranger": ("timeout", "open")}
