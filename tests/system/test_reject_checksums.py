# SPDX-License-Identifier: Apache-2.0
"""Refusals of packets whose checksum their sender has left to the device: it must not be written into the answer.

Between virtual devices a packet has no checksum until a device without that ability sends it, which is what the
node's ends of the links are made here: they complete whatever says that it is not complete.
"""

import errno
import socket
import struct

import pytest

from icmp import Sender
from offload import sums_itself
from test_service_outside import AWAY_IPS, AWAY_MTU, FAMILIES, NODE_PORT, another_place, objects
from traffic import make, packets, received
from weir import NODE_IPS, OUTSIDE_IPS

CLUSTER_IPS = ("10.96.0.1", "fd00:96::1")
TCP, ICMP, ICMP6 = 6, 1, 58
ETHER = {0x0800: 0, 0x86dd: 1}


def total(data):
    """The sum of 16-bit words, which is 0xffff of what has its checksum right."""
    data += bytes(len(data) % 2)
    result = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while result >> 16:
        result = (result & 0xffff) + (result >> 16)
    return result


def transport(frame):
    """(family, protocol, transport part, sum of the pseudo-header) of a frame without options; None: another one."""
    family = ETHER.get(int.from_bytes(frame[12:14], "big"))
    if family is None:
        return None
    ip, head = frame[14:], (20, 40)[family]
    proto = ip[6] if family else ip[9]
    part = ip[head:head + struct.unpack("!H", ip[4:6])[0]] if family else ip[head:struct.unpack("!H", ip[2:4])[0]]
    addresses = ip[8:40] if family else ip[12:20]
    return family, proto, part, addresses + struct.pack("!II", len(part), proto)


def check(frame):
    """All checksums of the answer are right as it stands on the link; returns its transport part."""
    family, proto, part, pseudo = transport(frame)
    if not family:
        assert total(frame[14:34]) == 0xffff, "of the IPv4 header"
    assert total(part if proto == ICMP else pseudo + part) == 0xffff, f"of protocol {proto}: {frame.hex()}"
    return part


def is_answer(frame, protos):
    found = transport(frame)
    return found and found[1] in protos and (found[1] != TCP or found[2][13] & 0x04) and \
        (found[1] != ICMP6 or found[2][0] < 128)


def refused(client, kind, address):
    """Asks by TCP or UDP; the socket must be told that nobody is there."""
    with make(kind, client, family=6 if ":" in address[0] else 4) as sock, pytest.raises(OSError) as told:
        sock.connect(address)
        sock.send(b"is anybody there")
        sock.recv(1)
    assert told.value.errno == errno.ECONNREFUSED


def check_refusals(client, link, address):
    """By TCP and by UDP, the answers as they come in by the link."""
    for kind, protos in ((socket.SOCK_STREAM, (TCP,)), (socket.SOCK_DGRAM, (ICMP, ICMP6))):
        with packets(client, link) as tap:
            refused(client, kind, address)
            frame = received(tap, lambda frame: is_answer(frame, protos))
        assert frame, "the refusal was not seen on the link"
        part = check(frame)
    assert part[4:8] == bytes(4), "what is unused of an ICMP error is zero"


@pytest.fixture(params=(False, True), ids=("as-it-is", "completed"))
def completes(request):
    """complete(netns, link): what leaves there has its checksums, if this run is about that."""
    return sums_itself if request.param else lambda netns, link: None


def host_side(pod):
    return next(link["name"] for link in pod.result["interfaces"] if not link.get("sandbox"))


@pytest.mark.parametrize("family", FAMILIES)
def test_of_a_pod(nodes, completes, family):
    node = nodes()
    pod = node.add_pod("shop", "client")
    node.manifest("web", *objects(node))
    completes(node.net, host_side(pod))
    check_refusals(pod, "eth0", (CLUSTER_IPS[family], 80))


@pytest.mark.parametrize("family", FAMILIES)
def test_of_the_outside(nodes, completes, family):
    node = nodes()
    node.manifest("web", *objects(node))
    completes(node.net, "up0")
    check_refusals(node.outside, "wire0", (NODE_IPS[family], NODE_PORT))


@pytest.mark.parametrize("family", FAMILIES)
def test_too_big_names_the_size_that_fits(nodes, completes, family):
    """The checksum of a datagram would be written over the size that the router names."""
    node = nodes()
    with another_place(node):
        node.net.ip("route", "add", AWAY_IPS[family], "via", OUTSIDE_IPS[family], "mtu", "lock", str(AWAY_MTU))
        node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS)))
        completes(node.net, "up0")
        with packets(node.outside, "wire0") as tap:
            sender = Sender(node.outside, NODE_IPS[family], NODE_PORT)
            sender.send(AWAY_MTU)  # and its headers
            _, mtu, who = sender.told()
            frame = received(tap, lambda frame: is_answer(frame, (ICMP, ICMP6)))
        assert mtu == AWAY_MTU and who == NODE_IPS[family]
        assert int.from_bytes(check(frame)[4:8], "big") == AWAY_MTU
