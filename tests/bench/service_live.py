# SPDX-License-Identifier: Apache-2.0
"""Services under real traffic: connections through a ClusterIP, and sockets of the node itself."""

import contextlib
import json
import os

import live
import pairs
import rulesets
import service_world
import weir

VIP, PORT = "10.250.0.1", 5201  # bench-stream's port
COUNTS = (1, 1000, 10000)
VIPS = ("10.250.0.1", "fd00:250::1")
NODE_PORTS = (("TCP", 80, 8080), ("UDP", 53, 5353))


def rounds(default):
    return int(os.environ.get("BENCH_ROUNDS") or default)


def number_of(services):
    return f"{services:,} service{'s' if services > 1 else ''}"


class RulesPair(pairs.PlainPair):
    """Plain routing, and a rule set that knows the service as the last of many."""

    def __init__(self, rules, count):
        super().__init__()
        self.name = f"{rules.name}, {number_of(count)}"
        try:
            services = rulesets.services_of(count, 1, (VIP, PORT, [(self.ips(self.b)[0], PORT)]))
            self.host.exec(*rules.command, input=rules.load(services), timeout=600)
        except BaseException:
            self.close()
            raise


class ServicePair(pairs.WeirPair):
    """The same with weir."""

    def __init__(self, count):
        super().__init__()
        self.name = f"weir, {number_of(count)}"
        try:
            service_world.fill(self.node, rulesets.services_of(count, 1, (VIP, PORT, [(self.b.ip4, PORT)])))
        except BaseException:
            self.close()
            raise


def way(pair, name=None, target=VIP):
    return {**pair.describe(), "name": name or pair.name, **({"target": target} if target else {})}


def connections(quick):
    """The last of many services: weir beside its own direct way, plain routing and rule sets."""
    counts = (1, 20) if quick else COUNTS
    with contextlib.ExitStack() as stack:
        many, one = (stack.enter_context(ServicePair(count)) for count in (counts[-1], 1))
        # Pods of their own: a server that has just closed a connection from a port knows its client by another address.
        direct, plain = (stack.enter_context(kind()) for kind in (pairs.WeirPair, pairs.PlainPair))
        ruled = [stack.enter_context(RulesPair(rules, count)) for rules in rulesets.peers() for count in counts]
        ways = [way(many), way(direct, "weir, to the pod itself", None), way(plain, target=None), way(one), *map(way, ruled)]
        before = [pairs.drops(pair) for pair in (many, one, direct)]
        found = live.figures_of("bench-stream", *(["--quick"] if quick else []), "--connections", str(rounds(5)),
                                input=json.dumps(ways))
        after = [pairs.drops(pair) for pair in (many, one, direct)]
        if after != before:
            raise weir.Failed(f"weir refused packets: {before}, then {after}")
    names = {pair.name for pair in ruled}
    return [{**made, **({"ratio_least": 1} if made["floor_name"] in names else {})} for made in found]


def sockets(quick):
    """connect() and sendto() of the node's own sockets."""
    with pairs.WeirPair() as pair:
        made = service_world.service("web", VIPS[0], *(ports[:2] for ports in NODE_PORTS))
        made["spec"].update(clusterIPs=list(VIPS), ipFamilies=["IPv4", "IPv6"], ipFamilyPolicy="RequireDualStack")
        pair.node.manifest("web", made, *(item for ip in pair.ips(pair.b)
                                          for item in service_world.slices("web", [ip], *NODE_PORTS)))
        found = []
        for ip, vip in zip(pair.ips(pair.b), VIPS):
            found += live.figures_of("bench-connect", *(["--quick"] if quick else []), pair.host.path, pair.b.path, ip, vip)
    return found


def measure(quick):
    return sockets(quick) + connections(quick)
