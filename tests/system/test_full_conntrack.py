# SPDX-License-Identifier: Apache-2.0
"""Tables of connections that are too small for what happens: who speaks already goes on, and who comes is served."""

import socket
import struct

import pytest

from traffic import FAMILIES, Counters, drops, inside, listener, make
from weir import wait_for

ANSWERED, NEW = 64, 512  # entries of ct4 and ct6, of ct4_new and ct6_new
FEW, MANY = 20, 100  # connections: well within the table, and more than it has room for
SYNS = 8 * NEW
PORT, FLOODED = 7000, 7001
SIZES = {"ct4": ANSWERED, "ct6": ANSWERED, "ct4_new": NEW, "ct6_new": NEW}


@pytest.fixture
def node(nodes):
    return nodes(uplink=False, options=[f"--table-size={name}={size}" for name, size in SIZES.items()])


class Connections:
    """TCP connections of two pods that are open for ever; all of them carry bytes when told."""

    def __init__(self, client, server, address):
        self.client, self.address = client, address
        self.listening = listener(server, address, PORT)
        self.pairs = []

    def open(self, count):
        for _ in range(count):
            sock = make(socket.SOCK_STREAM, self.client, family=4 if "." in self.address else 6)
            sock.connect((self.address, PORT))
            self.pairs.append((sock, self.listening.accept()[0]))
            self.pairs[-1][1].settimeout(2)
        self.exchange()

    def exchange(self):
        for number, (one, other) in enumerate(self.pairs):
            for here, there in ((one, other), (other, one)):
                here.sendall(struct.pack("!I", number))
                assert there.recv(4) == struct.pack("!I", number)

    def close(self):
        for pair in self.pairs:
            for sock in pair:
                sock.close()
        self.listening.close()


@pytest.fixture
def opened():
    made = []

    def make_connections(*args):
        made.append(Connections(*args))
        return made[-1]
    yield make_connections
    for connections in made:
        connections.close()


def flood(pod, address):
    """SYNs from as many ports, to who does not answer."""
    family = FAMILIES[4 if "." in address else 6]
    with inside(pod), socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as sock:
        for number in range(SYNS):
            header = struct.pack("!HHIIBBHHH", 1024 + number, FLOODED, number, 0, 5 << 4, 2, 1024, 0, 0)
            sock.sendto(header, (address, 0))


def tables(node):
    return {table["name"]: (table["entries"], table["max"]) for table in node.status()["maps"] if table["name"] in SIZES}


def by_family(pods, family):
    return [getattr(pod, f"ip{family}") for pod in pods]


@pytest.mark.parametrize("family", (4, 6))
def test_a_syn_flood_costs_no_connection(node, opened, family):
    client, server, flooder = (node.add_pod("shop", name) for name in ("client", "server", "flooder"))
    address, = by_family([server], family)
    silent = Counters(server, {"syns": f"tcp dport {FLOODED}"}, drop=True)
    connections = opened(client, server, address)
    connections.open(FEW)
    for _ in range(2):
        flood(flooder, address)
        connections.exchange()
        connections.open(1)
    assert silent.read()["syns"] == 2 * SYNS, "none of them was refused: the oldest make room"
    assert not drops(node)["CT_FULL"]
    node.del_pod(flooder)  # a pod that goes makes the agent look through the tables
    wait_for(lambda: tables(node)[f"ct{family}"][0] >= FEW, "the table shows its connections")
    assert tables(node)[f"ct{family}_new"][1] == NEW


@pytest.mark.parametrize("family", (4, 6))
def test_connections_that_do_not_fit_work_all_the_same(node, opened, family):
    """They stay in the table of unanswered ones. Who was there first is not touched."""
    client, server, third = (node.add_pod("shop", name) for name in ("client", "server", "third"))
    connections = opened(client, server, *by_family([server], family))
    connections.open(FEW)
    connections.open(MANY)
    node.del_pod(third)
    full = f"ct{family} is 100 % full: {ANSWERED} of {ANSWERED}"
    wait_for(lambda: full in node.weir("status"), "the table is shown as full")
    connections.exchange()
    connections.open(1)
    assert not drops(node)["CT_FULL"]
    # There is room again when connections end.
    for pair in connections.pairs[:FEW]:
        for sock in pair:
            sock.close()
    del connections.pairs[:FEW]
    connections.exchange()
    node.weir("conntrack", "flush")
    connections.exchange()
