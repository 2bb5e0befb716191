# SPDX-License-Identifier: Apache-2.0
"""Wrong readings of what a node does for the outside: what was seen in the kernel contradicts each of them."""

import functools
import importlib

import edges_service
import maglev
from edges import Edge
from evaluate import Probe
from frames import TCP
from outside import Outside
from reading import address_of
from stock import NODE_IPS

EDGES = []
# Wrong readings of Services that no packet from outside tells, or hardly any: they are about the node's own sockets,
# about times, and about ClusterIPs that pods or other proxies have, of which the outside's worlds have few or none.
INSIDE = ("internalTrafficPolicy Local: not for this node", "sessionAffinity: the default timeout, whatever is said",
          "endpoints: no ClusterIP that a pod or node has", "endpoints: no ClusterIP of another proxy's Service")


def edge(what):
    """Registers a wrong reading."""
    def register(reading):
        EDGES.append(Edge(what, reading))
        return reading
    return register


def all_edges():
    """Of Services as well: an evaluator of the outside that is wrong about them."""
    importlib.import_module("edges_outside_life")
    return EDGES + [Edge(each.what, functools.partial(Outside, reading=each.reading))
                    for each in edges_service.all_edges() if each.what not in INSIDE]


def contradicted(reading, sights):
    """Does anything that was seen contradict the reading?"""
    worlds = {}
    for sight in sights:
        wrong = worlds.get(id(sight.world)) or worlds.setdefault(id(sight.world), reading(sight.world.scene))
        if getattr(wrong, sight.check)(*sight.args, sight.seen):
            return True
    return False


# Who asks

@edge("pods of other nodes: strangers")
class PodsAreStrangers(Outside):
    def client(self, source):
        return "outside"


@edge("other nodes: of the cluster, as their pods")
class NodesAreInside(Outside):
    def client(self, source):
        return "pod" if str(source) in sum(NODE_IPS.values(), ()) else super().client(source)


@edge("an address of this node or its pods, from outside: as any other")
class NobodyForges(Outside):
    def is_forged(self, source):
        return False


# Policy

@edge("policy of the pod: not asked")
class NoPolicy(Outside):
    def policy_allows(self, packet, place):
        return True


@edge("policy of the pod: asked about this node, not about the client")
class PolicySeesNode(Outside):
    def policy_allows(self, packet, place):
        host = next(host for host in self.hosts if host.version == packet.src.version)
        return super().policy_allows(packet._replace(src=host), place)


@edge("policy of the pod: asked about the service's port")
class PolicySeesServicePort(Outside):
    def policy_allows(self, packet, place):
        return super().policy_allows(packet, (place[0], packet.dport))


@edge("policy of the pod: asked about the service's address")
class PolicySeesService(Outside):
    def policy_allows(self, packet, place):
        return self.cluster.allows(Probe(str(packet.src), str(packet.dst), packet.proto, packet.dport, False))


# Which of the backends

def chosen_without(what, **same):
    class Chooses(Outside):
        def chosen(self, packet, backends):
            return super().chosen(packet._replace(**same), backends)
    edge(f"choice: {what} does not count")(Chooses)


chosen_without("the client's address", src=address_of("192.0.2.1"))
chosen_without("the client's port", sport=4000)
chosen_without("the service's address", dst=address_of("192.0.2.1"))
chosen_without("the service's port", dport=80)


@edge("choice: protocol does not count")
class ChoosesForTcp(Outside):
    def chosen(self, packet, backends):
        return super().chosen(packet._replace(proto=TCP), backends)


@edge("choice: a place in the set, not in a table")
class NoTable(Outside):
    def chosen(self, packet, backends):
        place = maglev.place(packet.src, packet.sport, packet.dst, packet.dport, packet.proto)
        return sorted(backends)[int(place * len(backends))]


@edge("choice: in a table of another size")
class SmallTable(Outside):
    def chosen(self, packet, backends):
        place = maglev.place(packet.src, packet.sport, packet.dst, packet.dport, packet.proto)
        return maglev.table(backends, packet.proto, 8191)[int(place * 8191)]


# What backends see

@edge("a pod of this node: from the node's address")
class PodsSeeNode(Outside):
    def is_source(self, packet, place, source, others):
        return source[0] in self.hosts


@edge("a backend elsewhere: from the client's address")
class OthersSeeClient(Outside):
    def is_source(self, packet, place, source, others):
        return source[0] == packet.src


@edge("a backend elsewhere: from the client's port")
class OthersSeePort(Outside):
    def is_source(self, packet, place, source, others):
        return super().is_source(packet, place, source, others) and source[1] == packet.sport


@edge("two connections between the same ends: both as they come")
class PortsMeet(Outside):
    def is_source(self, packet, place, source, others):
        return self.where(place) == "out" or source == (packet.src, packet.sport)


@edge("hops: not counted")
class NoRouter(Outside):
    def hops(self, packet, where):
        return packet.hops


@edge("hops: counted for the node itself")
class RouterForItself(Outside):
    def hops(self, packet, where):
        return packet.hops - 1
