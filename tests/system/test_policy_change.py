# SPDX-License-Identifier: Apache-2.0
"""What a change of policy does to connections that live: revoked means cut, granted means open, and nothing between."""

import itertools
import socket
import struct
import time

import pytest

from traffic import Counters, Task, drops, is_absent, policy, pod_objects, rule
from weir import wait_for

TCP_PORT, UDP_PORT, SCTP_PORT = 7080, 7053, 7132
SCTP_INIT, SCTP_DATA = 1, 0
SWAPS = 60
NUMBER = struct.Struct("!I")
SEEN_AFTER = 40  # refused packets that prove that the streams went on


def streams(task, addresses):
    """TCP, UDP, SCTP and echo towards each address, for ever: a TCP connection that dies is opened again."""
    socks = {}
    raw = {address: (raw_socket(address, socket.IPPROTO_SCTP), raw_socket(address, icmp_of(address)))
           for address in addresses}

    def connected(kind, address, port):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        sock.setblocking(False)
        sock.connect_ex((address, port))
        return sock

    for address in addresses:
        socks[("tcp", address)] = connected(socket.SOCK_STREAM, address, TCP_PORT)
        socks[("udp", address)] = connected(socket.SOCK_DGRAM, address, UDP_PORT)
    while task.running:
        for (proto, address), sock in list(socks.items()):
            try:
                sock.send(b"x")
                sock.recv(65536)
            except BlockingIOError:
                pass
            except OSError:
                if proto == "tcp":
                    sock.close()
                    socks[(proto, address)] = connected(socket.SOCK_STREAM, address, TCP_PORT)
        for address, (sctp, echo) in raw.items():
            send_raw(sctp, sctp_packet(SCTP_DATA if task.mark else SCTP_INIT), address)
            send_raw(echo, echo_request(address, int(task.mark) & 0xffff), address)
        task.mark += 1
        time.sleep(0.002)


def icmp_of(address):
    return socket.IPPROTO_ICMPV6 if ":" in address else socket.IPPROTO_ICMP


def raw_socket(address, proto):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_RAW, proto)
    sock.setblocking(False)
    return sock


def send_raw(sock, packet, address):
    try:
        sock.sendto(packet, (address, 0))
    except BlockingIOError:
        pass


def sctp_packet(chunk):
    """A header and one chunk; nobody here looks at the checksum."""
    return struct.pack("!HHIIBBHIHHHI", SCTP_PORT, SCTP_PORT, 1, 0, chunk, 0, 20, 1, 0, 1, 1, 1)


def echo_request(address, sequence):
    """One exchange for ever; for IPv6 the kernel fills in the checksum."""
    kind = 128 if ":" in address else 8
    total = (kind << 8) + 7 + sequence
    total = 0 if ":" in address else ~((total & 0xffff) + (total >> 16)) & 0xffff
    return struct.pack("!BBHHH", kind, 0, total, 7, sequence)


def answers(task, addresses):
    """Echoes on TCP_PORT and UDP_PORT of all addresses."""
    socks = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for kind, port in ((socket.SOCK_DGRAM, UDP_PORT), (socket.SOCK_STREAM, TCP_PORT)):
            sock = socket.socket(family, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            sock.setblocking(False)
            if kind == socket.SOCK_STREAM:
                sock.listen(100)
            socks.append((kind, sock))
    task.mark = 1
    open_ones = []
    while task.running:
        for kind, sock in socks:
            try:
                if kind == socket.SOCK_DGRAM:
                    sock.sendto(*sock.recvfrom(2048))
                else:
                    open_ones.append(sock.accept()[0])
                    open_ones[-1].setblocking(False)
            except OSError:
                pass
        for sock in open_ones:
            try:
                sock.send(sock.recv(65536))
            except OSError:
                pass
        time.sleep(0.001)


class Scene:
    """A client that talks to a server all the time, and a witness of every packet that reaches the server."""

    def __init__(self, node):
        self.node = node
        self.labels = {"shop/client": {"app": "client"}, "yard/server": {"app": "server"}}
        self.namespaces = {"shop": {"team": "blue"}, "yard": {}}
        self.ports = {"web": TCP_PORT, "dns": UDP_PORT}
        self.write_objects()
        self.client, self.server = node.add_pod("shop", "client"), node.add_pod("yard", "server")
        self.witness = Counters(self.server, {
            "tcp4": f"ip saddr {self.client.ip4} tcp dport {TCP_PORT}", "udp4": f"ip saddr {self.client.ip4} udp dport {UDP_PORT}",
            "tcp6": f"ip6 saddr {self.client.ip6} tcp dport {TCP_PORT}", "udp6": f"ip6 saddr {self.client.ip6} udp dport {UDP_PORT}",
            "sctp4": f"ip saddr {self.client.ip4} sctp dport {SCTP_PORT}",
            "sctp6": f"ip6 saddr {self.client.ip6} sctp dport {SCTP_PORT}",
            "echo4": f"ip saddr {self.client.ip4} icmp type echo-request",
            "echo6": f"ip6 saddr {self.client.ip6} icmpv6 type echo-request"})
        self.tasks = [Task(self.server, answers, self.server.ips)]
        self.tasks[0].wait_mark()
        self.tasks.append(Task(self.client, streams, self.server.ips))

    def close(self):
        for task in self.tasks:
            task.kill()

    def write_objects(self):
        """The Pod and Namespace objects as they are now, in force when this returns."""
        pods = pod_objects(self.node, self.labels)
        ports = [{"name": name, "containerPort": number, "protocol": "TCP" if name == "web" else "UDP"}
                 for name, number in self.ports.items()]
        pods[1]["spec"]["containers"][0]["ports"] = ports
        namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
                      for name, labels in self.namespaces.items()]
        self.node.manifest("objects", *namespaces, *pods)

    def flows(self, *protos):
        """Every stream reaches the server, or those of protos."""
        before = self.witness.read()
        wait_for(lambda: all(now > before[name] for name, now in self.witness.read().items()
                             if not protos or name[:-1] in protos), "all streams flow")

    def refused(self):
        counted = drops(self.node)
        return counted["POLICY_INGRESS"] + counted["POLICY_EGRESS"]

    def is_cut(self):
        """From now on not one packet arrives, however many are sent."""
        before, refused, sent = self.witness.read(), self.refused(), self.tasks[1].mark
        wait_for(lambda: self.refused() > refused + SEEN_AFTER and self.tasks[1].mark > sent + SEEN_AFTER,
                 "the streams go on and are refused")
        assert self.witness.read() == before

    def ingress(self, *rules):
        self.node.manifest("policy", policy("yard", "p", {"app": "server"}, ingress=list(rules)))

    def deny_all(self):
        self.node.manifest("deny", policy("yard", "deny", {}, ingress=[]))

    def egress(self, *rules):
        self.node.manifest("policy", policy("shop", "p", {"app": "client"}, egress=list(rules)))


@pytest.fixture
def scene(node):
    made = Scene(node)
    yield made
    made.close()


BLUE = {"namespaceSelector": {"matchLabels": {"team": "blue"}}}
BLUE_CLIENT = {**BLUE, "podSelector": {"matchLabels": {"app": "client"}}}
WEB_AND_DNS = [{"port": "web"}, {"port": "dns", "protocol": "UDP"}]


def relabel(scene, pod=None, namespace=None, **labels):
    (scene.labels[pod] if pod else scene.namespaces[namespace]).update(labels)
    scene.write_objects()


def renumber(scene, **ports):
    scene.ports.update(ports)
    scene.write_objects()


def blocks(scene, cidrs):
    scene.ingress({"from": [{"ipBlock": {"cidr": block}} for block in cidrs]})


# name: (before, what revokes, what grants again)
CHANGES = {
    "the receiver's policy": (lambda s: s.ingress({"from": [BLUE_CLIENT]}), lambda s: s.ingress(), lambda s: s.ingress({})),
    "the sender's policy": (lambda s: s.egress({}), lambda s: s.egress(), lambda s: s.node.remove_manifest("policy")),
    "a policy that allowed": (lambda s: (s.ingress({"from": [BLUE_CLIENT]}), s.deny_all()),
                              lambda s: s.node.remove_manifest("policy"), lambda s: s.ingress({"from": [BLUE_CLIENT]})),
    "the subject's label": (lambda s: s.node.manifest("policy", policy("yard", "p", {"app": "locked"}, ingress=[])),
                            lambda s: relabel(s, "yard/server", app="locked"),
                            lambda s: relabel(s, "yard/server", app="server")),
    "a first policy": (lambda s: None, lambda s: s.ingress(), lambda s: s.node.remove_manifest("policy")),
    "the peer's label": (lambda s: s.ingress({"from": [BLUE_CLIENT]}), lambda s: relabel(s, "shop/client", app="x"),
                         lambda s: relabel(s, "shop/client", app="client")),
    "the namespace's label": (lambda s: s.ingress({"from": [BLUE]}), lambda s: relabel(s, namespace="shop", team="red"),
                              lambda s: relabel(s, namespace="shop", team="blue")),
    "a CIDR": (lambda s: blocks(s, (f"{s.client.ip4}/32", f"{s.client.ip6}/128")),
               lambda s: blocks(s, ("192.0.2.0/24", "2001:db8::/32")),
               lambda s: blocks(s, ("0.0.0.0/0", "::/0"))),
    "a named port": (lambda s: s.ingress({"ports": WEB_AND_DNS}), lambda s: renumber(s, web=1, dns=2),
                     lambda s: renumber(s, web=TCP_PORT, dns=UDP_PORT)),
    "a named port, at the sender": (lambda s: s.egress({"ports": WEB_AND_DNS}), lambda s: renumber(s, web=1, dns=2),
                                    lambda s: renumber(s, web=TCP_PORT, dns=UDP_PORT)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_revoking_cuts_and_granting_opens(scene, change):
    before, revoke, grant = CHANGES[change]
    # A rule with ports is about protocols that have some: it never lets an echo in.
    protos = ("tcp", "udp") if "port" in change else ()
    before(scene)
    scene.flows(*protos)
    revoke(scene)
    scene.is_cut()
    grant(scene)
    scene.flows(*protos)


def test_an_isolated_pod_still_answers(scene):
    """Answers are not subject to the egress policy of the pod that answers."""
    scene.flows()
    scene.node.manifest("policy", policy("yard", "p", {"app": "server"}, egress=[]))
    heard = Counters(scene.client, {"udp4": f"udp sport {UDP_PORT}", "tcp4": f"tcp sport {TCP_PORT}"})
    wait_for(lambda: all(count > SEEN_AFTER for count in heard.read().values()), "the answers arrive")
    assert not scene.server.reaches("icmp", scene.client.ip4, timeout_ms=300)


def numbered(task, address, ports):
    """A datagram to each of the ports in turn, each from a port of its own: every one opens a connection."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sent = 0
    while task.running:
        for port in ports:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                try:
                    sock.sendto(NUMBER.pack(sent), (address, port))
                except OSError as error:
                    if not is_absent(error):
                        raise
        sent += 1
        task.mark = sent
        time.sleep(0.0001)
    return sent


def gather(task, address, ports):
    """For each port the numbers that came."""
    socks = {}
    for port in ports:
        socks[port] = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        socks[port].setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), 64 << 20)
        socks[port].bind((address, port))
        socks[port].setblocking(False)
    task.mark = 1
    came = {port: [] for port in ports}
    idle = 0
    while task.running or idle < 100:
        idle += 1
        for port, sock in socks.items():
            try:
                while True:
                    came[port].append(NUMBER.unpack(sock.recv(16))[0])
                    idle = 0
            except BlockingIOError:
                pass
        time.sleep(0.001)
    return came


def both_ends(port):
    """Sender and receiver agree on one port: with one policy of each set, nothing at all would pass."""
    ports = [f"udp:{port}"]
    return [policy("shop", "out", {"app": "sender"}, egress=[rule("to", labels={"app": "taker"}, ports=ports)]),
            policy("shop", "in", {"app": "taker"}, ingress=[rule("from", labels={"app": "sender"}, ports=ports)])]


@pytest.mark.parametrize("family", [4, 6])
def test_every_packet_meets_the_old_policy_or_the_new_one(node, family):
    """Two policies change places under traffic. At any moment exactly one of two ports is open."""
    ports = (1001, 2002)
    node.manifest("policy", *both_ends(ports[0]))
    sender = node.add_pod("shop", "sender", labels={"app": "sender"})
    taker = node.add_pod("shop", "taker", labels={"app": "taker"})
    address = taker.ip4 if family == 4 else taker.ip6
    receiver = Task(taker, gather, address, ports)
    receiver.wait_mark()
    task = Task(sender, numbered, address, ports)
    try:
        for swap in range(1, SWAPS + 1):
            mark = task.mark
            node.manifest("policy", *both_ends(ports[swap % 2]), wait=False)
            wait_for(lambda: task.mark > mark + 20, "the sender goes on")
        node.settle()
        sent = task.end()
        came = receiver.end()
    finally:
        task.kill()
        receiver.kill()
    first, second = (set(came[port]) for port in ports)
    both, neither = first & second, set(range(sent)) - first - second
    assert first and second and len(first) + len(second) >= sent - SWAPS
    # Only a pair between whose two packets the policies changed can differ, once a change.
    turns = [n for n in range(1, sent) if (n in first) != (n - 1 in first) or (n in second) != (n - 1 in second)]
    assert len(both) <= SWAPS and len(neither) <= SWAPS, f"{len(both)} met both, {len(neither)} met neither, of {sent}"
    for odd in itertools.chain(both, neither):
        near = [n for n in (odd - 1, odd + 1) if 0 <= n < sent]
        assert odd in turns or odd + 1 in turns, f"pair {odd} stands alone"
        assert not all(n in both or n in neither for n in near), f"a mixture lasted from {odd} on"


def test_a_change_that_concerns_others_costs_no_packet(scene, node):
    taker = node.add_pod("shop", "taker", labels={"app": "taker"})
    receiver = Task(taker, gather, taker.ip4, (1001,))
    receiver.wait_mark()
    task = Task(scene.client, numbered, taker.ip4, (1001,))
    try:
        for number in range(20):
            mark = task.mark
            node.manifest("other", policy("elsewhere", f"p{number}", {"a": "b"}, ingress=[]),
                          policy("shop", "none", {"no": "pod"}, egress=[rule("to", cidrs=[f"10.{number}.0.0/16"])]))
            wait_for(lambda: task.mark > mark + 20, "the sender goes on")
        sent = task.end()
        came = receiver.end()[1001]
    finally:
        task.kill()
        receiver.kill()
    assert came == list(range(sent))
    scene.flows()
    assert not scene.refused()
