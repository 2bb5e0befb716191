# SPDX-License-Identifier: Apache-2.0
"""Traffic whose every packet is accounted for, while the test does something else.

An Echo sends back what it gets. A Load has flows towards Echoes and sends a numbered message on
each of them every few milliseconds; at the end it knows for each flow how many messages went out and
how many came back. A message that is lost, doubled or altered on either way is seen. Loads and
Echoes are processes in the namespaces they belong to.
"""

import collections
import errno
import selectors
import socket
import struct
import time

from traffic import BUFFER_BYTES, FAMILIES, Task
from weir import Failed, family_of

TICK_S = 0.004
DATAGRAMS_AT_ONCE = 64
LAST_ANSWERS_S = 10  # how long the last messages are waited for
DENIED_ANSWERS_S = 0.3  # the same for those that nobody should answer
DENIED_OPEN_S = 0.5  # less than the first repetition of a SYN
NUMBER = struct.Struct("!Q")
TOTAL_RETRANS = struct.Struct("=100xI")  # of struct tcp_info


class Counts(collections.namedtuple("Counts", "sent back errors numbers")):
    """What became of a flow's messages.

    errors are names of errnos of the sender itself; numbers are those that came back, where one socket
    sends them all by datagrams.
    """

    def __repr__(self):
        return f"{self.back} of {self.sent}" + (f", errors {self.errors}" if self.errors else "")

    @property
    def lost(self):
        return self.sent - self.back


# The side that answers


def _echo(task, ports):
    selector = selectors.DefaultSelector()
    for proto, port in ports:
        kind = socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM
        sock = socket.socket(socket.AF_INET6, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.bind(("::", port))
        sock.setblocking(False)
        if proto == "tcp":
            sock.listen(1024)
        selector.register(sock, selectors.EVENT_READ, proto)
    task.mark = 1
    while task.running:
        for key, _ in selector.select(0.1):
            _echo_once(selector, key.fileobj, key.data)


def _echo_once(selector, sock, what):
    try:
        if what == "tcp":
            client, _ = sock.accept()
            selector.register(client, selectors.EVENT_READ, "client")
        elif what == "udp":
            # As many as many connections get in the same time; else datagrams would wait ever longer.
            for _ in range(DATAGRAMS_AT_ONCE):
                # The packet information goes back as it came: the answer is from the asked address.
                data, info, _, peer = sock.recvmsg(2048, 256)
                sock.sendmsg([data], info, 0, peer)
        else:
            data = sock.recv(65536)
            if data:
                sock.setblocking(True)
                sock.sendall(data)
                sock.setblocking(False)
            else:
                selector.unregister(sock)
                sock.close()
    except BlockingIOError:
        pass
    except ConnectionError:
        selector.unregister(sock)
        sock.close()


class Echo(Task):
    """Answers in netns on ports like "udp:80" of all its addresses."""

    def __init__(self, netns, *ports):
        super().__init__(netns, _echo, [(proto, int(port)) for proto, port in (p.split(":") for p in ports)])
        self.wait_mark("an echo listens")


# The side that asks


class _Flow:
    """Base of the kinds below: counts, and sockets that the loop watches."""

    def __init__(self, selector, address, port):
        self.selector, self.target, self.family = selector, (address, port), FAMILIES[family_of(address)]
        self.sent = self.back = 0
        self.numbers = set()
        self.errors = collections.Counter()

    def open(self, kind):
        sock = socket.socket(self.family, kind)
        sock.setblocking(False)
        return sock

    def watch(self, sock, events=selectors.EVENT_READ):
        self.selector.register(sock, events, self)

    def drop(self, sock):
        self.selector.unregister(sock)
        sock.close()

    def failed(self, error):
        self.errors[errno.errorcode.get(error.errno, str(error.errno))] += 1

    def counts(self):
        return Counts(self.sent, self.back, dict(self.errors), self.numbers)


class _Udp(_Flow):
    """One socket for all datagrams."""

    def __init__(self, *args):
        super().__init__(*args)
        self.sock = self.open(socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER_BYTES)
        self.sock.connect(self.target)
        self.watch(self.sock)

    def tick(self):
        try:
            self.sock.send(NUMBER.pack(self.sent))
            self.sent += 1
        except OSError as error:
            self.failed(error)

    def ready(self, sock, _):
        try:
            number = NUMBER.unpack(sock.recv(64))[0]
        except OSError as error:
            self.failed(error)
            return
        if number in self.numbers or number >= self.sent:
            self.errors["DOUBLED"] += 1
        self.numbers.add(number)
        self.back = len(self.numbers)


class _UdpNew(_Flow):
    """A socket of its own for each datagram: every one opens a connection."""

    def tick(self):
        sock = self.open(socket.SOCK_DGRAM)
        try:
            sock.connect(self.target)
            sock.send(NUMBER.pack(self.sent))
            self.sent += 1
            self.watch(sock)
        except OSError as error:
            self.failed(error)
            sock.close()

    def ready(self, sock, _):
        try:
            sock.recv(64)
            self.back += 1
        except OSError as error:
            self.failed(error)
        self.drop(sock)


class _Stream(_Flow):
    """One TCP connection for all messages."""

    def __init__(self, *args):
        super().__init__(*args)
        self.rest = b""
        self.sock = socket.socket(self.family, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(self.target)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.watch(self.sock)

    def tick(self):
        try:
            if self.sock.send(NUMBER.pack(self.sent)) != NUMBER.size:
                self.errors["PARTIAL"] += 1
            self.sent += 1
        except OSError as error:
            self.failed(error)

    def ready(self, sock, _):
        try:
            data = self.rest + sock.recv(65536)
        except OSError as error:
            self.failed(error)
            return
        whole = len(data) // NUMBER.size * NUMBER.size
        for number, in NUMBER.iter_unpack(data[:whole]):
            if number != self.back:
                self.errors["ORDER"] += 1
            self.back += 1
        self.rest = data[whole:]


class _TcpNew(_Flow):
    """A TCP connection for each message, which the client ends after the answer."""

    def tick(self):
        sock = self.open(socket.SOCK_STREAM)
        error = sock.connect_ex(self.target)
        if error not in (0, errno.EINPROGRESS):
            self.failed(OSError(error, "connect"))
            sock.close()
            return
        self.sent += 1
        self.watch(sock, selectors.EVENT_WRITE)

    def ready(self, sock, events):
        try:
            if events & selectors.EVENT_WRITE:
                sock.send(NUMBER.pack(self.sent))
                self.selector.modify(sock, selectors.EVENT_READ, self)
                return
            if len(sock.recv(64)) == NUMBER.size:
                self.back += 1
        except OSError as error:
            self.failed(error)
        self.drop(sock)


class _TcpOnce(_TcpNew):
    """As _TcpNew, but nobody waits longer than until the SYN would be repeated: each is one packet.

    Where the machine is slow it is repeated all the same, and counts as often as it was sent.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.waiting = collections.deque()

    def tick(self):
        while self.waiting and time.monotonic() > self.waiting[0][0]:
            _, sock = self.waiting.popleft()
            if sock.fileno() >= 0:
                self.drop(sock)
        super().tick()

    def watch(self, sock, events=selectors.EVENT_READ):
        super().watch(sock, events)
        self.waiting.append((time.monotonic() + DENIED_OPEN_S, sock))

    def drop(self, sock):
        self.sent += TOTAL_RETRANS.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TOTAL_RETRANS.size))[0]
        super().drop(sock)

    def counts(self):
        for _, sock in self.waiting:
            if sock.fileno() >= 0:
                self.drop(sock)
        return super().counts()


KINDS = {"udp": _Udp, "udp-new": _UdpNew, "tcp": _Stream, "tcp-new": _TcpNew, "tcp-once": _TcpOnce}


def _load(task, wanted, every, patience):
    selector = selectors.DefaultSelector()
    flows = {name: KINDS[kind](selector, address, port) for name, (kind, address, port) in wanted.items()}
    due, rounds = time.monotonic(), 0
    while task.running:
        for flow in flows.values():
            flow.tick()
        rounds += 1
        task.mark = rounds
        due = max(due + every, time.monotonic())
        _answers(selector, due, lambda: False)
    _answers(selector, time.monotonic() + patience,
             lambda: all(flow.back == flow.sent for flow in flows.values()))
    return {name: flow.counts() for name, flow in flows.items()}


def _answers(selector, until, done):
    while not done():
        wait = until - time.monotonic()
        for key, events in selector.select(min(max(0, wait), 0.05)):
            key.data.ready(key.fileobj, events)
        if wait <= 0:
            return


class Load(Task):
    """Flows out of netns: {name: (kind, address, port)}, kinds are those of KINDS."""

    def __init__(self, netns, flows, every=TICK_S, denied=False):
        super().__init__(netns, _load, flows, every, DENIED_ANSWERS_S if denied else LAST_ANSWERS_S)
        self.wait_mark("a load sends")

    def end(self, timeout=LAST_ANSWERS_S + 20):
        """{name: Counts}."""
        return super().end(timeout)


def end_all(loads):
    """{name: Counts} of all flows; sending ends everywhere before the first is waited for."""
    for load in loads:
        load.stop()
    results = {}
    for load in loads:
        for name, counts in load.end().items():
            if name in results:
                raise Failed(f"two flows are named {name}")
            results[name] = counts
    return results


def check_none_lost(results):
    """Every message came back, and no socket had anything to complain about."""
    bad = {name: counts for name, counts in results.items() if counts.lost or counts.errors}
    assert not bad, f"lost or failed: {bad}"
    idle = [name for name, counts in results.items() if not counts.sent]
    assert not idle, f"sent nothing: {idle}"


def check_none_passed(results):
    """Not one message was answered."""
    bad = {name: counts for name, counts in results.items() if counts.back or counts.errors or not counts.sent}
    assert not bad, f"passed or failed: {bad}"
