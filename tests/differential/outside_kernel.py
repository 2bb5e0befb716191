# SPDX-License-Identifier: Apache-2.0
"""Packets from outside to services in the kernel, their answers and errors, against the evaluator of outside.py.

What is seen is kept as Sights, so that others can be asked what they would have said about it.
"""

import collections
import random

import compare
import frames
import generate_outside
from frames import ACK, COOKIE_ECHO, DATA, INIT_ACK, SCTP, SYN, TCP, UDP, Packet
from generate_outside import ROUTERS
from history import Different
from kernel import Broken
from outside import Flow, Outside
from outside_first import Others, opens
from reading import address_of, metadata, namespace_of
from service_life import owner_of, serves
from wire import Wire

FLOWS_MAX = 120
CROWD_PORT = 32768  # above those of single packets
AFFINITY_MIN_S = 60  # a shorter one may be over before it is asked for

# So many connections of a crowd for each backend that one of them is left out in one of a million crowds.
CROWD_PER_BACKEND = 16

# Something that an evaluator can be asked: check of Outside, with these arguments, about what was Seen in a world.
Sight = collections.namedtuple("Sight", "world check args seen")


def last_numbers(packet):
    """Of what follows a packet of TCP."""
    return ((packet.numbers[0] + len(packet.body) + bool(packet.kind & SYN)) & 0xffffffff, 5001) \
        if packet.proto == TCP else (0, 0)


class Session:
    """The kernel in one history."""

    def __init__(self, judge, chance):
        self.judge, self.wire, self.random = judge, Wire(judge), chance
        self.sights, self.wrong = [], []
        self.flows, self.affinity, self.former = [], {}, {}
        self.there, self.perhaps = collections.defaultdict(set), collections.defaultdict(set)
        self.crowd_port = CROWD_PORT
        self.seen = collections.Counter()

    # What is seen

    def check(self, check, *args, seen):
        self.sights.append(Sight(self.world, check, args, seen))
        self.seen[check, getattr(seen, "where", "")] += 1
        bad = getattr(self.right, check)(*args, seen)
        self.wrong += [f"{check}: {bad}"] if bad else []
        return not bad

    def others(self, proto, seen):
        if seen.where not in ("pod", "stack", "out"):
            return Others()
        ends = proto, (seen.packet.dst, seen.packet.dport)
        return Others(frozenset(self.there[ends]), frozenset(self.perhaps[ends]))

    def step(self, world, restarted):
        """Texts: what is wrong."""
        self.world, self.wrong = world, []
        self.right = Outside(world.scene)
        for ends, sources in self.there.items():
            self.perhaps[ends] |= sources
        self.there.clear()
        self.forget(restarted)
        if not self.right.services.claims:
            self.flows = []  # connections end with the last service
        known, flows = self.known(), self.new(world.packets)
        flows += [flow for crowd in world.crowds for flow in self.crowd(crowd)]
        self.check_again(flows, [flow.packet for flow in flows])
        flows += known
        self.talk(flows)
        self.flows = [flow for flow in flows if flow.owner][-FLOWS_MAX:]
        return self.wrong

    # Affinity

    def affinity_key(self, packet):
        """None: it has none, or nobody knows whose it is."""
        question = self.right.question(packet)
        owner = owner_of(self.right.services, question)
        return (packet.src, packet.proto, owner) if owner and self.right.affinity_s(packet) >= AFFINITY_MIN_S else None

    def kept(self, packet, remembered):
        """What affinity remembers after a packet that was refused: policy is asked about what was chosen already."""
        backends = self.right.fates(packet)[0].backends
        return remembered if remembered in backends or not backends else None

    def forget(self, restarted):
        """What may have ended since. An agent that starts knows services by their addresses."""
        services = self.right.services
        now = {(namespace_of(obj), metadata(obj, "name")): obj for obj in services.of_kind("Service")}
        for key, place in list(self.affinity.items()):
            claims = [claim for claim in services.claims if claim.proto == key[1]
                      and (namespace_of(claim.service), metadata(claim.service, "name"),
                           claim.spec.get("name") or "") == key[2]]
            sets = [endpoints for claim in claims[:1] for endpoints in
                    [services.endpoints(claim.service, claim.spec, key[0].version)]]
            there = {each.at for each in sets for each in (*services.cluster_set(each), *services.local_set(each))}
            changed = restarted and now.get(key[2][:2]) != self.former.get(key[2][:2])
            if place not in there or changed or not services.affinity_s(claims[0].service):
                del self.affinity[key]
        self.former = now

    # Connections

    def flow(self, packet, seen):
        """The Flow that a packet has begun, or None."""
        if seen.where == "stack" and seen.packet == packet or seen.where in ("dropped", "back"):
            return None
        place, source = (seen.packet.dst, seen.packet.dport), (seen.packet.src, seen.packet.sport)
        self.there[packet.proto, place].add(source)
        return Flow(packet, place, source, owner_of(self.right.services, self.right.question(packet)))

    def begin(self, packet, seen):
        """What was seen of the first packet of a connection, or of one that nobody knows."""
        others, key = self.others(packet.proto, seen), self.affinity_key(packet)
        remembered = self.affinity.pop(key, None) if key else None
        if packet.dport:
            self.check("choice", packet, seen=seen)
        if not (opens(packet) or packet.proto in (frames.ICMP, frames.ICMP6)):
            good = self.check("stray", packet, others, seen=seen)
            return self.flow(packet, seen) if good else None
        good = self.check("first", packet, others, remembered, seen=seen)
        flow = self.flow(packet, seen) if good and packet.dport else None
        place = flow.place if flow else self.kept(packet, remembered)
        if key and place:
            self.affinity[key] = place
        return flow

    def new(self, packets):
        flows = [self.begin(packet, seen) for packet, seen in zip(packets, self.wire.arrive(packets))]
        return [flow for flow in flows if flow]

    def crowd(self, packet):
        """Connections of one client, so many that each of the backends is met. One of them."""
        most = max(len(fate.backends) for fate in self.right.fates(packet))
        packets = [packet._replace(sport=self.crowd_port + n) for n in range(max(1, CROWD_PER_BACKEND * most))]
        self.crowd_port += len(packets)
        flows = self.new(packets)
        self.check("crowd", packet, seen=frozenset(flow.place for flow in flows))
        return flows[:1]

    def following(self, flow):
        """Another packet of the client."""
        packet = flow.packet
        kinds = {TCP: ACK, SCTP: self.random.choice((COOKIE_ECHO, DATA))}
        body = bytes(8) if packet.proto == SCTP else self.random.randbytes(self.random.randrange(30))
        return packet._replace(kind=kinds.get(packet.proto, 0), numbers=last_numbers(packet), body=body,
                               hops=frames.HOPS)

    def known(self):
        """Connections of steps before, each with another packet."""
        packets, kept = [self.following(flow) for flow in self.flows], []
        for flow, packet, seen in zip(self.flows, packets, self.wire.arrive(packets)):
            question = self.right.question(packet)
            goes_on = serves(self.right.services, question, flow.owner, flow.place)
            key = self.affinity_key(packet)
            remembered = self.affinity.get(key) if key and not goes_on else None
            self.check("next", flow, packet, self.others(packet.proto, seen), remembered, goes_on, seen=seen)
            self.perhaps[packet.proto, flow.place].discard(flow.source)
            now = self.flow(packet, seen)
            if now and key and now.place != flow.place:
                self.affinity[key] = now.place
            elif remembered and not now and not self.kept(packet, remembered):
                del self.affinity[key]
            kept += [now._replace(packet=flow.packet)] if now else []
        return kept

    def talk(self, flows):
        """Both ends go on, and hear of errors."""
        self.check_again(flows, [self.following(flow) for flow in flows])
        self.answers(flows)
        self.check_again(flows, [self.with_sum_0(flow, self.following(flow)) for flow in flows])
        self.errors(flows)
        self.fragments([flow for flow in flows if flow.packet.proto == UDP])

    def fragments(self, flows):
        """Of a datagram of each connection; the first one is quick to come."""
        chosen = [flow for flow in flows if self.random.random() < 0.3]
        packets = [self.following(flow)._replace(body=self.random.randbytes(self.random.randrange(40, 100)))
                   for flow in chosen]
        sent = [piece for number, packet in enumerate(packets) for piece in
                frames.fragments(frames.build(packet), self.random.randrange(1, 1 << 16), 8 * (1 + number % 5))]
        seen = self.wire.arrive(sent)
        for flow, packet, pair in zip(chosen, packets, zip(seen[::2], seen[1::2])):
            self.check("pieces", flow, packet, seen=pair)

    def check_again(self, flows, packets):
        for flow, packet, seen in zip(flows, packets, self.wire.arrive(packets)):
            self.check("next", flow, packet, Others(), None, True, seen=seen)

    def with_sum_0(self, flow, packet):
        """UDP whose checksum is 0 behind the translation, which says that there is none: RFC 768 has 0xffff for it."""
        if packet.proto != UDP:
            return packet
        there = self.at_backend(flow, packet._replace(body=bytes(2), summed=True))
        return packet._replace(body=frames.transport(there)[6:8], summed=True)

    def at_backend(self, flow, packet):
        return packet._replace(src=flow.source[0], sport=flow.source[1], dst=flow.place[0], dport=flow.place[1])

    def reply(self, flow):
        kinds = {TCP: SYN | ACK if flow.packet.kind == SYN else ACK, SCTP: INIT_ACK}
        proto = flow.packet.proto
        body = bytes(16) if proto == SCTP else self.random.randbytes(self.random.randrange(20))
        return Packet(flow.place[0], flow.source[0], proto, flow.place[1], flow.source[1], kinds.get(proto, 0),
                      (5000, last_numbers(flow.packet)[0]) if proto == TCP else (0, 0), body)

    def say(self, flows, packets):
        """(flow, packet as the last program before the wire meets it, Seen) of what backends send."""
        ways = collections.defaultdict(list)
        for flow, packet in zip(flows, packets):
            ways[self.right.where(flow.place)].append((flow, packet))
        slots = [(self.right.slots[flow.place[0]], packet) for flow, packet in ways["pod"]]
        pods = [(flow, packet._replace(hops=packet.hops - 1)) for flow, packet in ways["pod"]]
        yield from ((*each, seen) for each, seen in zip(pods, self.wire.leave_pods(slots)))
        for where, send in (("stack", self.wire.leave), ("out", self.wire.arrive)):
            seen = send([packet for _, packet in ways[where]])
            yield from ((*each, what) for each, what in zip(ways[where], seen))

    def answers(self, flows):
        for flow, reply, seen in self.say(flows, [self.reply(flow) for flow in flows]):
            self.check("answer", flow, reply, seen=seen)

    # ICMP errors

    def errors(self, flows):
        chosen = [flow for flow in flows if self.random.random() < 0.4]
        of_question, of_answer = chosen[::2], chosen[1::2]
        said = [self.error(flow, self.at_backend(flow, flow.packet), flow.place[0]) for flow in of_question]
        for flow, error, seen in self.say(of_question, said):
            self.check("error", flow, frames.build(flow.packet), error, False, seen=seen)
        replies = [self.reply(flow) for flow in of_answer]
        said = [self.error(flow, reply._replace(src=flow.packet.dst, sport=flow.packet.dport, dst=flow.packet.src,
                                                dport=flow.packet.sport), flow.packet.src)
                for flow, reply in zip(of_answer, replies)]
        for flow, reply, error, seen in zip(of_answer, replies, said, self.wire.arrive(said)):
            self.check("error", flow, frames.build(reply), error, True, seen=seen)

    def error(self, flow, about, end):
        """By the end, or by a router on the way; whole or of the first eight bytes of the transport header."""
        raw, version = frames.build(about), about.src.version
        quoted = raw if self.random.random() < 0.5 or version == 6 else raw[:28]
        router = self.random.random() < 0.4 and not (end == flow.place[0] and self.right.where(flow.place) != "out")
        kind = frames.TOO_BIG if router else frames.UNREACHABLE_PORT
        return frames.error(address_of(ROUTERS[version]) if router else end, about, quoted, kind[version])


def run(judge, seed, number, steps=generate_outside.STEPS):
    """The Session of one history."""
    chance = random.Random(f"outside/{seed}/{number}/kernel")
    session = Session(judge, chance)
    judge.reset()
    try:
        for world in generate_outside.worlds(seed, number, steps):
            restarted = chance.random() < 0.1
            if restarted:
                judge.restart()
            judge.apply(world.scene, as_yaml=chance.random() < 0.15)
            if chance.random() < 0.5:
                judge.settle()
            wrong = session.step(world, restarted)
            if wrong:
                raise Different(f"{len(wrong)} faults, the first: {wrong[0]}\n{compare.describe(world.scene)}")
    except (Different, Broken, frames.Damaged) as error:
        raise Different(f"history {number} of seed {seed}: {error}") from None
    return session
