# SPDX-License-Identifier: Apache-2.0
"""Several nodes on one wire, with hosts outside; every node has all objects in a manifests directory of its own."""

import concurrent.futures
import os
import secrets

from weir import Netns, Node, family_of, run

OUTSIDE_IPS = ("192.0.2.1", "2001:db8::1")
OUTSIDE_NETS = ("192.0.2.0/24", "2001:db8::/64")
BITS = {4: 24, 6: 64}


def node_ips(number):
    return f"192.0.2.{10 + number}", f"2001:db8::{10 + number:x}"


def pod_cidrs(number):
    return f"10.77.{number}.0/24", f"fd00:77:{number}::/112"


def pod_ips(number, place):
    """Of the pod at a place of a node."""
    return f"10.77.{number}.{place}", f"fd00:77:{number}::{place:x}"


def pod_object(node, namespace, name, labels, ips):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"nodeName": node.name, "containers": [{"name": "main", "image": "x"}]},
            "status": {"phase": "Running", "podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}}


def node_object(node, number):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name},
            "status": {"addresses": [{"type": "InternalIP", "address": ip} for ip in node_ips(number)]}}


class Cluster:
    """A context manager. Pods of other nodes are reached by their own addresses, as in most clouds."""

    def __init__(self, count):
        self.tag = f"wt-{secrets.token_hex(3)}"
        self.outside, self.nodes = None, []
        try:
            self._wire()
            for number in range(count):
                self._join(number, count)
            self.put("nodes", *(node_object(node, number) for number, node in enumerate(self.nodes)))
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for node in self.nodes:
            node.close()
        if self.outside:
            self.outside.close()

    # Network

    def _wire(self):
        self.outside = Netns(f"{self.tag}-out")
        self.outside.ip("link", "add", "wire", "type", "bridge")
        self.outside.ip("link", "set", "wire", "up")
        self.add_addresses(self.outside, "wire", OUTSIDE_IPS)

    @staticmethod
    def add_addresses(netns, link, ips):
        for ip in ips:
            version = family_of(ip)
            netns.ip("addr", "add", f"{ip}/{BITS[version]}", "dev", link, *(("nodad",) if version == 6 else ()))

    @staticmethod
    def route(netns, prefix, via):
        netns.ip(f"-{family_of(via)}", "route", "replace", prefix, "via", via)

    def _join(self, number, count):
        node = Node(name=f"node-{number}", cidrs=pod_cidrs(number), uplink=False, start=False,
                    options=["--masquerade=no"])
        self.nodes.append(node)
        run("ip", "link", "add", "up0", "netns", node.net.name, "type", "veth",
            "peer", "name", f"port{number}", "netns", self.outside.name)
        self.outside.ip("link", "set", f"port{number}", "master", "wire", "up")
        node.net.ip("link", "set", "up0", "up")
        self.add_addresses(node.net, "up0", node_ips(number))
        for ip in OUTSIDE_IPS:
            self.route(node.net, "default", ip)
        for other in set(range(count)) - {number}:
            for prefix, ip in zip(pod_cidrs(other), node_ips(other)):
                self.route(node.net, prefix, ip)
        for prefix, ip in zip(pod_cidrs(number), node_ips(number)):
            self.route(self.outside, prefix, ip)
        node.start()

    # Objects

    def put(self, name, *objects):
        """In force on all nodes when it returns; nodes without an agent hear of it when they start."""
        for node in self.nodes:
            node.manifest(name, *objects, wait=False)
        self.settle()

    def remove(self, name):
        for node in self.nodes:
            node.remove_manifest(name, wait=False)
        self.settle()

    def has(self, name):
        return os.path.exists(f"{self.nodes[0].manifests}/{name}.yaml")

    def settle(self):
        with concurrent.futures.ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(Node.settle, [node for node in self.nodes if node.agent]))

    # Pods

    def add_pod(self, number, name, place, labels, namespace="soak"):
        """Known everywhere before it begins, as in a cluster where addresses are reserved; so nothing is denied it."""
        node, ips = self.nodes[number], pod_ips(number, place)
        self.put(f"pod-{name}", pod_object(node, namespace, name, labels, ips))
        return node.add_pod(namespace, name, ips=[f"{ip}/{24 if family_of(ip) == 4 else 112}" for ip in ips])

    def del_pod(self, pod):
        pod.node.del_pod(pod)
        self.remove(f"pod-{pod.pod}")
