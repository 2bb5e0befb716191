# SPDX-License-Identifier: Apache-2.0
"""Services from the node itself: its sockets are connected to a backend, whatever the agent does meanwhile."""

import errno
import signal
import socket

import pytest

import weir
from kernel import SOCKET_PROGRAMS
from traffic import inside

VIPS = ("10.96.0.1", "fd00:96::1")
PORTS = [("http", 80, 8080, "TCP"), ("dns", 53, 5353, "UDP")]


def service(name="web", addresses=VIPS, **spec):
    ports = [{"name": name, "port": port, "protocol": proto} for name, port, _, proto in PORTS]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"clusterIP": addresses[0], "clusterIPs": list(addresses), "ports": ports, **spec}}


def slices(*pods, name="web"):
    """An EndpointSlice of each family."""
    def endpoints(family):
        return [{"addresses": [ip], "conditions": {"ready": True}} for pod in pods for ip in pod.ips
                if weir.family_of(ip) == family]
    ports = [{"name": port, "port": target, "protocol": proto} for port, _, target, proto in PORTS]
    return [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
             "metadata": {"name": f"{name}-{family}", "namespace": "shop",
                          "labels": {"kubernetes.io/service-name": name}},
             "addressType": f"IPv{family}", "ports": ports, "endpoints": endpoints(family)} for family in (4, 6)]


def server(node, name):
    pod = node.add_pod("shop", name, labels={"app": "server"})
    pod.serve("tcp:8080", "udp:5353", name=name)
    return pod


def targets(vips=VIPS):
    return [(proto, vip, port) for vip in vips for proto, port in (("tcp", 80), ("udp", 53))]


def answers(node, vips=VIPS):
    """Who answers the node at each port of the service."""
    return [answer if result == "open" else result for result, answer in node.net.probe_answers(*targets(vips))]


def connected(node, kind, vip, port):
    with inside(node.net):
        sock = socket.socket(socket.AF_INET if weir.family_of(vip) == 4 else socket.AF_INET6, kind)
        sock.settimeout(weir.DEADLINE_S)
        sock.connect((vip, port))
    return sock


@pytest.fixture(name="node")
def one_node():
    with weir.Node() as node:
        yield node


def test_the_node_uses_services(node):
    one = server(node, "one")
    node.manifest("web", service(), *slices(one))
    assert answers(node) == ["one"] * 4
    for vip in VIPS:
        with connected(node, socket.SOCK_STREAM, vip, 80) as sock:
            assert sock.getpeername()[:2] == (vip, 80)
    two = server(node, "two")
    node.manifest("web", service(), *slices(two))
    assert answers(node) == ["two"] * 4


def test_nobody_there_is_told_at_once(node):
    node.manifest("web", service())
    assert answers(node) == ["refused"] * 4
    assert node.net.probe(("tcp", VIPS[0], 81), ("tcp", VIPS[1], 81)) == ["refused"] * 2


def test_policy_does_not_keep_the_node_out(node):
    node.manifest("alone", {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                            "metadata": {"name": "alone", "namespace": "shop"},
                            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}})
    node.manifest("web", service(), *slices(server(node, "one")))
    assert answers(node) == ["one"] * 4


@pytest.mark.parametrize("vip", VIPS)
def test_a_connected_udp_socket_is_told_that_its_backend_is_gone(node, vip):
    node.manifest("web", service(), *slices(server(node, "one")))
    with connected(node, socket.SOCK_DGRAM, vip, 53) as sock:
        sock.send(b"?")
        assert sock.recvfrom(100)[1][:2] == (vip, 53)
        node.manifest("web", service(), *slices(server(node, "two")))
        with pytest.raises(OSError) as told:
            sock.recv(100)
        assert told.value.errno == errno.ECONNABORTED
        sock.connect((vip, 53))
        sock.send(b"?")
        assert b"two" in sock.recv(100)


def test_without_an_agent_it_goes_on(node):
    node.manifest("web", service(), *slices(server(node, "one")))
    assert node.socket_pins() == {f"cgroup-{name}" for name in SOCKET_PROGRAMS}
    with connected(node, socket.SOCK_STREAM, VIPS[0], 80) as sock:
        node.stop(signal.SIGKILL)
        assert answers(node) == ["one"] * 4
        node.start()
        assert answers(node) == ["one"] * 4
        assert sock.getpeername() == (VIPS[0], 80)
    node.stop()
    node.cleanup()
    assert node.socket_pins() == set()
    assert "open" not in node.net.probe(*targets(), timeout_ms=300)


def test_nodes_of_one_machine_have_services_of_their_own(node):
    with weir.Node() as other:
        node.manifest("web", service(), *slices(server(node, "here")))
        other.manifest("web", service(), *slices(server(other, "there")))
        assert (answers(node), answers(other)) == (["here"] * 4, ["there"] * 4)
        other.stop()
        other.cleanup()
        assert answers(node) == ["here"] * 4


def test_it_can_be_switched_off():
    with weir.Node(options=["--socket-services", "off"]) as node:
        node.manifest("web", service(), *slices(server(node, "one")))
        assert node.socket_pins() == set()
        assert "open" not in node.net.probe(*targets(), timeout_ms=300)
        node.options = []
        node.restart()
        assert answers(node) == ["one"] * 4
        node.options = ["--socket-services=off"]
        node.restart()
        assert node.socket_pins() == set()
        assert node.status()["sockets"] == {"services": "off", "error": ""}


def test_without_cgroups_the_rest_works():
    with weir.Node(options=["--cgroup", "/proc"]) as node:
        assert node.status()["sockets"] == {"services": "host", "error": "/proc is no directory of cgroup v2"}
        assert "/proc is no directory of cgroup v2" in node.weir("status")
        assert "<4>services cannot be used from this node itself: /proc is no" in node.log_text()
        one, two = server(node, "one"), node.add_pod("shop", "two")
        node.manifest("web", service(), *slices(one))
        assert two.probe(*targets()) == ["open"] * 4
