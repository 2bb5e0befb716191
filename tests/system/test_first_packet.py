# SPDX-License-Identifier: Apache-2.0
"""Policy is in force before a pod's first packet, in both directions, also on an address that somebody else had."""

import errno
import json
import os
import socket
import struct
import threading
import time

import pytest

import weir
from traffic import Counters, Task, is_absent, policy, rule, udp
from weir import CniError, NODE_IPS, OUTSIDE_IPS, wait_for

STARTS = 200
# Of the starts one in so many is without policy: it proves that the witnesses see what comes.
OPEN_EVERY = 10
IPS = ("10.77.9.9", "fd00:77::909")
# What closed pods send, what open ones send, what others send to them.
CLOSED, OPEN, INTO = 7001, 7002, 7003
RAW = 10  # is added to the port of datagrams that are whole frames, which need neither route nor address
RESTARTS = 6
MESSAGE = struct.Struct("!II")


def send(sock, message, address, port):
    """1 when the packet was given to the network, 0 when there is none yet."""
    try:
        sock.sendto(message, (address, port))
        return 1
    except OSError as error:
        if not is_absent(error) and error.errno not in (errno.ENOBUFS, errno.EAGAIN, errno.ECONNREFUSED):
            raise
        return 0


def knock(address, port):
    """A SYN that nobody waits for."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.connect_ex((address, port))


class Frames:
    """Datagrams as whole frames: they go out as soon as there is an interface."""

    def __init__(self, port):
        self.port, self.sock, self.mac = port, None, None

    def send(self, address):
        try:
            if not self.sock:
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                sock.bind(("eth0", 0))
                self.sock = sock
            self.sock.send(self.frame(address))
        except OSError as error:
            if not is_absent(error) and error.errno not in (errno.ENOBUFS, errno.EAGAIN, errno.ENXIO):
                raise

    def gateway(self):
        """Its MAC once the plugin has told the pod; everybody before."""
        if not self.mac:
            with open("/proc/net/arp", encoding="ascii") as file:
                words = [line.split() for line in file.readlines()[1:]]
            self.mac = bytes.fromhex(words[0][3].replace(":", "")) if words else None
        return self.mac or b"\xff" * 6

    def frame(self, address):
        ether = self.gateway() + self.sock.getsockname()[4]
        datagram = struct.pack("!HHHH", self.port, self.port, 9, 0) + b"?"
        if ":" in address:
            ends = socket.inet_pton(socket.AF_INET6, IPS[1]) + socket.inet_pton(socket.AF_INET6, address)
            return ether + struct.pack("!HIHBB", 0x86dd, 6 << 28, len(datagram), 17, 64) + ends + datagram
        head = struct.pack("!HHHHBBH", 0x4500, 20 + len(datagram), 0, 0x4000, 64, 17, 0)
        ends = socket.inet_aton(IPS[0]) + socket.inet_aton(address)
        total = sum(struct.unpack("!10H", head + ends))
        total = (total & 0xffff) + (total >> 16)
        total = ~((total & 0xffff) + (total >> 16)) & 0xffff
        return ether + b"\x08\0" + head[:10] + struct.pack("!H", total) + ends + datagram


def hammer(task, start, port, friends, strangers):
    """From before the interface exists: numbered datagrams to friends, anything to strangers. Numbers sent."""
    socks = {4: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 6: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)}
    frames = Frames(port + RAW)
    sent = dict.fromkeys(friends, 0)
    rounds = 0
    while task.running:
        for address in friends:
            sent[address] += send(socks[weir.family_of(address)], MESSAGE.pack(start, sent[address]), address, port)
        for address in strangers:
            send(socks[weir.family_of(address)], b"?", address, port)
            if rounds % 8 == 0:
                frames.send(address)
                knock(address, port)
        rounds += 1
        task.mark = min(sent.values()) + 1
        time.sleep(0.0002)
    return sent


def pour(task, addresses, port):
    """Datagrams to addresses that may or may not exist."""
    socks = {4: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 6: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)}
    while task.running:
        for address in addresses:
            send(socks[weir.family_of(address)], b"!", address, port)
        task.mark += 1
        time.sleep(0.0005)


def collect(task, addresses, port):
    """{(start, family): numbers that came}"""
    socks = []
    for address in addresses:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), 64 << 20)
        sock.bind((address, port))
        sock.setblocking(False)
        socks.append((weir.family_of(address), sock))
    task.mark = 1
    came = {}
    idle = 0
    while task.running or idle < 100:
        idle += 1
        for family, sock in socks:
            try:
                while True:
                    start, number = MESSAGE.unpack(sock.recv(64))
                    came.setdefault((start, family), []).append(number)
                    idle = 0
            except BlockingIOError:
                pass
        time.sleep(0.001)
    return came


@pytest.fixture
def scene(nodes):
    """A closed and an open Pod object for one address, a friend and a stranger."""
    node = nodes(options=["--table-size=policy_port=16384"])
    node.route_pods()
    node.pod_manifest(("shop/closed", {"app": "closed"}), ("shop/open", {"app": "open"}), wait=False)
    node.manifest("closed", policy("shop", "closed", {"app": "closed"},
                                   ingress=[rule("from", labels={"app": "friend"})],
                                   egress=[rule("to", labels={"app": "friend"})]))
    node.friend = node.add_pod("shop", "friend", labels={"app": "friend"})
    node.stranger = node.add_pod("shop", "stranger", labels={"app": "stranger"})
    return node


def start(node, number, name, tasks, arrivals):
    """One start under fire, until the friend hears the pod. What the pod sent, what the witness in it counted."""
    pod = node.new_pod("shop", name)
    port = OPEN if name == "open" else CLOSED
    strangers = [*node.stranger.ips, *OUTSIDE_IPS, *NODE_IPS]
    witness = Counters(pod, {
        "friend4": f"ip saddr {node.friend.ip4} udp dport {INTO}", "friend6": f"ip6 saddr {node.friend.ip6} udp dport {INTO}",
        "stranger4": f"ip saddr {node.stranger.ip4} udp dport {INTO}", "stranger6": f"ip6 saddr {node.stranger.ip6} udp dport {INTO}",
        "outside4": f"ip saddr {OUTSIDE_IPS[0]} udp dport {INTO}", "outside6": f"ip6 saddr {OUTSIDE_IPS[1]} udp dport {INTO}"})
    task = Task(pod, hammer, number, port, node.friend.ips, strangers)
    try:
        task.wait_mark()
        pod.conf = node.conf(runtimeConfig={"ips": list(IPS)})
        pod.result = node.cni(pod.env("ADD"), pod.conf)
        # Not at once: the kernel tells the pod's interface of its carrier a moment later.
        heard, poured = arrivals.read(), [other.mark for other in tasks]
        wait_for(lambda: all(now > heard[name] + 5 for name, now in arrivals.read().items()), "the friend hears the pod")
        wait_for(lambda: all(other.mark > mark + 5 for other, mark in zip(tasks, poured)), "so do the others")
        sent = task.end()
    finally:
        task.kill()
    counted = witness.read()
    node.del_pod(pod)
    node.wait_gone(pod)  # the address is given again once nothing is left of its connections
    return sent, counted


def witnessed():
    """Counters of all that pods send to where the closed one may not: name -> rule, by family and way of sending."""
    rules = {}
    for name, port in (("closed", CLOSED), ("open", OPEN)):
        for family in ("ipv4", "ipv6"):
            for way, match in (("udp", f"udp dport {port}"), ("tcp", f"tcp dport {port}"),
                               ("raw", f"udp dport {port + RAW}")):
                rules[f"{name}_{way}_{family}"] = f"meta nfproto {family} {match}"
    return rules


def test_nothing_that_policy_denies_passes_from_the_first_packet_on(scene):
    node = scene
    witnesses = [Counters(netns, witnessed()) for netns in (node.stranger, node.outside, node.net)]
    ports = f"udp dport {{ {CLOSED}, {OPEN} }}"
    arrivals = Counters(node.friend, {"four": f"ip saddr {IPS[0]} {ports}", "six": f"ip6 saddr {IPS[1]} {ports}"})
    receiver = Task(node.friend, collect, node.friend.ips, CLOSED)
    receiver.wait_mark()
    tasks = [Task(netns, pour, IPS, INTO) for netns in (node.friend, node.stranger, node.outside)]
    try:
        sent = {}
        for number in range(STARTS):
            name = "open" if number % OPEN_EVERY == OPEN_EVERY - 1 else "closed"
            out, counted = start(node, number, name, tasks, arrivals)
            assert counted["friend4"] and counted["friend6"], f"start {number}: the friend was not let in"
            others = [counted[who] for who in ("stranger4", "stranger6", "outside4", "outside6")]
            if name == "open":
                assert all(others), f"start {number}: a witness is blind: {counted}"
            else:
                assert not any(others), f"start {number}: somebody came in: {counted}"
                sent[number] = out
        came = receiver.end()
    finally:
        for task in (receiver, *tasks):
            task.kill()
    for witness in witnesses:
        counted = witness.read()
        assert not any(counted[name] for name in counted if name.startswith("closed")), \
            f"{witness.netns.name}: leaked {counted}"
        assert all(counted[name] for name in counted if name.startswith("open")), \
            f"{witness.netns.name} is blind: {counted}"
    for number, out in sent.items():
        for address, count in out.items():
            numbers = came.get((number, weir.family_of(address)), [])
            # Packets before the link is there are lost; from the first that arrives on none may be missing.
            assert numbers and numbers == list(range(numbers[0], count)), f"start {number} to {address}: wrongly denied"


def test_without_an_agent_a_pod_does_not_start_and_sends_nothing(scene):
    node = scene
    node.kill9()
    pod = node.new_pod("shop", "closed")
    task = Task(pod, hammer, 0, CLOSED, node.friend.ips, node.stranger.ips)
    witness = Counters(node.friend, {"leaked": f"udp dport {CLOSED}"})
    task.wait_mark()
    with pytest.raises(CniError) as refusal:
        node.cni(pod.env("ADD"), node.conf())
    assert refusal.value.code == 11
    assert sum(task.end().values()) == 0 and witness.read()["leaked"] == 0


def test_the_new_owner_of_an_address_inherits_no_connection(scene):
    """An answer to the former owner's question is no answer to the new one."""
    node = scene
    conf = node.conf(runtimeConfig={"ips": list(IPS)})
    old = node.add_pod("shop", "open", conf=conf)
    for address, stranger in zip(IPS, node.stranger.ips):
        asked = udp(old, address, 4000)
        server = udp(node.stranger, stranger, 53)
        asked.sendto(b"?", (stranger, 53))
        assert server.recvfrom(10)[1][0] == address
        server.sendto(b"!", (address, 4000))
        assert asked.recv(10) == b"!"
        asked.close()
        server.close()
    node.del_pod(old)
    node.wait_gone(old)
    new = node.add_pod("shop", "closed", conf=conf)
    for address, stranger in zip(IPS, node.stranger.ips):
        heard = udp(new, address, 4000, timeout=0.3)
        server = udp(node.stranger, stranger, 53)
        server.sendto(b"!", (address, 4000))
        with pytest.raises(socket.timeout):
            heard.recv(10)
    assert new.reaches("icmp", node.friend.ip4)


def add_in_thread(node, pod, conf):
    """ADD beside something else; a list that gets its result, or the refusal."""
    outcome = []

    def add():
        try:
            outcome.append(node.cni(pod.env("ADD"), conf))
        except CniError as refusal:
            outcome.append(refusal)
    thread = threading.Thread(target=add)
    thread.start()
    return thread, outcome


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_pod_that_starts_while_the_agent_restarts_sends_nothing_that_is_denied(scene, when):
    node = scene
    witnesses = [Counters(netns, witnessed()) for netns in (node.stranger, node.outside, node.net)]
    conf = node.conf(runtimeConfig={"ips": list(IPS)})
    for number in range(RESTARTS):
        pod = node.new_pod("shop", "closed")
        pod.conf = conf
        task = Task(pod, hammer, number, CLOSED, node.friend.ips, [*node.stranger.ips, *OUTSIDE_IPS, *NODE_IPS])
        try:
            task.wait_mark()
            if when == "before":
                node.kill9()
            thread, outcome = add_in_thread(node, pod, conf)
            if when == "during":
                # Wherever ADD is by now: each round stops it a little later.
                wait_for(lambda: number == 0 or pod.links().get("eth0") or outcome, "ADD is on its way", every_s=0.001)
                node.kill9()
            node.start()
            thread.join()
            if isinstance(outcome[0], CniError):
                assert outcome[0].code == 11, outcome[0].error
                node.cni(pod.env("DEL"), conf)
                pod.result = node.cni(pod.env("ADD"), conf)
            before = task.mark
            wait_for(lambda: task.mark > before + 20, "the pod goes on sending")
            assert pod.reaches("icmp", node.friend.ip4) and pod.reaches("icmp", node.friend.ip6)
            sent = task.end()
        finally:
            task.kill()
        assert all(sent.values()), "it never sent"
        node.del_pod(pod)
        node.wait_gone(pod)
    for witness in witnesses:
        assert not any(witness.read().values()), f"{witness.netns.name}: leaked {witness.read()}"


def too_many_ports():
    """More entries than the table of ports has room for: every second port, both directions, three protocols."""
    ports = [{"port": port, "protocol": proto} for proto in ("TCP", "UDP", "SCTP") for port in range(1, 12000, 2)]
    return policy("shop", "big", {"app": "closed"}, ingress=[{"ports": ports}], egress=[{"ports": ports}])


def test_a_pod_whose_policy_cannot_be_put_in_force_does_not_start(scene):
    node = scene
    path = node.write("big.json", json.dumps(too_many_ports()))
    node.settle()
    witnesses = [Counters(netns, witnessed()) for netns in (node.friend, node.stranger, node.outside, node.net)]
    pod = node.new_pod("shop", "closed")
    pod.conf = node.conf(runtimeConfig={"ips": list(IPS)})
    task = Task(pod, hammer, 0, CLOSED, node.friend.ips, [*node.stranger.ips, *OUTSIDE_IPS, *NODE_IPS])
    try:
        task.wait_mark()
        with pytest.raises(CniError) as refusal:
            node.cni(pod.env("ADD"), pod.conf)
        assert "is full" in refusal.value.error["details"]
        for witness in witnesses:
            assert not any(witness.read().values()), f"{witness.netns.name}: leaked {witness.read()}"
        assert node.friend.reaches("icmp", node.stranger.ip4), "the others go on"
        node.cni(pod.env("DEL"), pod.conf)
        os.unlink(path)
        node.settle()
        pod.result = node.cni(pod.env("ADD"), pod.conf)
        assert pod.reaches("icmp", node.friend.ip4)
        task.end()
    finally:
        task.kill()
