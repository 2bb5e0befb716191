# SPDX-License-Identifier: Apache-2.0
"""May this connection be? A naive evaluator of all kinds of policy.

Written from the specification, for reading rather than for speed, and sharing nothing with weir:
it takes the objects as they stand in manifests and asks every policy about every probe.
"""

import collections

import network_policy
import tiers
from reading import NAME_LABEL, PROTOCOLS, address_of, metadata, namespace_of

# A running pod of the node: what the runtime says about it. ips are texts.
Endpoint = collections.namedtuple("Endpoint", "namespace name ips")

# proto is the number in the IP header, port 0 for protocols without ports. from_host: a socket of the node sends.
Probe = collections.namedtuple("Probe", "src dst proto port from_host")

# A Node object.
Machine = collections.namedtuple("Machine", "labels ips")


class Pod:
    """A live pod with addresses, on this node or elsewhere."""

    def __init__(self, namespace, name, ips, obj):
        self.namespace, self.name = namespace, name
        # A finished pod is nobody's peer. While the runtime still holds its address it can send: a subject.
        self.is_peer = obj is None or is_ordinary(obj)
        self.ips = [address_of(ip) for ip in ips]
        self.labels = metadata(obj or {}, "labels", {})
        spec = (obj or {}).get("spec") or {}
        containers = (spec.get("initContainers") or []) + (spec.get("containers") or [])
        self.ports = {(port.get("name"), PROTOCOLS.get(port.get("protocol") or "TCP"), port.get("containerPort"))
                      for container in containers for port in container.get("ports") or []}


def is_ordinary(pod):
    finished = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not finished and not (pod.get("spec") or {}).get("hostNetwork")


def addresses_of(pod):
    """As its object says: podIPs, or podIP where an old writer knows only that."""
    status = pod.get("status") or {}
    return [ip["ip"] for ip in status.get("podIPs") or []] or [ip for ip in [status.get("podIP")] if ip]


def machine(obj):
    addresses = (obj.get("status") or {}).get("addresses") or []
    return Machine(metadata(obj, "labels", {}), [address_of(address["address"]) for address in addresses
                                                 if address["type"] in ("InternalIP", "ExternalIP")])


class Cluster:
    """What one node sees: all objects, its own running pods and its own addresses."""

    def __init__(self, node, objects, endpoints):
        by_kind = collections.defaultdict(list)
        for obj in objects:
            by_kind[obj["kind"]].append(obj)
        self.policies = by_kind
        self.nodes = [machine(obj) for obj in by_kind["Node"]]
        self.namespaces = {metadata(obj, "name"): metadata(obj, "labels", {}) for obj in by_kind["Namespace"]}
        self.pods = {}
        for obj in by_kind["Pod"]:
            self._add_remote(node, obj)
        local = {(namespace_of(obj), metadata(obj, "name")): obj for obj in by_kind["Pod"]
                 if (obj.get("spec") or {}).get("nodeName") == node}
        for endpoint in endpoints:
            self._add(Pod(endpoint.namespace, endpoint.name, endpoint.ips,
                          local.get((endpoint.namespace, endpoint.name))))
        self.local = {address_of(ip) for endpoint in endpoints for ip in endpoint.ips}

    def _add(self, pod):
        for ip in pod.ips:
            self.pods[ip] = pod

    def _add_remote(self, node, obj):
        home = (obj.get("spec") or {}).get("nodeName")
        if home and home != node and is_ordinary(obj):
            self._add(Pod(namespace_of(obj), metadata(obj, "name"), addresses_of(obj), obj))

    def namespace_labels(self, name):
        return {**self.namespaces.get(name, {}), NAME_LABEL: name}

    def peer_at(self, address):
        pod = self.pods.get(address)
        return pod if pod and pod.is_peer else None

    def destination(self, probe, side):
        """The pod whose ports have names here: the subject of "from", the peer of "to"; or None."""
        return (self.pods.get if side == "from" else self.peer_at)(address_of(probe.dst))

    def direction_holds(self, kind, subject, other, probe):
        """kind is "Ingress" or "Egress"; subject and other are addresses."""
        pod = self.pods.get(subject)
        if pod is None or subject not in self.local or (kind == "Ingress" and probe.from_host):
            return True
        said = tiers.says(self, "Admin", kind, pod, other, probe)
        if said is None:
            said = network_policy.says(self, kind, pod, other, probe)
        if said is None:
            said = tiers.says(self, "Baseline", kind, pod, other, probe)
        return said is not False

    def is_itself(self, src, dst):
        return src in self.pods and self.pods.get(dst) is self.pods[src]

    def allows(self, probe):
        """The verdict about the first packet of a connection, at this node."""
        src, dst = address_of(probe.src), address_of(probe.dst)
        if self.is_itself(src, dst):
            return True
        return self.direction_holds("Egress", src, dst, probe) and self.direction_holds("Ingress", dst, src, probe)
