# SPDX-License-Identifier: Apache-2.0
"""One-way UDP through a service: what still comes to a backend that has been deleted."""

import secrets

import pairs
import rulesets
import service_world
import traffic
import weir
from figures import figure

VIP, PORT, TARGET = "10.250.0.1", 5000, 6000
PORTS_A_FLOW = 50000  # udp_flows.c
FLOWS = 100000
SEND = f"{weir.BUILD}/tests/bench/bench-udp-flows"
ARRIVED = {"got": f"udp dport {TARGET}-{TARGET + 9}"}


def ports_of(flows):
    return range((flows + PORTS_A_FLOW - 1) // PORTS_A_FLOW)


class WeirUdp:
    """A client and two backends of a node with an agent."""

    name = "weir"

    def __init__(self, flows):
        self.node = weir.Node()
        self.ports = [("UDP", PORT + number, TARGET + number) for number in ports_of(flows)]
        self.client, *self.backends = (self.node.add_pod("shop", name) for name in ("client", "one", "two"))
        self.tell(self.backends)

    def tell(self, backends):
        """Returns when these are the backends."""
        self.node.manifest("udp", service_world.service("udp", VIP, *(port[:2] for port in self.ports)),
                           *service_world.slices("udp", [backend.ip4 for backend in backends], *self.ports))

    def close(self):
        self.node.close()


class RulesUdp:
    """The same by an nftables rule set. Connections that the kernel knows are left alone: kube-proxy deletes them."""

    name = "nftables, connections not deleted"

    def __init__(self, flows):
        tag = f"wb{secrets.token_hex(3)}"
        self.host, self.client, *self.backends = self.all = [weir.Netns(f"{tag}{part}") for part in "hcab"]
        self.rules, self.ports = rulesets.Nftables("udp"), ports_of(flows)
        self.host.sysctl("ipv4/ip_forward", 1)
        for number, netns in enumerate(self.all[1:], 1):
            pairs.connect_plain(self.host, netns, number)
        self.services = self._services(self.backends)
        self.host.exec(*self.rules.command, input=self.rules.load(self.services))

    def _services(self, backends):
        ips = [pairs.plain_ips(self.all.index(backend))[0] for backend in backends]
        return [rulesets.Service(VIP, PORT + number, [(ip, TARGET + number) for ip in ips]) for number in self.ports]

    def tell(self, backends):
        after = self._services(backends)
        for number, services in enumerate(zip(self.services, after)):
            self.host.exec(*self.rules.change_command, input=self.rules.change(number, *services))
        self.services = after

    def close(self):
        for netns in self.all:
            netns.close()


def count(way, flows):
    """Datagrams that come to each backend: of all flows, and once more after the first backend was deleted."""
    # They are dropped where they are counted, so nothing answers.
    counters = [traffic.Counters(backend, ARRIVED, drop=True) for backend in way.backends]
    came = []
    for backends in (way.backends, way.backends[1:]):
        way.tell(backends)
        before = [counter.read()["got"] for counter in counters]
        weir.run(SEND, way.client.path, VIP, PORT, flows, timeout=600)
        came.append([counter.read()["got"] - was for counter, was in zip(counters, before)])
    return came


def counted(kind, flows):
    way = kind(flows)
    try:
        return count(way, flows)
    finally:
        way.close()


def measure(quick):
    flows = 1000 if quick else FLOWS
    (first, second), (stale, moved) = counted(WeirUdp, flows)
    if first + second != flows or not first or not second:
        raise weir.Failed(f"of {flows} datagrams {first} and {second} came to the backends")
    (_, _), (others_stale, _) = counted(RulesUdp, flows)
    title = f"{flows:,} one-way UDP flows, a backend is deleted"
    return [figure(f"{title}: datagrams that still come to it", stale, "", floor=others_stale, floor_name=RulesUdp.name,
                   value_most=0),
            figure(f"{title}: datagrams that come to the other", moved, "", floor=flows, floor_name="all of them",
                   ratio_least=1)]
