# SPDX-License-Identifier: Apache-2.0
"""What becomes of connections through a service when its backends change."""

import itertools
import os
import socket

import pytest

from flows import Echo, Load, check_none_lost, end_all
from services import VIPS, answers, connection, one_way, result, says, serve_by_name, service, slices
from traffic import FAMILIES, Counters, inside, listener, udp
from weir import family_of, wait_for

# The whole test is WEIR_FLOWS=100000; as many are sent in every run as are enough to meet each backend often.
FLOWS = int(os.environ.get("WEIR_FLOWS", "6000"))
OTHERS = ("10.96.0.20", "fd00:96::20")
SOURCE_PORTS = itertools.count(20000)
SWAPS = 12


def ask(sock):
    """Name of who answers on a connected datagram socket."""
    sock.send(b"?")
    return sock.recv(100).decode().strip()


def connected(netns, vip, port=80):
    sock = udp(netns, family=family_of(vip))
    sock.connect((vip, port))
    return sock


# Ends and beginnings


def test_swapped_endpoints_fail_no_request(shop):
    echoes = [Echo(pod, "tcp:9000", "udp:9000") for pod in shop.backends]
    loads = []
    ports = ("tcp:9000:web", "udp:9000:dns")
    try:
        shop.open()
        shop.endpoints(*shop.backends, ports=ports)
        loads = [Load(shop.client, {f"{vip} {kind}": (kind, vip, 80) for vip in VIPS
                                    for kind in ("udp", "udp-new", "tcp", "tcp-new")})]
        for turn in range(SWAPS):
            shop.endpoints(shop.backends[turn % 3], shop.backends[(turn + 1) % 3], ports=ports)
        check_swapped(end_all(loads))
    finally:
        for task in [*loads, *echoes]:
            task.kill()


def check_swapped(results):
    """Where a flow has gone elsewhere, the answer that its former backend still owed it comes too late: one a swap."""
    moved = {name: counts for name, counts in results.items() if name.endswith(" udp")}
    check_none_lost({name: counts for name, counts in results.items() if name not in moved})
    bad = {name: counts for name, counts in moved.items() if counts.lost > SWAPS or counts.errors or not counts.back}
    assert not bad, bad


def test_a_datagram_after_the_end_of_its_backend_goes_elsewhere(shop):
    one, two, _ = shop.backends
    for vip in VIPS:
        shop.open(one)
        with connected(shop.client, vip) as sock:
            assert ask(sock) == "one"
            shop.endpoints(two)
            assert ask(sock) == "two"


@pytest.mark.parametrize("version", [4, 6])
def test_nothing_of_many_flows_reaches_a_backend_that_is_gone(nodes, version):
    ports = -(-FLOWS // 64512)
    node = nodes()
    client = node.add_pod("shop", "client")
    gone, stays = (node.add_pod("shop", name) for name in ("gone", "stays"))
    # Each service port has a port of the backend for itself: a client has no more than 64,000 ports towards one.
    count = {"hits": f"meta l4proto udp udp dport 8000-{7999 + ports}"}
    seen = {pod.pod: Counters(pod, count) for pod in (gone, stays)}
    for pod in (gone, stays):
        pod.serve(*[f"udp:{8000 + n}" for n in range(ports)])
    vip, source = VIPS[version == 6], client.ips[version == 6]
    names = [f"udp:{1000 + n}:p{n}" for n in range(ports)]
    targets = [f"udp:{8000 + n}:p{n}" for n in range(ports)]
    rounds = range(1024, 1024 + FLOWS // ports)

    def send():
        before = {name: counter.read()["hits"] for name, counter in seen.items()}
        sent = one_way(client, source, vip, 1000, ports, rounds)
        return sent, {name: counter.read()["hits"] - before[name] for name, counter in seen.items()}
    node.manifest("service", service("shop/back", *names))
    node.manifest("slices", *slices(node, "shop/back", [gone, stays], *targets))
    sent, hits = send()
    assert sum(hits.values()) == sent and min(hits.values()) > sent / 3, hits
    node.manifest("slices", *slices(node, "shop/back", [stays], *targets))
    sent, hits = send()
    assert hits == {"gone": 0, "stays": sent}


def test_a_client_that_was_refused_recovers_with_the_same_socket(shop):
    for vip in VIPS:
        shop.open()
        with connected(shop.client, vip) as sock:
            sock.send(b"?")
            with pytest.raises(ConnectionRefusedError):
                sock.recv(100)
            shop.endpoints(shop.backends[0])
            assert ask(sock) == "one"


def test_a_backend_that_is_not_ready_any_more_finishes_its_tcp_connections(shop):
    one, two, _ = shop.backends
    echo = Echo(one, "tcp:9100")
    try:
        shop.open()
        for vip in VIPS:
            shop.endpoints(one, ports=("tcp:9100:web",))
            with connection(shop.client, vip, 80) as sock:
                assert says(sock, b"before") == b"before"
                shop.put("slices", *shop.slices(two, ports=("tcp:80:web",)))
                assert says(sock, b"after") == b"after"
                assert answers(shop.client, "tcp", vip, 80, times=8) == {"two"}
                assert says(sock, b"still") == b"still"
    finally:
        echo.kill()


def test_a_terminating_backend_keeps_what_it_has_and_gets_nothing_new(shop):
    one, two, _ = shop.backends
    ending = {"ready": False, "serving": True, "terminating": True}
    echo = Echo(one, "tcp:9101")
    try:
        for vip in VIPS:
            shop.open()
            shop.endpoints(one, ports=("tcp:9101:web", "udp:80:dns"))
            with connection(shop.client, vip, 80) as sock, connected(shop.client, vip) as datagrams:
                assert says(sock, b"before") == b"before" and ask(datagrams) == "one"
                shop.put("slices", *shop.slices(one, ports=("tcp:9101:web", "udp:80:dns"), **ending),
                         *shop.slices(two, suffix="-b"))
                assert says(sock, b"after") == b"after" and ask(datagrams) == "one"
                for proto in ("tcp", "udp"):
                    assert answers(shop.client, proto, vip, 80, times=20) == {"two"}
    finally:
        echo.kill()


def test_when_none_is_ready_those_that_end_serve_on(shop):
    one, two, _ = shop.backends
    shop.open()
    shop.put("slices", *shop.slices(one, ready=False, serving=True, terminating=True),
             *shop.slices(two, suffix="-b", ready=False))
    for proto in ("tcp", "udp"):
        for vip in VIPS:
            assert answers(shop.client, proto, vip, 80, times=12) == {"one"}


def test_a_connection_to_a_pod_that_is_gone_ends_with_a_reset(shop):
    ports = ("tcp:9102:web",)
    for vip in VIPS:
        pod = shop.node.add_pod("shop", "mayfly", labels={"app": "back"})
        pod.serve("tcp:9102")
        with listener(pod, pod.ips[vip == VIPS[1]], 9103) as waiting:
            shop.open()
            shop.endpoints(pod, ports=("tcp:9103:web",))
            with connection(shop.client, vip, 80, timeout=10) as sock:
                got, _ = waiting.accept()
                got.send(b"hello")
                assert sock.recv(100) == b"hello"
                shop.endpoints(shop.backends[0], ports=ports)
                shop.node.del_pod(pod)
                shop.node.wait_gone(pod)
                assert says(sock) == "ECONNRESET"
                got.close()
        os.unlink(f"{shop.node.manifests}/pod-shop-mayfly.yaml")


# What must not meet


@pytest.fixture
def two_services(shop):
    """Both lead to the first backend alone. For each family: the ways to it, and the direct one as the last."""
    one, ports = shop.backends[0], ("tcp:9104:web", "udp:9104:dns")
    echo = Echo(one, "tcp:9104", "udp:9104")
    shop.open()
    shop.endpoints(one, ports=ports)
    shop.put("other", service("bank/other", "tcp:80:web", "udp:80:dns", vips=OTHERS),
             *slices(shop.node, "bank/other", [one], *ports))
    yield [((vip, 80), (other, 80), (direct, 9104)) for vip, other, direct in zip(VIPS, OTHERS, one.ips)]
    echo.kill()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_one_client_port_may_lead_to_one_backend_by_several_services(shop, two_services, kind):
    for vip, other, direct in two_services:
        check_apart(shop.client, kind, (vip, other))
        check_apart(shop.client, kind, (direct, vip, other))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_direct_connection_may_have_the_client_port_of_one_through_a_service(shop, two_services, kind):
    for vip, _, direct in two_services:
        check_apart(shop.client, kind, (vip, direct))


def check_apart(client, kind, ways):
    """A socket for each way, all of one port; each hears its own words."""
    socks, port = [], next(SOURCE_PORTS)
    try:
        for way in ways:
            with inside(client):
                sock = socket.socket(FAMILIES[family_of(way[0])], kind)
            socks.append(sock)
            sock.settimeout(3)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("", port))
            sock.connect(way)
        for turn in range(3):
            for number, sock in enumerate(socks):
                sock.send(b"%d %d" % (turn, number))
            for number, sock in enumerate(socks):
                assert sock.recv(100) == b"%d %d" % (turn, number), (ways[number], kind)
    finally:
        for sock in socks:
            sock.close()


# Affinity


def test_a_client_keeps_its_backend_until_the_backend_ends(shop):
    shop.open(*shop.backends, sessionAffinity="ClientIP",
              sessionAffinityConfig={"clientIP": {"timeoutSeconds": 10800}})
    shop.forget()
    for proto in ("tcp", "udp"):
        for vip in VIPS:
            kept = answers(shop.client, proto, vip, 80)
            assert len(kept) == 1, kept
            left = [pod for pod in shop.backends if pod.pod not in kept]
            shop.endpoints(*left)
            moved = answers(shop.client, proto, vip, 80)
            assert len(moved) == 1 and moved < {pod.pod for pod in left}
            shop.endpoints(*shop.backends)
            assert answers(shop.client, proto, vip, 80) == moved


def test_affinity_may_be_switched_on_and_off(shop):
    for affinity, many in (("None", True), ("ClientIP", False), ("None", True)):
        shop.put("service", service(shop.KEY, "tcp:80:web", "udp:80:dns", sessionAffinity=affinity))
        shop.endpoints(*shop.backends)
        shop.forget()
        for proto in ("tcp", "udp"):
            for vip in VIPS:
                assert answers(shop.client, proto, vip, 80) == shop.names or not many
                assert many or len(answers(shop.client, proto, vip, 80)) == 1


def test_affinity_ends_after_its_timeout(shop):
    shop.open(*shop.backends, sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 1}})
    for vip in VIPS:
        first = answers(shop.client, "tcp", vip, 80, times=10)
        assert len(first) == 1
        # Every question renews it: they come more slowly than it ends.
        wait_for(lambda: answers(shop.client, "tcp", vip, 80, times=1) - first, "another backend answers", every_s=1.2)


# Pods that come and go


def test_a_new_pod_at_the_address_of_a_former_backend_is_none_before_it_is_named(nodes):
    node = nodes()
    client, stays, first = (node.add_pod("shop", name) for name in ("client", "stays", "first"))
    serve_by_name(stays, first)
    ips = first.ips
    node.manifest("service", service("shop/back", "tcp:80:web", "udp:80:dns"))
    node.manifest("slices", *slices(node, "shop/back", [stays, first], "tcp:80:web", "udp:80:dns"))
    for vip in VIPS:
        assert answers(client, "tcp", vip, 80) == {"stays", "first"}
    node.manifest("slices", *slices(node, "shop/back", [stays], "tcp:80:web", "udp:80:dns"))
    node.del_pod(first)
    node.wait_gone(first)
    second = node.add_pod("shop", "second", ips=ips)
    serve_by_name(second)
    for vip in VIPS:
        assert answers(client, "udp", vip, 80) == {"stays"}
    node.manifest("slices", *slices(node, "shop/back", [second], "tcp:80:web", "udp:80:dns"))
    for vip in VIPS:
        assert answers(client, "udp", vip, 80) == {"second"}
        assert result(client, "tcp", vip, 80) == "open"
