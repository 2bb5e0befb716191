# SPDX-License-Identifier: Apache-2.0
"""What NetworkPolicies say, written straight from their definition.

Slow, short, and without a line in common with weir: the demonstration holds it
beside what it measures.
"""

import glob
import ipaddress
import os
from dataclasses import dataclass, field

import yaml


@dataclass(frozen=True)
class Port:
    name: str
    number: int
    protocol: str


@dataclass
class Party:
    """One end of a connection: a pod, the node, or a host outside."""
    name: str
    kind: str  # "pod", "node", "outside"; of a Service "service" (ClusterIP), "door" (NodePort)
    namespace: str = ""
    labels: dict = field(default_factory=dict)
    ports: list = field(default_factory=list)
    addresses: dict = field(default_factory=dict)  # 4 and 6 to text


@dataclass
class Cluster:
    namespaces: dict  # name to labels
    pods: list
    policies: list
    services: list  # Service objects


def _items(document):
    if not document:
        return
    if document.get("kind", "").endswith("List"):
        for item in document.get("items") or []:
            yield from _items(item)
    else:
        yield document


def _pod(item):
    meta, spec = item["metadata"], item.get("spec") or {}
    ports = [Port(port.get("name", ""), port["containerPort"], port.get("protocol", "TCP"))
             for container in spec.get("containers") or [] for port in container.get("ports") or []]
    return Party(meta["name"], "pod", meta.get("namespace", "default"),
                 meta.get("labels") or {}, ports)


def load(directory, instead=None):
    """The manifests of a directory, with the file @instead in place of its namesake."""
    cluster = Cluster({}, [], [], [])
    for path in sorted(glob.glob(f"{directory}/*.yaml")):
        if instead and os.path.basename(path) == os.path.basename(instead):
            path = instead
        with open(path, encoding="utf-8") as file:
            items = [item for document in yaml.safe_load_all(file) for item in _items(document)]
        for item in items:
            meta = item["metadata"]
            if item["kind"] == "Namespace":
                cluster.namespaces[meta["name"]] = dict(
                    meta.get("labels") or {}, **{"kubernetes.io/metadata.name": meta["name"]})
            elif item["kind"] == "Pod":
                cluster.pods.append(_pod(item))
            elif item["kind"] == "NetworkPolicy":
                cluster.policies.append(item)
            elif item["kind"] == "Service":
                cluster.services.append(item)
    return cluster


def _expression_matches(expression, labels):
    key, values = expression["key"], expression.get("values") or []
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[expression["operator"]]


def selects(selector, labels):
    wanted = selector.get("matchLabels") or {}
    return (all(labels.get(key) == value for key, value in wanted.items()) and
            all(_expression_matches(e, labels) for e in selector.get("matchExpressions") or []))


def _types(spec):
    if spec.get("policyTypes"):
        return spec["policyTypes"]
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _block_matches(block, address):
    address = ipaddress.ip_address(address)

    def inside(cidr):
        net = ipaddress.ip_network(cidr, strict=False)
        return net.version == address.version and address in net

    return inside(block["cidr"]) and not any(inside(e) for e in block.get("except") or [])


def _peer_matches(cluster, peer, namespace, other, family):
    if "ipBlock" in peer:
        return _block_matches(peer["ipBlock"], other.addresses[family])
    if other.kind != "pod":
        return False
    if peer.get("namespaceSelector") is not None:
        if not selects(peer["namespaceSelector"], cluster.namespaces.get(other.namespace, {})):
            return False
    elif other.namespace != namespace:
        return False
    return selects(peer.get("podSelector") or {}, other.labels)


def _port_matches(rule, destination, protocol, number):
    if rule.get("protocol", "TCP") != protocol:
        return False
    port = rule.get("port")
    if port is None:
        return True
    if isinstance(port, str):
        return Port(port, number, protocol) in destination.ports
    return port <= number <= rule.get("endPort", port)


def _direction_allows(cluster, direction, subject, other, destination, probe):
    protocol, number, family = probe
    if subject.kind != "pod":
        return True
    if direction == "Ingress" and other.kind == "node":
        return True
    specs = [policy["spec"] for policy in cluster.policies
             if policy["metadata"].get("namespace", "default") == subject.namespace and
             selects(policy["spec"].get("podSelector") or {}, subject.labels) and
             direction in _types(policy["spec"])]
    if not specs:
        return True
    key, peers_key = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    for rule in (rule for spec in specs for rule in spec.get(key) or []):
        peers, ports = rule.get(peers_key) or [], rule.get("ports") or []
        if peers and not any(_peer_matches(cluster, peer, subject.namespace, other, family)
                             for peer in peers):
            continue
        if not ports or any(_port_matches(port, destination, protocol, number) for port in ports):
            return True
    return False


def allowed(cluster, source, destination, protocol, number, family):
    """May @source open this connection? @protocol is TCP, UDP or ICMP (@number is 0 then)."""
    if source is destination:
        return True
    probe = (protocol, number, family)
    return (_direction_allows(cluster, "Egress", source, destination, destination, probe) and
            _direction_allows(cluster, "Ingress", destination, source, destination, probe))
