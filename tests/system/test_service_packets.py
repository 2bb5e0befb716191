# SPDX-License-Identifier: Apache-2.0
"""Packets with something special about them on their way through a service: fragments, ICMP errors, hops, echoes."""

import errno
import socket
import threading

import pytest

import weir
from icmp import HEADERS, TIME_EXCEEDED, TOO_BIG, Sender
from services import VIPS, connection, service, slices
from traffic import listener, udp
from weir import family_of

SMALL_MTU = 1400
LARGE = 9000
STREAM_BYTES = 1 << 20


def through(shop, pod, *ports):
    shop.put("service", service(shop.KEY, "tcp:80:web", "udp:80:dns"))
    shop.put("slices", *slices(shop.node, shop.KEY, [pod], *ports))


def test_datagrams_in_fragments_pass_both_ways(shop):
    one = shop.backends[0]
    through(shop, one, "udp:7200:dns")
    for vip, here in zip(VIPS, one.ips):
        with udp(one, here, 7200) as server, udp(shop.client, family=family_of(vip)) as client:
            client.connect((vip, 80))
            for turn in range(5):
                question = bytes([turn]) * LARGE
                client.send(question)
                got, peer = server.recvfrom(65536)
                assert got == question
                server.sendto(got[::-1] + b"!", peer)
                assert client.recv(65536) == got[::-1] + b"!"


@pytest.fixture
def narrow(shop):
    pod = shop.node.add_pod("shop", "narrow", labels={"app": "back"}, conf=shop.node.conf(mtu=SMALL_MTU))
    pod.serve("udp:80")
    yield pod
    shop.node.del_pod(pod)


def test_a_datagram_too_big_for_the_backend_s_link_is_told(shop, narrow):
    through(shop, narrow, "udp:80:dns")
    for vip in VIPS:
        sender = Sender(shop.client, vip)
        sender.send(SMALL_MTU - HEADERS[sender.family] + 1)
        assert sender.told()[:2] == (TOO_BIG[sender.family], SMALL_MTU)
        with pytest.raises(OSError) as refused:
            sender.send(SMALL_MTU - HEADERS[sender.family] + 1)
        assert refused.value.errno == errno.EMSGSIZE, "the pod has learnt it of the service's address"
        sender.send(SMALL_MTU - HEADERS[sender.family])


def test_an_answer_too_big_for_the_client_s_link_is_told_to_the_backend(shop, narrow):
    """The error quotes the answer as the backend sent it."""
    one = shop.backends[0]
    through(shop, one, "udp:7201:dns")
    for vip, here, source in zip(VIPS, one.ips, narrow.ips):
        answerer = Sender(one, source)
        answerer.sock.bind((here, 7201))
        with udp(narrow, family=family_of(vip)) as client:
            client.connect((vip, 80))
            client.send(b"?")
            answerer.sock.settimeout(3)
            _, answerer.target = answerer.sock.recvfrom(100)
            answerer.send(SMALL_MTU - HEADERS[answerer.family] + 1)
            assert answerer.told()[:2] == (TOO_BIG[answerer.family], SMALL_MTU)
            answerer.send(SMALL_MTU - HEADERS[answerer.family])
            assert len(client.recv(65536)) == SMALL_MTU - HEADERS[answerer.family]


def test_tcp_finds_its_size_through_a_service(shop, narrow):
    through(shop, narrow, "tcp:81:web")
    for vip, here in zip(VIPS, narrow.ips):
        with listener(narrow, here, 81) as waiting, connection(shop.client, vip, 80, timeout=weir.DEADLINE_S) as sock:
            got, _ = waiting.accept()
            with got:
                sender = threading.Thread(target=sock.sendall, args=(bytes(STREAM_BYTES),))
                sender.start()
                got.settimeout(weir.DEADLINE_S)
                left = STREAM_BYTES
                while left:
                    data = got.recv(1 << 16)
                    assert data, f"the stream ends {left} bytes early"
                    left -= len(data)
                sender.join()


def test_used_up_hops_are_told_of_the_packet_that_was_sent(shop):
    through(shop, shop.backends[0], "udp:80:dns")
    for vip in VIPS:
        sender = Sender(shop.client, vip)
        sender.send(8, hops=1)
        assert sender.told()[0] == TIME_EXCEEDED[sender.family]


def test_a_port_that_the_backend_has_closed_is_told(shop):
    """Port unreachable comes from the backend, about the service's address."""
    through(shop, shop.backends[0], "udp:7299:dns")
    for vip in VIPS:
        with udp(shop.client, family=family_of(vip)) as sock:
            sock.connect((vip, 80))
            sock.send(b"?")
            with pytest.raises(ConnectionRefusedError):
                sock.recv(100)


def test_half_closed_connections_pass_what_is_left(shop):
    one = shop.backends[0]
    through(shop, one, "tcp:7202:web")
    for vip, here in zip(VIPS, one.ips):
        with listener(one, here, 7202) as waiting, connection(shop.client, vip, 80) as sock:
            got, _ = waiting.accept()
            with got:
                got.settimeout(3)
                sock.send(b"question")
                sock.shutdown(socket.SHUT_WR)
                assert got.recv(100) == b"question" and got.recv(100) == b""
                got.send(b"answer")
                assert sock.recv(100) == b"answer"
