# SPDX-License-Identifier: Apache-2.0
"""Loads that tell at once when something is wrong with one of their flows, however long they go on."""

import selectors
import socket
import struct
import time

import flows
from flows import NUMBER
from traffic import Task

TICK_S = 0.2
# So long may an answer be under way on a machine that does much else. Longer than repetitions of TCP take.
LATE_S = 60


class _Ping(flows._Udp):
    """Echo requests by a socket of the kernel's, which numbers and answers them."""

    def __init__(self, selector, address, port):
        flows._Flow.__init__(self, selector, address, port)
        six = self.family == socket.AF_INET6
        self.sock = socket.socket(self.family, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
        self.request = struct.pack("!BBHHH", 128 if six else 8, 0, 0, 0, 0)
        self.sock.setblocking(False)
        self.sock.connect((address, 0))
        self.watch(self.sock)

    def tick(self):
        try:
            self.sock.send(self.request + NUMBER.pack(self.sent))
            self.sent += 1
        except OSError as error:
            self.failed(error)

    def ready(self, sock, _):
        try:
            number = NUMBER.unpack(sock.recv(64)[8:16])[0]
        except OSError as error:
            self.failed(error)
            return
        self.errors["DOUBLED"] += number in self.numbers
        self.numbers.add(number)
        self.back = len(self.numbers)


KINDS = {**flows.KINDS, "ping": _Ping}


class _Watch:
    """How much of a flow must be back, and what is wrong with it."""

    def __init__(self, flow, denied):
        self.flow, self.denied = flow, denied
        self.due, self.due_at = 0, time.monotonic() + LATE_S

    def faults(self):
        errors = sum(self.flow.errors.values())
        if self.denied:
            return self.flow.back + errors
        missing = 0
        if time.monotonic() > self.due_at:
            missing = self.flow.back < self.due
            self.due, self.due_at = self.flow.sent, time.monotonic() + LATE_S
        return errors + missing


def _load(task, wanted, denied):
    selector = selectors.DefaultSelector()
    made = {name: KINDS[kind](selector, address, port) for name, (kind, address, port) in wanted.items()}
    watches = [_Watch(flow, denied) for flow in made.values()]
    due, faults = time.monotonic(), 0
    while task.running:
        for flow in made.values():
            flow.tick()
        faults = max(faults, sum(watch.faults() for watch in watches))
        task.mark = 1 + faults
        due = max(due + TICK_S, time.monotonic())
        flows._answers(selector, due, lambda: False)
    patience = flows.DENIED_ANSWERS_S if denied else LATE_S
    flows._answers(selector, time.monotonic() + patience,
                   lambda: all(flow.back == flow.sent for flow in made.values()))
    return {name: flow.counts() for name, flow in made.items()}


class SoakLoad(Task):
    """Flows out of netns, as flows.Load has them; denied: nothing may come back."""

    def __init__(self, netns, wanted, denied=False):
        super().__init__(netns, _load, wanted, denied)
        self.denied = denied
        self.wait_mark("a load sends")

    @property
    def faults(self):
        return int(self.mark) - 1

    def end(self, timeout=LATE_S + 30):
        return super().end(timeout)
