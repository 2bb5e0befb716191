# SPDX-License-Identifier: Apache-2.0
"""Several nodes, each with its agent: some on one link, some behind a router; and their Node objects."""

import secrets

import weir
from weir import Netns, family_of, run

NEAR = ("192.0.2.{}", "2001:db8::{:x}")
FAR = ("198.51.100.{}", "2001:db8:5::{:x}")
POD_CIDRS = ("10.{}.0.0/24", "fd00:{:x}::/64")
BITS = {4: 24, 6: 64}
FAMILIES = (0, 1)
FIRST = 80  # of the numbers of nodes, which are in their addresses and pod CIDRs


def pair(pattern, number):
    return tuple(text.format(number) for text in pattern)


def set_addresses(netns, link, addresses):
    for address in addresses:
        dad = ("nodad",) if family_of(address) == 6 else ()
        netns.ip("addr", "add", f"{address}/{BITS[family_of(address)]}", "dev", link, *dad)
    netns.ip("link", "set", link, "up")


class FabricNode(weir.Node):
    """A node whose uplink leads into a fabric. Its pod CIDRs are those of its Node object."""

    def __init__(self, fabric, number, far, families=FAMILIES, **more):
        self.fabric, self.number, self.far = fabric, number, far
        self.families = tuple(families)
        self.ips = tuple(pair(FAR if far else NEAR, number)[family] for family in self.families)
        self.pod_cidrs = pair(POD_CIDRS, number)
        super().__init__(name=f"node-{number}-{fabric.tag}", cidrs=(), start=False, **more)

    def make_network(self, uplink=True):
        self.net = Netns(self.tag)
        self.fabric.plug(self)

    def object(self, **spec):
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name},
                "spec": {"podCIDR": self.pod_cidrs[0], "podCIDRs": list(self.pod_cidrs), **spec},
                "status": {"addresses": [{"type": "InternalIP", "address": ip} for ip in self.ips]}}

    def routes(self):
        """CIDR -> what `ip -j route` says of the routes to other nodes."""
        return {route["dst"]: route for kind in ("-4", "-6")
                for route in self.net.ip_json("-N", kind, "route", "show", "proto", "120")}

    def node_problems(self):
        return [problem["text"] for problem in self.status()["nodes"]["problems"]]


class Fabric:
    """A switch and a router. A context manager."""

    def __init__(self):
        self.tag = secrets.token_hex(2)
        self.nodes = []
        self.switch, self.router = Netns(f"wf-{self.tag}"), Netns(f"wf-{self.tag}-rt")
        self.switch.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        self.switch.ip("link", "set", "br0", "up")
        self.router.sysctl("ipv4/ip_forward", 1)
        self.router.sysctl("ipv6/conf/all/forwarding", 1)
        self.wire(self.switch, "rt", self.router, "near")
        self.switch.ip("link", "set", "rt", "master", "br0", "up")
        set_addresses(self.router, "near", pair(NEAR, 1))

    @staticmethod
    def wire(one, name, other, its_name, **more):
        run("ip", "link", "add", name, "netns", one.name, "type", "veth",
            "peer", "name", its_name, "netns", other.name, **more)

    def plug(self, node):
        link = f"n{node.number}"
        if node.far:
            self.wire(self.router, link, node.net, "up0")
            set_addresses(self.router, link, pair(FAR, 1))
        else:
            self.wire(self.switch, link, node.net, "up0")
            self.switch.ip("link", "set", link, "master", "br0", "up")
        set_addresses(node.net, "up0", node.ips)
        for ip in node.ips:
            gateway = pair(FAR if node.far else NEAR, 1)[family_of(ip) == 6]
            node.net.ip(f"-{family_of(ip)}", "route", "add", "default", "via", gateway)

    def add(self, far=False, **more):
        node = FabricNode(self, FIRST + len(self.nodes), far, **more)
        self.nodes.append(node)
        return node

    def start(self):
        """All nodes, each knowing of all."""
        self.tell(*(node.object() for node in self.nodes), name="nodes", wait=False)
        for node in self.nodes:
            node.start()

    def tell(self, *objects, name, wait=True):
        for node in self.nodes:
            node.manifest(name, *objects, wait=wait)

    def route_pods(self, *nodes):
        """The router knows the way to the pods of these nodes, as in a cluster without tunnels."""
        for node in nodes:
            for cidr, ip in zip(node.pod_cidrs, node.ips):
                self.router.ip(f"-{family_of(cidr)}", "route", "replace", cidr, "via", ip)

    def pod(self, node, namespace, name, labels=None):
        """A pod of one node, of which all others hear."""
        pod = node.add_pod(namespace, name, labels=labels or {"app": name})
        obj = {"apiVersion": "v1", "kind": "Pod",
               "metadata": {"name": name, "namespace": namespace, "labels": labels or {"app": name}},
               "spec": {"nodeName": node.name, "containers": [{"name": "main", "image": "x"}]},
               "status": {"podIP": pod.ips[0], "podIPs": [{"ip": ip} for ip in pod.ips]}}
        for other in self.nodes:
            if other is not node:
                other.manifest(f"pod-{namespace}-{name}", obj)
        return pod

    def close(self):
        for node in self.nodes:
            node.close()
        for netns in (self.switch, self.router):
            netns.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
