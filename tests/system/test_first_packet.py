# SPDX-License-Identifier: Apache-2.0
"""Policy is in force before a pod's first packet, in both directions, also on an address that somebody else had."""

import errno
import socket
import struct
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


def hammer(task, start, port, friends, strangers):
    """From before the interface exists: numbered datagrams to friends, anything to strangers. Numbers sent."""
    socks = {4: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 6: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)}
    sent = dict.fromkeys(friends, 0)
    rounds = 0
    while task.running:
        for address in friends:
            sent[address] += send(socks[weir.family_of(address)], MESSAGE.pack(start, sent[address]), address, port)
        for address in strangers:
            send(socks[weir.family_of(address)], b"?", address, port)
            if rounds % 8 == 0:
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
def scene(node):
    """A closed and an open Pod object for one address, a friend and a stranger."""
    node.route_pods()
    node.pod_manifest(("shop/closed", {"app": "closed"}), ("shop/open", {"app": "open"}), wait=False)
    node.manifest("closed", policy("shop", "closed", {"app": "closed"},
                                   ingress=[rule("from", labels={"app": "friend"})],
                                   egress=[rule("to", labels={"app": "friend"})]))
    node.friend = node.add_pod("shop", "friend", labels={"app": "friend"})
    node.stranger = node.add_pod("shop", "stranger", labels={"app": "stranger"})
    return node


def start(node, number, name, tasks):
    """One start under fire; what the pod sent and what the witness in it counted."""
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
        before, poured = task.mark, [other.mark for other in tasks]
        wait_for(lambda: task.mark > before + 20, "the pod goes on sending")
        wait_for(lambda: all(other.mark > mark + 5 for other, mark in zip(tasks, poured)), "so do the others")
        sent = task.end()
    finally:
        task.kill()
    counted = witness.read()
    node.del_pod(pod)
    node.wait_gone(pod)  # the address is given again once nothing is left of its connections
    return sent, counted


def test_nothing_that_policy_denies_passes_from_the_first_packet_on(scene):
    node = scene
    rules = {f"{proto}_{port}": f"{proto} dport {port}" for proto in ("udp", "tcp") for port in (CLOSED, OPEN)}
    witnesses = [Counters(netns, rules) for netns in (node.stranger, node.outside, node.net)]
    receiver = Task(node.friend, collect, node.friend.ips, CLOSED)
    receiver.wait_mark()
    tasks = [Task(netns, pour, IPS, INTO) for netns in (node.friend, node.stranger, node.outside)]
    try:
        sent = {}
        for number in range(STARTS):
            name = "open" if number % OPEN_EVERY == OPEN_EVERY - 1 else "closed"
            out, counted = start(node, number, name, tasks)
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
        assert counted[f"udp_{CLOSED}"] == counted[f"tcp_{CLOSED}"] == 0, f"{witness.netns.name}: leaked {counted}"
        assert counted[f"udp_{OPEN}"] and counted[f"tcp_{OPEN}"], f"{witness.netns.name} is blind: {counted}"
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
