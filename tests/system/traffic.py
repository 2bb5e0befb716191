# SPDX-License-Identifier: Apache-2.0
"""Traffic and witnesses for the system tests.

A socket belongs for ever to the namespace it was made in, so a test holds sockets of many pods at
once: inside(pod) is where the next ones are made. A Task is a process in a namespace that sends or
listens while the test does something else. Counters are nftables counters in a namespace: they
miss nothing however fast packets come, and need nobody who reads along.
"""

import contextlib
import ctypes
import errno
import json
import multiprocessing
import os
import socket
import time
import traceback

from weir import Failed, family_of, wait_for

CLONE_NEWNET = 0x40000000
BUFFER_BYTES = 128 << 20
FORK = multiprocessing.get_context("fork")
LIBC = ctypes.CDLL(None, use_errno=True)
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
HOME = f"/proc/self/fd/{os.open('/proc/self/ns/net', os.O_RDONLY | os.O_CLOEXEC)}"
ETH_P_ALL = 3
PACKET_OUTGOING = 4


def _enter(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if LIBC.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns: {path}")
    finally:
        os.close(fd)


def enter(netns):
    """This thread goes into netns for good."""
    _enter(netns.path)


@contextlib.contextmanager
def inside(netns):
    """Sockets that are made in this context belong to netns."""
    _enter(netns.path)
    try:
        yield
    finally:
        _enter(HOME)


def make(kind, netns, address=None, port=0, family=4, timeout=2):
    """A socket of netns, bound when there is an address or a port."""
    with inside(netns):
        sock = socket.socket(FAMILIES[family_of(address) if address else family], kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(timeout)
    if address or port:
        sock.bind((address or ("0.0.0.0" if family == 4 else "::"), port))
    return sock


def udp(netns, address=None, port=0, **more):
    return make(socket.SOCK_DGRAM, netns, address, port, **more)


def listener(netns, address, port):
    sock = make(socket.SOCK_STREAM, netns, address, port)
    sock.listen(1024)
    return sock


def packets(netns, ifname="eth0", timeout=2):
    """A packet socket: whole frames of an interface, in and out."""
    with inside(netns):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER_BYTES)
    sock.bind((ifname, 0))
    sock.settimeout(timeout)
    return sock


def received(sock, wanted, timeout=2):
    """The first frame that came in and that wanted(frame) likes; None if there is none in time."""
    until = time.monotonic() + timeout
    while True:
        sock.settimeout(max(0.001, until - time.monotonic()))
        try:
            frame, info = sock.recvfrom(65535)
        except socket.timeout:
            return None
        if info[2] != PACKET_OUTGOING and wanted(frame):
            return frame


class Task:
    """function(task, *args) in a process of its own inside netns, until end() asks for its result.

    task.mark is a number both sides see: what it means is theirs.
    """

    def __init__(self, netns, function, *args):
        self._running = FORK.RawValue("i", 1)
        self._mark = FORK.RawValue("d", 0)
        self._mine, theirs = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=self._run, args=(theirs, netns.path, function, args), daemon=True)
        self._process.start()
        theirs.close()

    def _run(self, pipe, path, function, args):
        try:
            _enter(path)
            pipe.send((function(self, *args), None))
        except BaseException:  # the test has to see it
            pipe.send((None, traceback.format_exc()))

    @property
    def running(self):
        return self._running.value

    @property
    def mark(self):
        return self._mark.value

    @mark.setter
    def mark(self, value):
        self._mark.value = value

    def wait_mark(self, what="a task begins"):
        return wait_for(lambda: self.mark or not self._process.is_alive(), what)

    def stop(self):
        """Asks function to return; end() waits for it."""
        self._running.value = 0

    def end(self, timeout=20):
        """What function returned."""
        self.stop()
        try:
            if not self._mine.poll(timeout):
                raise Failed("a task did not end")
            result, error = self._mine.recv()
        except EOFError:
            result, error = None, "it ended without a word"
        finally:
            self.kill()
        if error:
            raise Failed(f"a task failed: {error}")
        return result

    def kill(self):
        self._process.kill()
        self._process.join()


class Counters:
    """Counts packets that come into a namespace: {name: "udp dport 53"}, in nft's language.

    They are counted as they come, or at another priority of the hook.
    """

    def __init__(self, netns, rules, drop=False, priority=-400):
        self.netns = netns
        self.names = list(rules)
        lines = ["table inet watch {", *[f"counter {name} {{}}" for name in rules],
                 f"chain in {{ type filter hook prerouting priority {priority}; policy accept;"]
        lines += [f"{rule} counter name {name}{' drop' if drop else ''}" for name, rule in rules.items()]
        netns.exec("nft", "-f", "-", input="\n".join([*lines, "}", "}"]) + "\n")

    def read(self):
        listed = json.loads(self.netns.exec("nft", "-j", "list", "counters", "table", "inet", "watch"))
        found = {item["counter"]["name"]: item["counter"]["packets"]
                 for item in listed["nftables"] if "counter" in item}
        return {name: found[name] for name in self.names}


def drops(node):
    """Reason -> packets refused so far, both directions."""
    return {drop["reason"]: drop["ingress"]["packets"] + drop["egress"]["packets"]
            for drop in node.status()["drops"]}


def policy(namespace, name, selector, *, ingress=None, egress=None):
    """A NetworkPolicy; a direction that is not None is isolated and has these rules."""
    spec = {"podSelector": {"matchLabels": selector}, "policyTypes": []}
    for kind, rules in (("Ingress", ingress), ("Egress", egress)):
        if rules is not None:
            spec["policyTypes"].append(kind)
            spec[kind.lower()] = rules
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": namespace, "name": name}, "spec": spec}


def rule(side, *, labels=None, cidrs=(), namespaces=None, ports=()):
    """A rule: side is "from" or "to"; ports like "tcp:80"."""
    peers = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
    if labels is not None or namespaces is not None:
        peers.append({**({"podSelector": {"matchLabels": labels}} if labels is not None else {}),
                      **({"namespaceSelector": {"matchLabels": namespaces}} if namespaces is not None else {})})
    listed = [{"protocol": proto.upper(), "port": int(port)} for proto, port in (p.split(":") for p in ports)]
    return {**({side: peers} if peers else {}), **({"ports": listed} if listed else {})}


def pod_objects(node, pods):
    """Pod objects of this node, {"namespace/name": labels}."""
    return [{"apiVersion": "v1", "kind": "Pod",
             "metadata": dict(zip(("namespace", "name"), key.split("/")), labels=labels),
             "spec": {"nodeName": node.name, "containers": [{"name": "main", "image": "x"}]}}
            for key, labels in pods.items()]


def try_connect(address, port, timeout):
    """Seconds that a TCP connection took, None when there is none."""
    started = time.monotonic()
    with socket.socket(FAMILIES[family_of(address)], socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        if sock.connect_ex((address, port)):
            return None
    return time.monotonic() - started


def is_absent(error):
    """The error of a send while the interface, its address or its route is not there yet."""
    return error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.ENODEV)
