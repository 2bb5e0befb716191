# SPDX-License-Identifier: Apache-2.0
"""Who sends a packet that cannot go on is told so: hops that are used up, and packets that are too big."""

import errno
import socket
import threading

import pytest

import weir
from icmp import ANSWER_S, HEADERS, TIME_EXCEEDED, TOO_BIG, Sender
from traffic import listener, make, policy, rule

SMALL_MTU = 1400
STREAM_BYTES = 1 << 20


@pytest.fixture
def pods(node):
    """A client that nobody may connect to, a server on a narrow link, and one on a wide one."""
    node.manifest("policies", policy("shop", "client", {"app": "client"}, ingress=[]),
                  policy("shop", "server", {"app": "server"}, ingress=[rule("from", labels={"app": "client"})]))
    client = node.add_pod("shop", "client", labels={"app": "client"})
    narrow = node.add_pod("shop", "narrow", labels={"app": "server"}, conf=node.conf(mtu=SMALL_MTU))
    wide = node.add_pod("shop", "wide", labels={"app": "server"})
    for pod in (narrow, wide):
        pod.serve("udp:80")
    return client, narrow, wide


def gateway_of(client, address):
    """Where the pod sends what is for address: its gateway speaks for the node."""
    routes = client.ip_json(f"-{weir.family_of(address)}", "route", "get", address)
    return routes[0]["gateway"]


def ips_of_node(node):
    return {info["local"] for link in node.net.ip_json("addr") for info in link["addr_info"]}


def test_hops_that_are_used_up_are_told_on_the_way_to_pods_and_to_the_outside(node, pods):
    client, _, wide = pods
    for address in (*wide.ips, *weir.OUTSIDE_IPS):
        sender = Sender(client, address)
        sender.send(8, hops=1)
        what, _, who = sender.told()
        assert what == TIME_EXCEEDED[sender.family]
        assert who in ips_of_node(node) | {gateway_of(client, address)}


def test_one_hop_more_is_enough_to_the_next_pod(pods):
    client, _, wide = pods
    for address in wide.ips:
        sender = Sender(client, address)
        sender.send(8, hops=2)
        sender.sock.settimeout(ANSWER_S)
        assert sender.sock.recvfrom(2048)


def check_too_big(client, address, mtu):
    sender = Sender(client, address)
    sender.send(mtu - HEADERS[sender.family] + 1)
    assert sender.told()[:2] == (TOO_BIG[sender.family], mtu)
    with pytest.raises(OSError) as refused:
        sender.send(mtu - HEADERS[sender.family] + 1)
    assert refused.value.errno == errno.EMSGSIZE, "the pod has learnt it"
    sender.send(mtu - HEADERS[sender.family])


def test_a_datagram_that_is_too_big_for_a_pod_s_link_is_told(pods):
    client, narrow, _ = pods
    for address in narrow.ips:
        check_too_big(client, address, SMALL_MTU)


def test_a_datagram_that_is_too_big_for_the_way_out_is_told(node, pods):
    client, _, _ = pods
    for netns, link in ((node.net, "up0"), (node.outside, "wire0")):
        netns.ip("link", "set", link, "mtu", str(SMALL_MTU))
    for address in weir.OUTSIDE_IPS:
        check_too_big(client, address, SMALL_MTU)


def test_tcp_finds_its_size_between_links_of_different_width(pods):
    client, narrow, _ = pods
    for address in narrow.ips:
        with listener(narrow, address, 81) as waiting, make(socket.SOCK_STREAM, client,
                                                            family=weir.family_of(address)) as sock:
            sock.connect((address, 81))
            got, _ = waiting.accept()
            with got:
                sender = threading.Thread(target=sock.sendall, args=(bytes(STREAM_BYTES),))
                sender.start()
                got.settimeout(ANSWER_S)
                left = STREAM_BYTES
                while left:
                    data = got.recv(1 << 16)
                    assert data, f"the stream ends {left} bytes early"
                    left -= len(data)
                sender.join()
