# SPDX-License-Identifier: Apache-2.0
"""Pods of two nodes on one link, reached by routes or by VXLAN: weir, or the kernel by itself."""

import pairs
import weir
from fabric import NEAR, Fabric, pair, set_addresses

NUMBERS = (101, 102)  # of the kernel's nodes; those of weir come from the fabric
VXLAN_MTU = 1450
VNI = 7
MODES = ("native", "vxlan")


class NodesPair(pairs.Pair):
    """What both have in common: a switch that the nodes are plugged into."""

    def __init__(self, mode):
        self.mode = mode
        self.fabric = Fabric()
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        raise NotImplementedError

    def close(self):
        super().close()
        self.fabric.close()


class WeirNodes(NodesPair):
    """Two nodes with an agent, and policy at both ends."""

    name = "weir"

    def _make(self):
        self.nodes = [self.fabric.add(options=[f"--routing-mode={self.mode}"]) for _ in NUMBERS]
        self.fabric.start()
        self.fabric.tell(pairs.open_policy(), name="policies")
        self.a, self.b = (self.fabric.pod(node, "bench", name) for node, name in zip(self.nodes, "ab"))
        self.host_ifnames = [pairs.host_side(node.net, pod) for node, pod in zip(self.nodes, (self.a, self.b))]
        for node in self.nodes:
            pairs.wait_promoted(node, 1)

    @property
    def hosts(self):
        return [node.net for node in self.nodes]

    def ips(self, netns):
        return [netns.ip4, netns.ip6]

    def close(self):
        self.a = self.b = None  # their nodes'
        super().close()


class KernelNodes(NodesPair):
    """The same without policy: what the kernel routes, and its own VXLAN device."""

    kernel = ()

    @property
    def name(self):
        return "kernel routing" if self.mode == "native" else "kernel VXLAN"

    @property
    def hosts(self):
        return self.kernel

    def _make(self):
        tag = self.fabric.tag
        self.kernel = []
        for number in NUMBERS:
            self.kernel.append(weir.Netns(f"wb{tag}k{number}"))
            self._plug(self.kernel[-1], number)
        self.a, self.b = (weir.Netns(f"wb{tag}{name}") for name in "ab")
        self.host_ifnames = ["v1", "v2"]
        for number, (host, netns) in enumerate(zip(self.kernel, (self.a, self.b)), 1):
            pairs.connect_plain(host, netns, number)
        for at, host in enumerate(self.kernel):
            self._route(host, at, 1 - at)

    def _plug(self, host, number):
        host.sysctl("ipv4/ip_forward", 1)
        host.sysctl("ipv6/conf/all/forwarding", 1)
        self.fabric.wire(self.fabric.switch, f"k{number}", host, "up0")
        self.fabric.switch.ip("link", "set", f"k{number}", "master", "br0", "up")
        set_addresses(host, "up0", pair(NEAR, number))

    def _route(self, host, mine, its):
        """The way to the pod of the other node."""
        gateways = pair(NEAR, NUMBERS[its])
        if self.mode == "vxlan":
            gateways = self._tunnel(host, mine, its)
        for ip, gateway in zip(pairs.plain_ips(its + 1), gateways):
            family = f"-{weir.family_of(ip)}"
            device = ("dev", "vx0", "onlink") if self.mode == "vxlan" else ("dev", "up0")
            host.ip(family, "route", "add", ip, "via", gateway, *device)

    def _tunnel(self, host, mine, its):
        """Addresses of the other node in the tunnel."""
        local, remote = (NEAR[0].format(NUMBERS[at]) for at in (mine, its))
        host.ip("link", "add", "vx0", "type", "vxlan", "id", VNI, "dstport", 4789, "local", local, "remote", remote,
                "dev", "up0", "nolearning")
        host.ip("link", "set", "vx0", "mtu", VXLAN_MTU, "up")
        (self.a, self.b)[mine].ip("link", "set", "eth0", "mtu", VXLAN_MTU)
        inner = [(f"10.98.0.{at + 1}", f"fd98::{at + 1:x}") for at in (mine, its)]
        for address, bits in zip(inner[0], (24, 64)):
            host.ip("addr", "add", f"{address}/{bits}", "dev", "vx0", *(("nodad",) if ":" in address else ()))
        return inner[1]

    def ips(self, netns):
        return pairs.plain_ips(1 if netns is self.a else 2)

    def close(self):
        super().close()
        for netns in self.kernel:
            netns.close()
