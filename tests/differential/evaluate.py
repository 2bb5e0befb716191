# SPDX-License-Identifier: Apache-2.0
"""May this connection be? A naive evaluator of networking.k8s.io/v1 NetworkPolicy.

Written from the specification, for reading rather than for speed, and sharing nothing with weir:
it takes the objects as they stand in manifests and asks every policy about every probe. Where the
API server would refuse a part, the rule that holds it allows nothing through that part and the
policy isolates all the same.
"""

import collections
import ipaddress
import re

PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132}
NAME_LABEL = "kubernetes.io/metadata.name"

# A running pod of the node: what the runtime says about it. ips are texts.
Endpoint = collections.namedtuple("Endpoint", "namespace name ips")

# proto is the number in the IP header, port 0 for protocols without ports. from_host: a socket of the node sends.
Probe = collections.namedtuple("Probe", "src dst proto port from_host")


def metadata(obj, name, default=None):
    return (obj.get("metadata") or {}).get(name) or default


def namespace_of(obj):
    return metadata(obj, "namespace", "default")


class Malformed(Exception):
    """The API server would refuse this part."""


def requirement_holds(expression, labels):
    key, operator = expression.get("key"), expression.get("operator")
    values = expression.get("values") or []
    if not key or operator not in ("In", "NotIn", "Exists", "DoesNotExist") or bool(values) != operator.endswith("In"):
        raise Malformed(f"expression {expression}")
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return key not in labels or labels[key] not in values
    return (key in labels) == (operator == "Exists")


def selects(selector, labels):
    """An absent selector, like an empty one, selects everything here; who calls knows what absent means."""
    selector = selector or {}
    wanted = (selector.get("matchLabels") or {}).items()
    held = [requirement_holds(expression, labels) for expression in selector.get("matchExpressions") or []]
    return all(key in labels and labels[key] == value for key, value in wanted) and all(held)


def network(text):
    try:
        address, length = text.split("/")
        return ipaddress.ip_network((address, int(length)), strict=False)
    except ValueError:
        raise Malformed(f"CIDR {text}") from None


def block_holds(block, address):
    whole = network(block.get("cidr"))
    holes = [network(text) for text in block.get("except") or []]
    for hole in holes:
        if hole.version != whole.version or hole.prefixlen <= whole.prefixlen or not hole.subnet_of(whole):
            raise Malformed(f"except {hole} of {whole}")
    return address in whole and not any(address in hole for hole in holes)


def port_holds(port, proto, number, destination):
    """destination is the pod that is connected to, or None."""
    name = port.get("protocol") or "TCP"
    if name not in PROTOCOLS:
        raise Malformed(f"protocol {name}")
    wanted, end = port.get("port"), port.get("endPort")
    if isinstance(wanted, str):
        if end is not None or not re.fullmatch("(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?", wanted):
            raise Malformed(f"port {port}")
        return proto == PROTOCOLS[name] and (wanted, proto, number) in (destination.ports if destination else ())
    if wanted is None and end is not None:
        raise Malformed(f"port {port}")
    if wanted is not None and not (1 <= wanted <= (wanted if end is None else end) <= 65535):
        raise Malformed(f"port {port}")
    if proto != PROTOCOLS[name]:
        return False
    return wanted is None or wanted <= number <= (wanted if end is None else end)


def any_holds(elements, holds):
    """Whether one of the elements matches; a malformed one matches nothing."""
    found = False
    for element in elements:
        try:
            found = holds(element) or found
        except Malformed:
            pass
    return found


class Pod:
    """A live pod with addresses, on this node or elsewhere."""

    def __init__(self, namespace, name, ips, obj):
        self.namespace, self.name = namespace, name
        # A finished pod is nobody's peer. While the runtime still holds its address it can send: a subject.
        self.is_peer = obj is None or is_ordinary(obj)
        self.ips = [ipaddress.ip_address(ip) for ip in ips]
        self.labels = metadata(obj or {}, "labels", {})
        spec = (obj or {}).get("spec") or {}
        containers = (spec.get("initContainers") or []) + (spec.get("containers") or [])
        self.ports = {(port.get("name"), PROTOCOLS.get(port.get("protocol") or "TCP"), port.get("containerPort"))
                      for container in containers for port in container.get("ports") or []}


def is_finished(pod):
    return ((pod.get("status") or {}).get("phase")) in ("Succeeded", "Failed")


def is_ordinary(pod):
    return not is_finished(pod) and not (pod.get("spec") or {}).get("hostNetwork")


class Cluster:
    """What one node sees: all objects, its own running pods and its own addresses."""

    def __init__(self, node, objects, endpoints):
        by_kind = collections.defaultdict(list)
        for obj in objects:
            by_kind[obj["kind"]].append(obj)
        self.policies = by_kind["NetworkPolicy"]
        self.namespaces = {metadata(obj, "name"): metadata(obj, "labels", {}) for obj in by_kind["Namespace"]}
        self.pods = {}
        for obj in by_kind["Pod"]:
            self._add_remote(node, obj)
        local = {(namespace_of(obj), metadata(obj, "name")): obj for obj in by_kind["Pod"]
                 if (obj.get("spec") or {}).get("nodeName") == node}
        for endpoint in endpoints:
            self._add(Pod(endpoint.namespace, endpoint.name, endpoint.ips,
                          local.get((endpoint.namespace, endpoint.name))))
        self.local = {ipaddress.ip_address(ip) for endpoint in endpoints for ip in endpoint.ips}

    def _add(self, pod):
        for ip in pod.ips:
            self.pods[ip] = pod

    def _add_remote(self, node, obj):
        home = (obj.get("spec") or {}).get("nodeName")
        status = obj.get("status") or {}
        ips = [ip["ip"] for ip in status.get("podIPs") or []] or [ip for ip in [status.get("podIP")] if ip]
        if home and home != node and ips and is_ordinary(obj):
            self._add(Pod(namespace_of(obj), metadata(obj, "name"), ips, obj))

    def namespace_labels(self, name):
        return {**self.namespaces.get(name, {}), NAME_LABEL: name}

    def peer_at(self, address):
        pod = self.pods.get(address)
        return pod if pod and pod.is_peer else None

    def peer_holds(self, peer, home, address):
        """home is the policy's namespace."""
        block, pods, namespaces = (peer.get(name) for name in ("ipBlock", "podSelector", "namespaceSelector"))
        if block is not None:
            if pods is not None or namespaces is not None:
                raise Malformed("ipBlock beside a selector")
            return block_holds(block, address)
        if pods is None and namespaces is None:
            raise Malformed("empty peer")
        pod = self.peer_at(address)
        place = pod.namespace if pod else ""
        # Judged even without a pod, so that a malformed selector is always found.
        near = place == home if namespaces is None else selects(namespaces, self.namespace_labels(place))
        return selects(pods, pod.labels if pod else {}) and near and pod is not None

    def rule_holds(self, rule, side, home, probe, other):
        peers, ports = rule.get(side) or [], rule.get("ports") or []
        destination = (self.pods.get if side == "from" else self.peer_at)(ipaddress.ip_address(probe.dst))
        return (not peers or any_holds(peers, lambda peer: self.peer_holds(peer, home, other))) and \
            (not ports or any_holds(ports, lambda port: port_holds(port, probe.proto, probe.port, destination)))

    def direction_holds(self, kind, subject, other, probe):
        """kind is "Ingress" or "Egress"; subject and other are addresses."""
        pod = self.pods.get(subject)
        if pod is None or subject not in self.local or (kind == "Ingress" and probe.from_host):
            return True
        side, isolated = {"Ingress": "from", "Egress": "to"}[kind], False
        for policy in self.policies:
            spec = policy.get("spec") or {}
            types = spec.get("policyTypes") or ["Ingress"] + ["Egress"] * bool(spec.get("egress"))
            home = namespace_of(policy)
            if kind not in types or home != pod.namespace or not selects(spec.get("podSelector"), pod.labels):
                continue
            isolated = True
            if any(self.rule_holds(rule, side, home, probe, other) for rule in spec.get(kind.lower()) or []):
                return True
        return not isolated

    def allows(self, probe):
        """The verdict about the first packet of a connection, at this node."""
        src, dst = ipaddress.ip_address(probe.src), ipaddress.ip_address(probe.dst)
        if src in self.pods and self.pods.get(dst) is self.pods[src]:
            return True
        return self.direction_holds("Egress", src, dst, probe) and self.direction_holds("Ingress", dst, src, probe)
