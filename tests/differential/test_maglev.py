# SPDX-License-Identifier: Apache-2.0
"""Two nodes that have heard of the same objects, each in its own way, choose the same backends for the outside."""

import random

import maglev
import pytest
from evaluate import Endpoint
from frames import INIT, SCTP, SYN, TCP, UDP, Packet
from generate import Scene
from reading import address_of
from services import SERVICE_LABEL
from stock import NODE_IPS
from wire import Wire

NODES = ("node-2", "node-3")
BACKENDS, OTHERS, CLIENTS = 12, 6, 700
BALANCERS = {4: "203.0.113.9", 6: "2001:db8:fffe::9"}
# Of connections that have no reason to, this share moves when one of ten or so backends leaves.
MOVED = 0.01


def service(name, number, policy="Cluster"):
    ports = [{"name": proto.lower(), "port": 80, "protocol": proto, "nodePort": 30000 + 3 * number + n}
             for n, proto in enumerate(("TCP", "UDP", "SCTP"))]
    ips = [f"10.96.0.{number}", f"fd00:96::{number:x}"]
    ingress = [{"ip": f"203.0.113.{8 + number}"}, {"ip": f"2001:db8:fffe::{8 + number:x}"}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"type": "LoadBalancer", "clusterIP": ips[0], "clusterIPs": ips, "ports": ports,
                     "externalTrafficPolicy": policy},
            "status": {"loadBalancer": {"ingress": ingress}}}


def address(version, number):
    return f"10.1.0.{number}" if version == 4 else f"fd00::{number:x}"


def slices(name, numbers, parts=1):
    """The addresses of the numbers, in so many slices of either family."""
    return [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": f"IPv{version}",
             "metadata": {"name": f"{name}-{version}-{part}", "namespace": "default", "labels": {SERVICE_LABEL: name}},
             "ports": [{"name": proto.lower(), "port": 8080, "protocol": proto} for proto in ("TCP", "UDP", "SCTP")],
             "endpoints": [{"addresses": [address(version, n)], "nodeName": NODES[n % 2]}
                           for n in numbers[part::parts]]}
            for version in (4, 6) for part in range(parts)]


def scene_of(node, objects, numbers):
    pods = {n: Endpoint("default", f"web-{n}", [address(4, n), address(6, n)])
            for n in numbers if NODES[n % 2] == node}
    return Scene(node, NODE_IPS[node], objects, pods)


class Node:
    """One that grows to the objects of all by steps of its own."""

    def __init__(self, judge, name, seed):
        self.judge, self.name, self.random = judge, name, random.Random(seed)
        judge.reset()

    def hear(self, objects, numbers):
        """Other services come and go meanwhile, slices come one by one, and the agent starts again."""
        objects = list(objects)
        self.random.shuffle(objects)
        for end in sorted({self.random.randrange(len(objects)) for _ in range(4)} | {len(objects)}):
            others = [obj for n in range(OTHERS) if self.random.random() < 0.5 for obj in
                      (service(f"other-{n}", 2 + n), *slices(f"other-{n}", self.random.sample(range(30, 60), 4)))]
            if self.random.random() < 0.3:
                self.judge.restart()
            self.judge.apply(scene_of(self.name, [*objects[:end], *others], numbers))
            if self.random.random() < 0.5:
                self.judge.settle()

    def backends(self, packets):
        """Whose each is, by number, as if it were new; what goes on to another node too."""
        self.judge.forget()
        return [int(seen.packet.dst.packed[-1]) for seen in Wire(self.judge).arrive(packets)]


def flows(seed):
    """First packets of unlike clients, of all protocols and families."""
    chance = random.Random(seed)
    kinds = {TCP: SYN, UDP: 0, SCTP: INIT}
    for n in range(CLIENTS):
        version, proto = chance.choice((4, 6)), chance.choice((TCP, UDP, SCTP))
        client = f"198.51.100.{chance.randrange(1, 250)}" if version == 4 else f"2001:db8:9::{chance.randrange(9999):x}"
        yield Packet(address_of(client), address_of(BALANCERS[version]), proto, 1024 + n, 80, kinds[proto],
                     body=bytes(16) if proto == SCTP else b"")


@pytest.fixture
def nodes(judges):
    return Node(judges.grown, NODES[0], 1), Node(judges.spare, NODES[1], 2)


def both(nodes, objects, numbers, packets):
    for node in nodes:
        node.hear(objects, numbers)
    one, other = (node.backends(packets) for node in nodes)
    assert one == other
    return one


def test_nodes_choose_alike_and_hardly_any_move_when_a_backend_leaves(nodes):
    numbers = list(range(2, 2 + BACKENDS))
    gone = numbers[5]
    left = [n for n in numbers if n != gone]
    before = both(nodes, [service("web", 1), *slices("web", numbers, 3)], numbers, list(flows(1)))
    assert set(before) == set(numbers)
    after = both(nodes, [service("web", 1), *slices("web", left, 2)], left, list(flows(1)))
    moved = sum(a != b for a, b in zip(before, after) if a != gone)
    assert gone not in after and moved <= MOVED * CLIENTS, moved


def test_a_backend_that_comes_back_has_its_connections_again(nodes):
    numbers = list(range(2, 2 + BACKENDS))
    packets = list(flows(2))[:200]
    before = both(nodes, [service("web", 1), *slices("web", numbers)], numbers, packets)
    both(nodes, [service("web", 1), *slices("web", numbers[1:])], numbers, packets[:1])
    assert both(nodes, [service("web", 1), *slices("web", numbers, 2)], numbers, packets) == before


@pytest.mark.parametrize("count", (3, 10, 40))
def test_the_table_of_the_paper_moves_few(count):
    """The evaluator itself, by which all of this is judged: over all entries of tables."""
    backends = [(address_of(f"10.1.{n // 200}.{n % 200 + 2}"), 8080) for n in range(count)]
    full = maglev.table(frozenset(backends), TCP)
    for gone in backends[::max(1, count // 5)]:
        less = maglev.table(frozenset(backends) - {gone}, TCP)
        moved = sum(a != b for a, b in zip(full, less) if a != gone)
        assert moved <= 0.0115 * len(full), (count, moved / len(full))
