# SPDX-License-Identifier: Apache-2.0
"""Wrong readings of what a node does for the outside: what was seen in the kernel contradicts each of them."""

import functools

import edges_service
import frames
import maglev
from edges import Edge
from evaluate import Probe
from frames import ACK, RST, TCP, UDP
from outside import Outside
from reading import address_of
from stock import NODE_IPS

EDGES = []
# Wrong readings of Services that no packet from outside tells: they are about clients inside, and about times.
INSIDE = ("externalTrafficPolicy Local: also for pods and this node", "internalTrafficPolicy Local: not for this node",
          "loadBalancerSourceRanges: only for clients outside of the cluster",
          "sessionAffinity: the default timeout, whatever is said", "nodePort: on one address of this node only")


def edge(what):
    """Registers a wrong reading."""
    def register(reading):
        EDGES.append(Edge(what, reading))
        return reading
    return register


def all_edges():
    """Of Services as well: an evaluator of the outside that is wrong about them."""
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


# Refusals

@edge("ping of a ClusterIP: passes")
class PingPasses(Outside):
    def fates(self, packet):
        return [fate._replace(what="pass") for fate in super().fates(packet)] if not packet.dport else \
            super().fates(packet)


@edge("ping of a ClusterIP: refused")
class PingRefused(Outside):
    def fates(self, packet):
        return [fate._replace(what="refuse") for fate in super().fates(packet)] if not packet.dport else \
            super().fates(packet)


@edge("refusal: silent, unless it is TCP")
class OnlyTcpRefused(Outside):
    def refused(self, packet, seen):
        return super().refused(packet, seen) if packet.proto == TCP else self.dropped(seen)


@edge("refusal of TCP: by ICMP")
class TcpByIcmp(Outside):
    def refused(self, packet, seen):
        return super().refused(packet._replace(proto=UDP) if packet.proto == TCP else packet, seen)


@edge("reset: always with an acknowledgement")
class ResetAcknowledges(Outside):
    def refused(self, packet, seen):
        if packet.proto == TCP and seen.where == "back" and seen.packet.kind != RST | ACK:
            return "no acknowledgement"
        return super().refused(packet, seen)


# The middle of connections that nobody knows

@edge("a stray packet: passes as it is")
class StrayPasses(Outside):
    def meets_stray(self, packet, fate, seen, others):
        return self.unchanged(packet, seen)


@edge("a stray packet: refused wherever its backend is")
class StrayRefused(Outside):
    def meets_stray(self, packet, fate, seen, others):
        return super().meets_stray(packet, fate._replace(what="refuse") if fate.what == "backends" else fate,
                                   seen, others)


@edge("a stray packet: goes on wherever its backend is")
class StrayGoesOn(Outside):
    def meets_stray(self, packet, fate, seen, others):
        return self.meets(packet, fate, seen, others, None)


# Connections that are known

@edge("UDP: stays with a backend that is gone")
class DatagramsStay(Outside):
    def next(self, flow, packet, others, remembered, goes_on, seen):
        return super().next(flow, packet, others, remembered, True, seen)


@edge("UDP: chooses again when its backend is in no set, though it serves")
class DatagramsMove(Outside):
    def next(self, flow, packet, others, remembered, goes_on, seen):
        usable = any(flow.place in fate.backends for fate in self.fates(packet))
        return super().next(flow, packet, others, remembered, goes_on and usable, seen)


@edge("TCP and SCTP: choose again when their backend is gone")
class StreamsMove(Outside):
    def next(self, flow, packet, others, remembered, goes_on, seen):
        if goes_on is False and packet.proto != UDP:
            return self.first(packet, others, remembered, seen)
        return super().next(flow, packet, others, remembered, goes_on, seen)


@edge("policy: not asked again about connections that are known")
class KnownIsAllowed(Outside):
    def next(self, flow, packet, others, remembered, goes_on, seen):
        self.policy_allows = lambda packet, place: True
        bad = super().next(flow, packet, others, remembered, goes_on, seen)
        del self.policy_allows
        return bad


# Answers and errors

@edge("answers: from the backend's address")
class BackendAnswers(Outside):
    def answer(self, flow, reply, seen):
        return super().answer(flow._replace(packet=flow.packet._replace(dst=flow.place[0])), reply, seen)


@edge("answers: from the backend's port")
class BackendPortAnswers(Outside):
    def answer(self, flow, reply, seen):
        return super().answer(flow._replace(packet=flow.packet._replace(dport=flow.place[1])), reply, seen)


@edge("answers of backends elsewhere: to the stack")
class AnswersToStack(Outside):
    def answer_where(self, flow):
        return "stack"


@edge("errors: quote the packet as it was translated")
class QuotesTranslated(Outside):
    def quotes(self, seen, wanted):
        src, dst = frames.split(wanted)[:2]
        return frames.split(seen.packet.body[4:])[:2] != (src, dst)


@edge("errors of a backend: from its own address")
class BackendComplains(Outside):
    def error(self, flow, sent, error, about_answer, seen):
        return super().error(flow, sent, error, about_answer, seen) or (
            not about_answer and seen.packet.src != error.src and "from another")


@edge("errors of a router: from the service's address")
class RouterIsService(Outside):
    def error(self, flow, sent, error, about_answer, seen):
        bad = super().error(flow, sent, error, about_answer, seen)
        return bad or (not about_answer and seen.packet.src != flow.packet.dst and "from the router")


@edge("errors of a client about answers: from its own address, wherever the backend is")
class ClientComplains(Outside):
    def error(self, flow, sent, error, about_answer, seen):
        return super().error(flow, sent, error, about_answer, seen) or (
            about_answer and seen.packet.src != error.src and "from another")
