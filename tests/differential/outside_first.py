# SPDX-License-Identifier: Apache-2.0
"""What becomes of the first packet that comes from outside to a service? A naive evaluator.

Written from the specification, for reading rather than for speed, and sharing nothing with weir. Which backends
there are says services.py; this says who asks, what the packets become, and what their answers. Every check is told
what was seen, and says what is wrong with it, or None.
"""

import collections

import frames
import maglev
from evaluate import Cluster, Probe
from frames import ACK, FIN, ICMP, ICMP6, INIT, RST, SCTP, SYN, TCP, UDP
from reading import address_of
from services import Question, Services

# Of connections that go on elsewhere: what --service-source-ports is unless somebody says otherwise.
SOURCE_PORTS = range(10000, 30000)

# What was seen of a packet: it is "dropped", goes "back" to where it came from, "out" to somebody else, to the
# "stack" of the node, or to the "pod" of a slot. raw: the IP packet, and what it says.
Seen = collections.namedtuple("Seen", "where slot raw packet", defaults=(None, None, None))

# Sources of other connections between the same ends: those that live, and those of which nobody knows whether they do.
Others = collections.namedtuple("Others", "there perhaps", defaults=(frozenset(), frozenset()))

# What a packet may meet: as Answer of services.py says it, and which of the backends policy forbids.
Fate = collections.namedtuple("Fate", "what backends forbidden", defaults=(frozenset(), frozenset()))


def opens(packet):
    """May it be the first packet of a connection?"""
    if packet.proto == TCP:
        return packet.kind & (SYN | ACK | RST | FIN) == SYN
    return packet.kind == INIT if packet.proto == SCTP else packet.proto == UDP


def ends(packet):
    return packet.proto == TCP and bool(packet.kind & (FIN | RST))


def is_echo(packet):
    return packet.proto in (ICMP, ICMP6)


def reset_numbers(packet):
    """RFC 9293, 3.10.7.1."""
    if packet.kind & ACK:
        return packet.numbers[1], 0
    return 0, packet.numbers[0] + len(packet.body) + bool(packet.kind & SYN) + bool(packet.kind & FIN)


class First:
    """What one node does with packets of connections that it does not know."""

    def __init__(self, scene, reading=Services):
        self.scene = scene
        self.services = reading(scene.node, scene.hosts, scene.objects)
        self.cluster = Cluster(scene.node, scene.objects, scene.pods.values())
        self.slots = {address_of(ip): slot for slot, pod in scene.pods.items() for ip in pod.ips}
        self.hosts = [address_of(ip) for ip in scene.hosts]
        self.answered = {}  # each question is asked many times

    # Who asks, and for what

    def client(self, source):
        """The pods of other nodes are the cluster; whoever else is outside of it is outside."""
        return "pod" if source in self.cluster.pods and source not in self.slots else "outside"

    def is_forged(self, source):
        """Nothing from outside has an address of this node or of its pods."""
        return source in self.slots or source in self.hosts

    def question(self, packet):
        return Question(self.client(packet.src), str(packet.src), str(packet.dst), packet.dport, packet.proto)

    def answers(self, packet):
        question = self.question(packet)
        if question not in self.answered:
            self.answered[question] = self.services.answers(question)
        return self.answered[question]

    def policy_allows(self, packet, place):
        probe = Probe(str(packet.src), str(place[0]), packet.proto, place[1], False)
        return place[0] not in self.slots or self.cluster.allows(probe)

    def kinds_at(self, address):
        """What services have it as."""
        return {claim.kind for claim in self.services.claims if claim.address == address}

    def unserved(self, packet):
        """
        Of what no service answers: for a service's address it would leave by where it came from, here where all
        routes lead back, until its hops are used up.
        """
        round_and_round = packet.hops > 1 and self.kinds_at(packet.dst) and packet.dst not in self.hosts
        return "drop" if round_and_round else "pass"

    def fates(self, packet):
        """All that may be of a packet that begins a connection."""
        if is_echo(packet):
            return [Fate("drop" if "cluster" in self.kinds_at(packet.dst) else self.unserved(packet))]
        found = []
        for answer in self.answers(packet):
            forbidden = {place for place in answer.backends if not self.policy_allows(packet, place)}
            what = self.unserved(packet) if answer.what == "pass" else answer.what
            found.append(Fate(what, answer.backends, forbidden))
        return found

    def affinity_s(self, packet):
        return max(answer.affinity_s for answer in self.answers(packet))

    # Where it goes, and from whom

    def where(self, place):
        return "pod" if place[0] in self.slots else "stack" if place[0] in self.hosts else "out"

    def hops(self, packet, where):
        """The stack counts by itself."""
        return packet.hops - (where != "stack")

    def is_source(self, packet, place, source, others):
        """Is this the source which the backend may see?"""
        if self.where(place) == "out":
            return source[0] in self.hosts and source[1] in SOURCE_PORTS and source not in others.there
        mine = packet.src, packet.sport
        if mine in others.there | others.perhaps:
            return source[0] == packet.src and source not in others.there
        return source == mine

    def arrival(self, packet, place, seen):
        """Is what was seen the packet, at this backend, from whomever?"""
        got = seen.packet
        where = self.where(place)
        if seen.where != where or (got.dst, got.dport) != place or seen.slot != self.slots.get(place[0]):
            return f"not at {place}"
        if got != packet._replace(src=got.src, sport=got.sport, dst=got.dst, dport=got.dport,
                                  hops=self.hops(packet, where)):
            return "the packet is another one"
        return None

    def arrives(self, packet, place, seen, others):
        """Of the first packet of a connection."""
        source = seen.packet.src, seen.packet.sport
        return self.arrival(packet, place, seen) or \
            (None if self.is_source(packet, place, source, others) else f"from {source}")

    # What becomes of the first packet

    def refused(self, packet, seen):
        if seen.where != "back" or (seen.packet.src, seen.packet.dst) != (packet.dst, packet.src):
            return "not refused"
        if packet.proto == TCP:
            flags = RST if packet.kind & ACK else RST | ACK
            good = (seen.packet.sport, seen.packet.dport, seen.packet.proto, seen.packet.kind, seen.packet.numbers) == (
                packet.dport, packet.sport, TCP, flags, reset_numbers(packet))
        else:
            sent, quoted = frames.build(packet), seen.packet.body[4:]
            good = seen.packet.kind == frames.UNREACHABLE_PORT[packet.src.version] and sent.startswith(quoted) and \
                len(quoted) >= len(sent) - len(packet.body) and seen.packet.body[:4] == bytes(4)
        return None if good else "refused in another way"

    def unchanged(self, packet, seen):
        return None if seen.where == "stack" and seen.raw == frames.build(packet) else "does not pass as it is"

    def dropped(self, seen):
        return None if seen.where == "dropped" else "not dropped"

    def one_of(self, packet, fate, seen, others, remembered):
        usable = {remembered} if remembered in fate.backends else fate.backends
        if seen.where == "dropped":
            return None if usable & fate.forbidden else "dropped, and policy allows all"
        place = seen.packet.dst, seen.packet.dport
        if place not in usable - fate.forbidden:
            return f"goes to {place}, none of {usable - fate.forbidden}"
        return self.arrives(packet, place, seen, others)

    def meets(self, packet, fate, seen, others, remembered):
        if fate.what == "pass":
            return self.unchanged(packet, seen)
        if fate.what == "refuse":
            return self.refused(packet, seen)
        return self.dropped(seen) if fate.what == "drop" else self.one_of(packet, fate, seen, others, remembered)

    def forged(self, packet, seen):
        """Of a pod of this node it is dropped; the node's own the stack refuses, if no service does."""
        good = seen.where == "dropped" or packet.src in self.hosts and (
            not self.unchanged(packet, seen) or not self.refused(packet, seen))
        return None if good else f"{packet} has an address of this node, and is {seen}"

    def first(self, packet, others, remembered, seen):
        """remembered: the backend that this client has by affinity, or None."""
        if self.is_forged(packet.src):
            return self.forged(packet, seen)
        said = [self.meets(packet, fate, seen, others, remembered) for fate in self.fates(packet)]
        return None if None in said else f"{packet}: {said}; it should meet {self.fates(packet)}, and is {seen}"

    def is_told(self, packet):
        """Can its backend be told from its ends alone, on whichever node?"""
        fates = self.fates(packet)
        return self.client(packet.src) == "outside" and not self.is_forged(packet.src) and len(fates) == 1 and \
            len(fates[0].backends) > 1 and not self.affinity_s(packet) and "cluster" not in self.kinds_at(packet.dst)

    def choice(self, packet, seen):
        """Of the first packet of a connection, or of a stray: it has one backend, and no other."""
        if not self.is_told(packet) or ends(packet):
            return None
        fate = self.fates(packet)[0]
        place = self.chosen(packet, fate.backends)
        if self.where(place) == "out" and not opens(packet):
            good = seen.where == "back"
        elif place in fate.forbidden:
            good = seen.where == "dropped"
        else:
            good = seen.packet and (seen.packet.dst, seen.packet.dport) == place
        return None if good else f"{packet} should go to {place} of {fate}, and is {seen}"

    def chosen(self, packet, backends):
        return maglev.backend(backends, packet.src, packet.sport, packet.dst, packet.dport, packet.proto)

    def crowd(self, packet, places):
        """Where many connections of one client went, to nobody's own port: to all, or by affinity to one."""
        fates = self.fates(packet)
        if self.is_forged(packet.src) or len(fates) > 1 or fates[0].what != "backends":
            return None
        may = fates[0].backends - fates[0].forbidden
        good = len(places) <= 1 and places <= may if self.affinity_s(packet) else places == may
        return None if good else f"many {packet} went to {places}, there are {may}"

    def stray(self, packet, others, seen):
        """The middle of a connection that nobody knows: never to a backend under an address that it does not know."""
        if self.is_forged(packet.src):
            return self.forged(packet, seen)
        fates = self.fates(packet)
        said = [self.meets_stray(packet, fate, seen, others) for fate in fates]
        return None if None in said else f"stray {packet}: {said}; a new one would meet {fates}, and it is {seen}"

    def meets_stray(self, packet, fate, seen, others):
        if ends(packet) and fate.what != "pass":
            return (self.unchanged(packet, seen) if packet.dst in self.hosts else self.dropped(seen))
        if fate.what == "pass":
            return self.unchanged(packet, seen)
        if "cluster" in self.kinds_at(packet.dst):
            return self.refused(packet, seen)
        if fate.what != "backends":
            return self.meets(packet, fate, seen, others, None)
        here = {place for place in fate.backends if self.where(place) != "out"}
        if seen.where == "back" and here != fate.backends:
            return self.refused(packet, seen)
        return self.one_of(packet, fate._replace(backends=here), seen, others, None)
