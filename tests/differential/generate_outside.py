# SPDX-License-Identifier: Apache-2.0
"""Packets from outside that aim at random services, policies of the pods behind them, and who sends them."""

import collections
import dataclasses
import random
import struct

import frames
from frames import ACK, COOKIE_ECHO, DATA, FIN, ICMP, ICMP6, INIT, RST, SCTP, SYN, TCP, UDP, Packet
from generate_services import BALANCER_IPS, TARGETS, VIPS, ServiceMaker, of_family
from outside_first import opens
from reading import PROTOCOLS, address_of
from stock import HOSTS, LOCAL_IPS, NODE_IPS, REMOTE_IPS, WORLD

STEPS = 6
PACKETS = 110
FIRST_PORT = 1024
CROWDS = 5
ROUTERS = {4: "203.0.113.77", 6: "2001:db8:fffe::77"}

# One step: a scene, packets that may begin connections, and those of one client to one service.
World = collections.namedtuple("World", "scene packets crowds")


class OutsideMaker(ServiceMaker):
    PODS_VIPS = 0  # nobody sends from a service's address

    def __init__(self, chance):
        super().__init__(chance)
        self.next_port = FIRST_PORT

    # Policies of the pods of this node, which see who asks

    def source_policy(self, name):
        rule = {"from": [{"ipBlock": {"cidr": self.source_range().strip()}} for _ in range(self.pick(1, 2, 3))]}
        if self.chance(0.4):
            rule["ports"] = [{"protocol": self.pick(*PROTOCOLS), "port": self.pick(*TARGETS)} for _ in range(3)]
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]}}

    def with_policies(self, scene):
        objects = [obj for obj in scene.objects if obj["kind"] != "NetworkPolicy"]
        objects += [self.source_policy(f"policy-{n}") for n in range(self.pick(0, 0, 1, 2))]
        return dataclasses.replace(scene, objects=objects)

    def scene(self):
        return self.with_policies(super().scene())

    def later(self, scene):
        scene = super().later(scene)
        return self.with_policies(scene) if self.chance(0.2) else scene

    # Packets

    def port(self):
        self.next_port += 1
        return self.next_port

    def stranger(self, destination):
        """An address of the family of another one."""
        if destination in BALANCER_IPS and self.chance(0.3):
            return destination  # what the node sends to itself by way of the balancer has its address
        index = ":" in destination
        stocks = (WORLD, REMOTE_IPS[index][:2], [ips[index] for ips in NODE_IPS.values()], REMOTE_IPS[index],
                  (HOSTS[index], LOCAL_IPS[index][0]))
        stock = self.random.choices(stocks, (10, 3, 2, 1, 0.7))[0]
        return self.pick(*of_family(6 if index else 4, stock))

    def kind(self, proto):
        """Flags or chunk: mostly of a first packet."""
        stray = self.chance(0.1)
        if proto == TCP:
            return self.pick(ACK, ACK, FIN | ACK, RST) if stray else SYN
        return self.pick(DATA, COOKIE_ECHO) if stray and proto == SCTP else INIT if proto == SCTP else 0

    def body(self, proto, kind):
        if proto == SCTP:
            return bytes(16) if kind == INIT else bytes(4 * self.random.randrange(1, 20))
        return self.random.randbytes(0 if proto == TCP and kind & SYN else self.random.randrange(40))

    def packet(self, question, sport=None):
        dst = address_of(question.address)
        source = question.source if question.client == "outside" else self.stranger(question.address)
        ends = address_of(source), dst
        if self.chance(0.04):
            return Packet(*ends, ICMP6 if dst.version == 6 else ICMP, kind=(128 if dst.version == 6 else 8, 0),
                          body=struct.pack("!HH", self.port(), 1) + b"echo")
        kind = self.kind(question.proto)
        return Packet(*ends, question.proto, sport or self.port(), question.port, kind,
                      self.numbers(kind) if question.proto == TCP else (0, 0), self.body(question.proto, kind),
                      self.pick(frames.HOPS, frames.HOPS, 2, 255), not (
                          question.proto == UDP and dst.version == 4 and self.chance(0.2)))

    def numbers(self, kind):
        return self.random.randrange(1 << 32), self.random.randrange(1 << 32) if kind & ACK else 0

    def packets(self, questions):
        """Now and then from a port that somebody has used for another service."""
        made = []
        for question in questions:
            former = self.pick(*made) if made and self.chance(0.1) else None
            packet = self.packet(question)
            if former and former.src.version == packet.src.version and former.sport and packet.sport:
                packet = packet._replace(src=former.src, sport=former.sport)
            ends = [other[:5] for other in made]
            made += [packet] if packet[:5] not in ends else []
        return made

    def crowd(self, question):
        """The first packet of one of many connections of one client."""
        packet = self.packet(question)
        while not opens(packet):
            packet = self.packet(question)
        return packet

    def question(self, scene, services):
        """Mostly at addresses that are for the outside, where a service has some."""
        question = super().question(scene, services)
        for _ in range(2):
            question = super().question(scene, services) if question.address in (*VIPS[0], *VIPS[1]) else question
        return question

    def world(self, scene):
        questions = self.questions(scene, PACKETS)
        asked = self.random.sample(questions, min(CROWDS, len(questions)))
        return World(scene, self.packets(questions), [self.crowd(question) for question in asked])


def worlds(seed, number, steps=STEPS):
    """The same for equal seeds and numbers, whatever is done with them."""
    maker, scene = OutsideMaker(random.Random(f"outside/{seed}/{number}")), None
    for _ in range(steps):
        scene = maker.later(scene) if scene else maker.scene()
        yield maker.world(scene)
