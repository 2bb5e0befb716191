# SPDX-License-Identifier: Apache-2.0
"""Everybody who takes part in the demonstration, and who of them reaches whom."""

import time

from demolib import matrix
from demolib.node import Failed, in_netns

PATIENCE_S = 15


class Reach:
    """@say tells the user one line."""

    def __init__(self, node, say):
        self.node, self.say = node, say
        self.runtime = None
        self.parties = {}
        self.served = {}
        self.choices = {}

    def add(self, party, ports, choices=None):
        """@choices: of a service, each of @ports to the (party, number) pairs behind it."""
        self.parties[party.name], self.served[party.name] = party, ports
        for port in ports:
            self.choices[(party.name, *port)] = choices[port] if choices else [(party, port[1])]

    def behind(self, destination, protocol, number):
        if protocol == "ICMP":
            return [(self.parties[destination], number)]
        return self.choices[(destination, protocol, number)]

    def of_kind(self, *kinds):
        return [party for party in self.parties.values() if party.kind in kinds]

    def command_of(self, name):
        kind = self.parties[name].kind
        if kind == "pod":
            return self.runtime.enter(name)
        return in_netns(self.node.netns if kind == "node" else self.node.outside)

    def clients(self):
        return self.of_kind("pod", "node", "outside")

    def wanted(self):
        """The outside has no way to a ClusterIP, but to the doors."""
        return [*matrix.probes(self.clients(), self.clients(), self.served),
                *matrix.probes(self.of_kind("pod", "node"), self.of_kind("service"), self.served),
                *matrix.probes(self.clients(), self.of_kind("door"), self.served)]

    def expected(self, cluster, probes):
        return matrix.expected(cluster, self.parties, probes, self.behind)

    def measure(self, probes, timeout_ms=matrix.TIMEOUT_MS):
        return matrix.measure(probes, self.parties, self.command_of,
                              f"{self.node.build}/tests/probe/weir-probe", timeout_ms)

    def wait_for_servers(self):
        """The node may always reach its pods: once all answer it, the matrix means something."""
        wanted = matrix.probes(self.of_kind("node"), self.clients(), self.served)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            silent = [probe for probe, name in self.measure(wanted).items() if not name]
            if not silent:
                return
            if time.monotonic() > deadline:
                raise Failed("the node does not reach everybody: " + "; ".join(
                    matrix.describe(probe, self.parties) for probe in silent[:10]))

    def compare(self, cluster, title):
        wanted = self.wanted()
        self.say(f"{title}: {len(wanted)} probes of {len(self.clients())} parties, straight and "
                 "through the Services, TCP, UDP and ICMP, IPv4 and IPv6")
        return self.measure(wanted), self.expected(cluster, wanted)

    def show(self, measured, expected):
        clients, services = self.clients(), self.of_kind("service", "door")
        matrix.show(measured, expected, clients, clients)
        print("\n  Rows open connections to columns (the same numbers). A cell is the number of"
              "\n  ports that answered, '.' none, over IPv4 and IPv6 alike; 'x' if the families"
              "\n  differ.\n\n  The same through the Services:")
        for i, service in enumerate(services, 1):
            print(f"  {i:2} {service.name:16} {service.addresses[4]:12} {service.addresses[6]}")
        matrix.show(measured, expected, clients, services, ("TCP", "UDP"))
        print("\n  '?': the pod is one of those behind the Service. It may reach itself, and not"
              "\n  the others: who is chosen decides.")

    def tell_doors(self, measured):
        """What the outside has met at the NodePorts."""
        for door in self.of_kind("door"):
            for family in matrix.FAMILIES:
                who = [f"{probe.source} was answered by {name or 'nobody'}"
                       for probe, name in measured.items()
                       if probe.destination == door.name and probe.family == family and
                       self.parties[probe.source].kind == "outside"]
                self.say(f"from outside, {door.name} at {door.addresses[family]} port "
                         f"{self.served[door.name][0][1]}: {', '.join(who)}")

    def judge(self, measured, expected):
        """The verdict in one line; True when they agree."""
        wrong = matrix.differences(measured, expected)
        for probe in wrong[:40]:
            should = " or ".join(sorted(name or "nobody" for name in expected[probe]))
            print(f"    DIFFERS: {matrix.describe(probe, self.parties)}: "
                  f"{measured[probe] or 'nobody'} answered; by the policies it is {should}")
        opened = sum(name != matrix.NOBODY for name in measured.values())
        if wrong:
            self.say(f"{len(wrong)} of {len(measured)} probes differ from what the policies say")
        else:
            self.say(f"measured and policies agree: {opened} connections allowed, "
                     f"{len(measured) - opened} denied, {len(measured)} as they should be")
        return not wrong
