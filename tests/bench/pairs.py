# SPDX-License-Identifier: Apache-2.0
"""Two pods and what lies between them: weir with policy on both ends, or plain routing."""

import collections
import os
import secrets
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import traffic  # noqa: E402
import weir  # noqa: E402

ANY = [{"protocol": "TCP"}, {"protocol": "UDP"}]


def link_of(netns, ifname):
    return netns.links()[ifname]


class Pair:
    """Ends a and b: network namespaces with an eth0 each."""

    name = "?"
    forward = False  # the benchmark attaches its minimal program
    host = a = b = None  # namespaces: the node's and the pods'
    host_ifnames = ()
    nodes = ()  # those of weir

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for netns in (self.a, self.b, self.host):
            if netns:
                netns.close()

    @property
    def hosts(self):
        """The namespaces in which the other sides of a and b are."""
        return self.host, self.host

    def ips(self, netns):
        """IPv4 and IPv6 address."""
        raise NotImplementedError

    def describe(self):
        """What the programs want to know (way.h)."""
        def end(netns, host, host_ifname):
            return {"netns": netns.path, "ifname": "eth0", "mac": link_of(netns, "eth0")["address"],
                    "ips": self.ips(netns), "host_netns": host.path, "host_ifname": host_ifname,
                    "host_mac": link_of(host, host_ifname)["address"]}
        a, b = map(end, (self.a, self.b), self.hosts, self.host_ifnames)
        return {"name": self.name, "forward": self.forward, "a": a, "b": b}


def open_policy():
    """All pods are isolated in both directions, and may talk to each other."""
    each = [{"podSelector": {}}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": "bench", "name": "all"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"],
                     "ingress": [{"from": each, "ports": ANY}], "egress": [{"to": each, "ports": ANY}]}}


def host_side(host, pod):
    """The name of the other end of a pod's link."""
    index = link_of(pod, "eth0")["link_index"]
    return next(name for name, link in host.links().items() if link["ifindex"] == index)


def wait_promoted(node, pods):
    """Until the pods' programs are attached the fast way."""
    weir.wait_for(lambda: len(node.pod_pins()) == 2 * pods, "all pods have their pinned links")


class WeirPair(Pair):
    """Two pods of a node with an agent. Both are isolated in both directions; policies let them talk."""

    name = "weir"

    def __init__(self):
        self.node = weir.Node()
        try:
            self._make()
        except BaseException:
            self.node.close()
            raise

    def _make(self):
        self.node.manifest("policies", open_policy())
        self.nodes = [self.node]
        self.host = self.node.net
        self.a = self.node.add_pod("bench", "a", labels={"app": "a"})
        self.b = self.node.add_pod("bench", "b", labels={"app": "b"})
        self.host_ifnames = [host_side(self.host, pod) for pod in (self.a, self.b)]
        wait_promoted(self.node, 2)

    def ips(self, netns):
        return [netns.ip4, netns.ip6]

    def close(self):
        self.node.close()


def plain_ips(number):
    """IPv4 and IPv6 address of the namespace with this number behind a router."""
    return [f"10.99.{number}.2", f"fd99:{number}::2"]


def connect_plain(host, netns, number):
    """A veth pair between a router and one of its namespaces."""
    ifname, (ip4, ip6) = f"v{number}", plain_ips(number)
    weir.run("ip", "link", "add", ifname, "netns", host.name, "type", "veth",
             "peer", "name", "eth0", "netns", netns.name)
    for where, link in ((host, ifname), (netns, "eth0")):
        where.ip("link", "set", link, "up")
    for gateway, prefix in ((f"10.99.{number}.1", 24), (f"fd99:{number}::1", 64)):
        host.ip("addr", "add", f"{gateway}/{prefix}", "dev", ifname, "nodad")
    netns.ip("addr", "add", f"{ip4}/24", "dev", "eth0")
    netns.ip("addr", "add", f"{ip6}/64", "dev", "eth0", "nodad")
    for gateway in (f"10.99.{number}.1", f"fd99:{number}::1"):
        netns.ip(f"-{weir.family_of(gateway)}", "route", "add", "default", "via", gateway)
    # Neighbours for good: a frame that waits for one would be another measurement.
    mac = link_of(netns, "eth0")["address"]
    for address in (ip4, ip6):
        host.ip("neigh", "replace", address, "lladdr", mac, "dev", ifname, "nud", "permanent")


class PlainPair(Pair):
    """Two namespaces, a router between them, no policy: what the kernel does by itself."""

    name = "plain veth routing"

    def __init__(self):
        tag = f"wb{secrets.token_hex(3)}"
        try:
            self.host, self.a, self.b = (weir.Netns(f"{tag}{part}") for part in "hab")
            self.host_ifnames = ["v1", "v2"]
            self.host.sysctl("ipv4/ip_forward", 1)
            self.host.sysctl("ipv6/conf/all/forwarding", 1)
            for number, netns in enumerate((self.a, self.b), 1):
                connect_plain(self.host, netns, number)
        except BaseException:
            self.close()
            raise

    def ips(self, netns):
        return plain_ips(1 if netns is self.a else 2)


class MinimalPair(PlainPair):
    """The same, with the least that a stateful datapath can do instead of routing."""

    name = "minimal program"
    forward = True


def drops(pair):
    """Reason -> packets that the nodes of a pair refused so far."""
    found = collections.Counter()
    for node in pair.nodes:
        found.update(traffic.drops(node))
    return found
