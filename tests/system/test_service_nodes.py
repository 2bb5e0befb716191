# SPDX-License-Identifier: Apache-2.0
"""Services for the outside on two nodes, each with its agent; and which addresses and ports are a node's own."""

import contextlib
import http.client
import json
import select
import socket

import pytest

import weir
from test_service_outside import FAMILIES, NODE_PORT, objects
from traffic import inside, listener, make, udp
from weir import NODE_IPS, OUTSIDE_IPS, family_of, run

SECOND_CIDRS = ("10.78.0.0/16", "fd00:78::/112")
SECOND_IPS = ("198.51.100.2", "2001:db8:5::2")
SECOND_GATEWAYS = ("198.51.100.1", "2001:db8:5::1")
BETWEEN = (("203.0.113.1", "203.0.113.2"), ("2001:db8:9::1", "2001:db8:9::2"))
EXTERNAL_IPS = ("203.0.113.80", "2001:db8:80::1")
OWN_IPS = ("203.0.113.99", "2001:db8:99::9")  # of a node's loopback, as routing daemons announce them
HEALTH_PORT = 10256
BITS = {4: 24, 6: 64}


def replace_address(netns, link, old, new):
    bits = BITS[family_of(new)]
    netns.ip("addr", "del", f"{old}/{bits}", "dev", link)
    netns.ip("addr", "add", f"{new}/{bits}", "dev", link, *(("nodad",) if family_of(new) == 6 else ()))


def join(first, second):
    """The outsides of two nodes are routers that know each other; the second node gets addresses of its own."""
    for family in FAMILIES:
        replace_address(second.net, "up0", NODE_IPS[family], SECOND_IPS[family])
        replace_address(second.outside, "wire0", OUTSIDE_IPS[family], SECOND_GATEWAYS[family])
        kind = f"-{family_of(SECOND_IPS[family])}"
        second.net.ip(kind, "route", "replace", "default", "via", SECOND_GATEWAYS[family])
    run("ip", "link", "add", "cross", "netns", first.outside.name, "type", "veth",
        "peer", "name", "cross", "netns", second.outside.name)
    for side, netns in enumerate((first.outside, second.outside)):
        for family in FAMILIES:
            bits = BITS[family_of(BETWEEN[family][side])]
            netns.ip("addr", "add", f"{BETWEEN[family][side]}/{bits}", "dev", "cross",
                     *(("nodad",) if bits == 64 else ()))
        netns.ip("link", "set", "cross", "up")
        netns.sysctl("ipv4/ip_forward", 1)
        netns.sysctl("ipv6/conf/all/forwarding", 1)
    for family in FAMILIES:
        kind = f"-{family_of(SECOND_IPS[family])}"
        first.outside.ip(kind, "route", "add", "default", "via", BETWEEN[family][1])
        second.outside.ip(kind, "route", "add", "default", "via", BETWEEN[family][0])
        first.outside.ip(kind, "route", "add", first.cidrs[family], "via", NODE_IPS[family])
        second.outside.ip(kind, "route", "add", second.cidrs[family], "via", SECOND_IPS[family])


@pytest.fixture
def pair(nodes):
    first, second = nodes(), nodes(start=False, cidrs=SECOND_CIDRS)
    join(first, second)
    second.start()
    return first, second


def publish(pair, *addresses, **more):
    for node in pair:
        node.manifest("web", *objects(node, *addresses, **more))


def tcp_peer(client, client_ip, address, server):
    """Asks by TCP, and who the server thinks it was."""
    sock = listener(server, "0.0.0.0" if family_of(client_ip) == 4 else "::", 8080)
    asking = make(socket.SOCK_STREAM, client, client_ip)
    with sock, asking:
        asking.connect((address, NODE_PORT))
        conn, peer = sock.accept()[:2]
        with conn:
            conn.settimeout(5)
            asking.sendall(b"question")
            assert conn.recv(64) == b"question"
            conn.sendall(b"answer")
            assert asking.recv(64) == b"answer"
    return peer[0].removeprefix("::ffff:"), peer[1]


def udp_peer(client, client_ip, address, server, server_ip):
    asking, answering = udp(client, client_ip), udp(server, server_ip, 8080)
    with asking, answering:
        for _ in range(3):
            asking.sendto(b"question", (address, NODE_PORT))
            with contextlib.suppress(TimeoutError):
                text, peer = answering.recvfrom(64)
                break
        assert text == b"question"
        answering.sendto(b"answer", peer)
        answer, sender = asking.recvfrom(64)
        assert answer == b"answer" and sender[:2] == (address, NODE_PORT)
    return peer[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pod_of_the_other_node_answers(pair, family):
    first, second = pair
    pod = second.add_pod("shop", "web")
    publish(pair, *((ip, second.name) for ip in pod.ips))
    client, ip = first.outside, OUTSIDE_IPS[family]
    seen, port = tcp_peer(client, ip, NODE_IPS[family], pod)
    assert seen == NODE_IPS[family] and 10000 <= port <= 29999
    assert udp_peer(client, ip, NODE_IPS[family], pod, pod.ips[family]) == NODE_IPS[family]
    # On its own node it sees the client.
    assert tcp_peer(client, BETWEEN[family][0], SECOND_IPS[family], pod)[0] == BETWEEN[family][0]


@pytest.mark.parametrize("family", FAMILIES)
def test_policy_local_stays_on_its_node(pair, family):
    first, second = pair
    pods = [node.add_pod("shop", "web") for node in pair]
    local = {"policy": "Local"}
    both = [(ip, node.name) for node, pod in zip(pair, pods) for ip in pod.ips]
    publish(pair, *both, **local)
    for address, pod, ip in ((NODE_IPS[family], pods[0], OUTSIDE_IPS[family]),
                             (SECOND_IPS[family], pods[1], BETWEEN[family][0])):
        for _ in range(6):
            assert tcp_peer(first.outside, ip, address, pod)[0] == ip
        assert udp_peer(first.outside, ip, address, pod, pod.ips[family]) == ip
    publish(pair, *((ip, second.name) for ip in pods[1].ips), **local)
    for proto in ("tcp", "udp"):
        assert first.outside.probe((proto, NODE_IPS[family], NODE_PORT), timeout_ms=900) == ["timeout"]
    pods[1].serve("tcp:8080")
    assert first.outside.reaches("tcp", SECOND_IPS[family], NODE_PORT)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_external_ip_is_served_by_all_nodes(pair, family):
    first, second = pair
    pod = second.add_pod("shop", "web")
    pod.serve("tcp:8080")
    address = EXTERNAL_IPS[family]
    for node in pair:
        web, *slices = objects(node, *((ip, second.name) for ip in pod.ips))
        web["spec"]["externalIPs"] = list(EXTERNAL_IPS)
        node.manifest("web", web, *slices)
    for ip in (NODE_IPS[family], None):
        via = ("via", ip) if ip else ("via", BETWEEN[family][1])
        first.outside.ip(f"-{family_of(address)}", "route", "replace", address, *via)
        if not ip:
            second.outside.ip(f"-{family_of(address)}", "route", "replace", address, "via", SECOND_IPS[family])
        assert first.outside.probe(("tcp", address, 80), timeout_ms=2000) == ["open"], ip


def route_external(pair, family, to_second):
    """What the client sends to the external IP comes by the second node, or the first."""
    first, second = pair
    kind, address = f"-{family_of(EXTERNAL_IPS[family])}", EXTERNAL_IPS[family]
    via = BETWEEN[family][1] if to_second else NODE_IPS[family]
    first.outside.ip(kind, "route", "replace", address, "via", via)
    second.outside.ip(kind, "route", "replace", address, "via", SECOND_IPS[family])


def arrival(client, port, address, servers):
    """Which of the servers gets a datagram from this port of the client's."""
    with udp(client, OUTSIDE_IPS[0 if family_of(address) == 4 else 1], port) as asking:
        for _ in range(3):
            asking.sendto(b"question", (address, 80))
            ready = select.select(servers, [], [], 2)[0]
            if ready:
                assert len(ready) == 1 and ready[0].recv(64) == b"question"
                return servers.index(ready[0])
    raise AssertionError(f"nobody got the datagram from port {port}")


@pytest.mark.parametrize("family", FAMILIES)
def test_all_nodes_choose_the_same_endpoint(pair, family):
    pods = [(node, node.add_pod("shop", f"web-{number}")) for number in range(2) for node in pair]
    for node in pair:
        # Each has learnt of the endpoints in another order.
        known = [(ip, host.name) for host, pod in pods for ip in pod.ips]
        known = known if node is pair[0] else known[::-1]
        for count in (2, len(known)):
            web, *slices = objects(node, *known[:count])
            web["spec"]["externalIPs"] = list(EXTERNAL_IPS)
            node.manifest("web", web, *slices)
    servers = [udp(pod, pod.ips[family], 8080) for _, pod in pods]
    went = []
    for to_second in (False, True):
        route_external(pair, family, to_second)
        went.append([arrival(pair[0].outside, port, EXTERNAL_IPS[family], servers) for port in range(40000, 40016)])
    for server in servers:
        server.close()
    assert went[0] == went[1] and len(set(went[0])) > 1


def node_object(node, *ips):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name},
            "status": {"addresses": [{"type": "InternalIP", "address": ip} for ip in ips]}}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_node_object_says_which_addresses_are_the_node(pair, family):
    first, second = pair
    pod = second.add_pod("shop", "web")
    publish(pair, *((ip, second.name) for ip in pod.ips))
    kind, own = f"-{family_of(OWN_IPS[family])}", OWN_IPS[family]
    first.net.ip("addr", "add", f"{own}/{32 if kind == '-4' else 128}", "dev", "lo")
    for netns, via in ((first.outside, NODE_IPS[family]), (second.outside, BETWEEN[family][0])):
        netns.ip(kind, "route", "add", own, "via", via)
    # One that only others translate is not this node's.
    first.manifest("node", node_object(first, "198.51.100.77", own))
    status = first.status()["outside"]
    assert status["nodePortAddresses"] == [own] and own in status["addresses"]
    client, ip = first.outside, OUTSIDE_IPS[family]
    assert tcp_peer(client, ip, own, pod)[0] == own
    assert client.probe(("tcp", NODE_IPS[family], NODE_PORT)) == ["refused"]
    first.remove_manifest("node")
    assert client.probe(("tcp", own, NODE_PORT)) == ["refused"]
    assert tcp_peer(client, ip, NODE_IPS[family], pod)[0] == NODE_IPS[family]


def test_node_ports_answer_where_they_are_configured(nodes):
    node = nodes(options=["--node-port-addresses=198.51.100.0/24", "--node-port-addresses=2001:db8::/64"])
    pod = node.add_pod("shop", "web")
    pod.serve("tcp:8080")
    node.manifest("web", *objects(node, *((ip, node.name) for ip in pod.ips)))
    node.manifest("node", node_object(node, *NODE_IPS))
    asked = [("tcp", ip, NODE_PORT) for ip in NODE_IPS]
    assert node.outside.probe(*asked) == ["refused", "open"]
    # An address comes, and goes.
    node.outside.ip("route", "add", "198.51.100.9", "via", NODE_IPS[0])
    node.net.ip("addr", "add", "198.51.100.9/32", "dev", "lo")
    weir.wait_for(lambda: node.outside.reaches("tcp", "198.51.100.9", NODE_PORT, timeout_ms=500), "the new address")
    node.net.ip("addr", "del", "198.51.100.9/32", "dev", "lo")
    weir.wait_for(lambda: "198.51.100.9" not in node.status()["outside"]["nodePortAddresses"], "the address goes")


def warnings(node):
    return [problem["text"] for problem in node.status()["services"]["problems"] if "source-ports" in problem["text"]]


def test_source_ports_are_configured(nodes):
    first = nodes(start=False, options=["--service-source-ports=40000-40031"])
    second = nodes(start=False, cidrs=SECOND_CIDRS)
    join(first, second)
    first.start()
    second.start()
    pod = second.add_pod("shop", "web")
    publish((first, second), *((ip, second.name) for ip in pod.ips))
    for _ in range(3):
        assert 40000 <= tcp_peer(first.outside, OUTSIDE_IPS[0], NODE_IPS[0], pod)[1] <= 40031
    # The kernel gives them to sockets as well, until it is told not to.
    assert ["40000-40031" in text for text in warnings(first)] == [True]
    assert not warnings(second)
    first.net.sysctl("ipv4/ip_local_port_range", "50000 60000")
    publish((first, second))
    assert not warnings(first)


def asked(node, path, address=NODE_IPS[0]):
    """(HTTP status, is the node eligible?) of the node's health."""
    with inside(node.outside):
        link = http.client.HTTPConnection(address, HEALTH_PORT, timeout=weir.DEADLINE_S)
        link.connect()
    with contextlib.closing(link):
        link.request("GET", path)
        answer = link.getresponse()
        text = answer.read()
        return answer.status, json.loads(text)["nodeEligible"] if answer.status in (200, 503) else None


def test_load_balancers_ask_for_the_health_of_the_node(nodes):
    node = nodes(options=[f"--health-address=0.0.0.0:{HEALTH_PORT}"])
    alive = node_object(node, *NODE_IPS)
    for objs in ((), (alive,)):
        node.manifest("node", *objs)
        assert asked(node, "/healthz") == (200, True) and asked(node, "/livez") == (200, True)
    leaving = {**alive, "metadata": {**alive["metadata"], "deletionTimestamp": "2026-01-02T03:04:05Z"}}
    node.manifest("node", leaving)
    assert asked(node, "/healthz") == (503, False) and asked(node, "/livez") == (200, False)
    assert asked(node, "/") == (404, None)
    node.manifest("node", alive)
    assert asked(node, "/healthz") == (200, True)


def test_a_health_address_that_is_taken_is_told_and_tried_again(nodes):
    node = nodes(start=False, options=[f"--health-address={NODE_IPS[0]}:{HEALTH_PORT}"])
    squatter = node.net.serve(f"tcp:{HEALTH_PORT}", on=NODE_IPS[:1])
    node.start()

    def problems():
        return [problem["text"] for problem in node.status()["services"]["problems"]]
    assert any(f"port {HEALTH_PORT} of {NODE_IPS[0]} cannot be opened" in text for text in problems())
    squatter.kill()
    squatter.wait()
    weir.wait_for(lambda: not problems(), "the port is opened once it is free")
    assert asked(node, "/livez") == (200, True)
