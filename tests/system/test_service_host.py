# SPDX-License-Identifier: Apache-2.0
"""Sockets of the node itself reach services: the programs at the cgroup's connect, sendmsg and recvmsg."""

import errno
import socket

import pytest

import weir
from services import VIPS, answers, connection, endpoint, endpoint_slice, result, service
from traffic import udp
from weir import family_of, wait_for

WAYS = [(proto, vip, 80) for proto in ("tcp", "udp") for vip in VIPS]


def test_every_backend_is_reached(shop):
    shop.open(*shop.backends)
    for way in WAYS:
        assert answers(shop.node.net, *way) == shop.names, way


def test_without_endpoints_a_connection_is_refused_at_once(shop):
    shop.open()
    for way in WAYS:
        assert result(shop.node.net, *way, timeout_ms=900) == "refused", way


def test_a_port_that_the_service_does_not_have_is_refused(shop):
    shop.open(*shop.backends)
    for vip in VIPS:
        assert result(shop.node.net, "tcp", vip, 81, timeout_ms=900) == "refused"


def test_a_socket_believes_that_it_talks_to_the_service(shop):
    shop.open(shop.backends[0])
    for vip in VIPS:
        with connection(shop.node.net, vip, 80) as sock:
            assert sock.getpeername()[:2] == (vip, 80)
        with udp(shop.node.net, family=family_of(vip)) as sock:
            sock.sendto(b"?", (vip, 80))
            answer, peer = sock.recvfrom(100)
            assert (answer, peer[:2]) == (b"one\n", (vip, 80))
            sock.connect((vip, 80))
            assert sock.getpeername()[:2] == (vip, 80)


def test_a_datagram_after_the_end_of_its_backend_goes_elsewhere(shop):
    one, two, _ = shop.backends
    for vip in VIPS:
        with udp(shop.node.net, family=family_of(vip)) as sock:
            for pods, name in (((one,), b"one\n"), ((two,), b"two\n")):
                shop.open(*pods)
                sock.sendto(b"?", (vip, 80))
                assert sock.recvfrom(100)[0] == name


def is_ended(sock):
    """A send says that nobody is connected; a receive, why."""
    try:
        sock.send(b"?")
        sock.recv(100)
    except OSError as error:
        if error.errno not in (errno.EDESTADDRREQ, errno.ECONNABORTED):
            raise
        return True
    return False


def test_a_connected_datagram_socket_is_ended_with_its_backend(shop):
    """Nothing is asked when it sends: it cannot be led elsewhere, but its program hears that it must connect again."""
    one, two, _ = shop.backends
    for vip in VIPS:
        shop.open(one)
        with udp(shop.node.net, family=family_of(vip)) as sock:
            sock.connect((vip, 80))
            sock.send(b"?")
            assert sock.recv(100) == b"one\n"
            shop.endpoints(two)
            wait_for(lambda: is_ended(sock), "the socket is ended")
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # what a send has left
            sock.connect((vip, 80))
            sock.send(b"?")
            assert sock.recv(100) == b"two\n"


def test_a_backend_that_is_the_node_itself_is_reached(shop):
    shop.node.net.serve("tcp:8444", name="node")
    shop.put("service", service(shop.KEY, "tcp:443:https"))
    shop.put("slices", *[endpoint_slice(shop.KEY, f"v{family_of(ip)}", [endpoint(ip, shop.node.name)], "tcp:8444:https")
                         for ip in weir.NODE_IPS])
    for vip in VIPS:
        assert answers(shop.node.net, "tcp", vip, 443, times=4) == {"node"}


def test_policy_local_keeps_to_this_node_for_the_node_too(shop):
    shop.put("service", service(shop.KEY, "tcp:80:web", internalTrafficPolicy="Local"))
    far = [endpoint_slice(shop.KEY, f"far-{family_of(ip)}", [endpoint(ip, "another-node")], "tcp:80:web")
           for ip in weir.OUTSIDE_IPS]
    shop.put("slices", *far)
    for vip in VIPS:
        assert result(shop.node.net, "tcp", vip, 80, 600) != "open"
    shop.put("slices", *far, *shop.slices(shop.backends[0]))
    for vip in VIPS:
        assert answers(shop.node.net, "tcp", vip, 80, times=12) == {"one"}


def test_a_client_keeps_its_backend(shop):
    shop.open(*shop.backends, sessionAffinity="ClientIP")
    for way in WAYS:
        assert len(answers(shop.node.net, *way)) == 1, way


def test_the_agent_may_die(shop):
    shop.open(*shop.backends)
    shop.node.kill9()
    for way in WAYS:
        assert answers(shop.node.net, *way) == shop.names, way
    shop.node.start()
    for way in WAYS:
        assert answers(shop.node.net, *way) == shop.names, way


def test_sockets_of_other_networks_are_left_alone(shop):
    """A program at the cgroup sees sockets of every network namespace of the machine."""
    shop.open(*shop.backends)
    for vip in VIPS:
        with udp(shop.node.outside, family=family_of(vip)) as sock:
            with pytest.raises(OSError):
                sock.settimeout(0.5)
                sock.sendto(b"?", (vip, 80))
                sock.recvfrom(100)


def test_a_listener_of_the_node_is_not_disturbed_on_a_service_s_port(shop):
    shop.open(shop.backends[0])
    shop.node.net.serve("tcp:80", name="node")
    for ip in weir.NODE_IPS:
        assert answers(shop.node.net, "tcp", ip, 80, times=4) == {"node"}
