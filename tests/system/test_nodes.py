# SPDX-License-Identifier: Apache-2.0
"""Several nodes: their pod CIDRs, the routes between them, and what happens when nodes come, change and go."""

import socket

import pytest

import weir
from fabric import FAMILIES, Fabric, pair, NEAR
from traffic import listener, make
from weir import family_of, wait_for


@pytest.fixture(name="fabric")
def make_fabric():
    with Fabric() as fabric:
        yield fabric


@pytest.fixture(name="near")
def make_near(fabric):
    """Two nodes on one link."""
    first, second = fabric.add(), fabric.add()
    fabric.start()
    return first, second


def peer_of(server, client, address, port=8080):
    """Who a server of TCP sees when the client asks it by this address."""
    with listener(server, "::" if family_of(address) == 6 else "0.0.0.0", port) as sock, \
            make(socket.SOCK_STREAM, client, family=family_of(address), timeout=5) as asking:
        asking.connect((address, port))
        conn, peer = sock.accept()[:2]
        conn.close()
    return peer[0].removeprefix("::ffff:")


def test_the_node_object_gives_the_pod_cidrs(fabric):
    node = fabric.add()
    node.start()
    assert node.status()["podCidrs"] == []
    with pytest.raises(weir.CniError) as refused:
        node.add_pod("shop", "web")
    assert refused.value.code == 11 and node.name in str(refused.value.error)
    node.manifest("nodes", node.object())
    assert node.status()["podCidrs"] == list(node.pod_cidrs)
    pod = node.add_pod("shop", "web")
    assert [ip.rsplit(sep, 1)[0] for ip, sep in zip(pod.ips, ".:")] == ["10.80.0", "fd00:50:"]
    assert pod.reaches("icmp", pair(NEAR, 1)[0])


def test_another_pod_cidr_is_for_new_pods(fabric):
    node = fabric.add()
    node.manifest("nodes", node.object(), wait=False)
    node.start()
    old = node.add_pod("shop", "old")
    old.serve("tcp:80")
    cidrs = ["10.180.0.0/24", "fd00:180::/64"]
    node.manifest("nodes", node.object(podCIDR=cidrs[0], podCIDRs=cidrs))
    assert node.status()["podCidrs"] == cidrs
    new = node.add_pod("shop", "new")
    assert new.ip4.startswith("10.180.0.") and new.ip6.startswith("fd00:180::")
    for family in FAMILIES:
        assert new.reaches("tcp", old.ips[family], 80)
        assert old.reaches("icmp", pair(NEAR, 1)[family])
    # What the former pod asks of its link is still answered.
    old.ip("neigh", "flush", "all", "nud", "permanent")
    assert old.reaches("icmp", new.ip4) and old.reaches("icmp", new.ip6)
    node.restart()
    assert new.reaches("tcp", old.ip4, 80)
    node.del_pod(old)
    wait_for(lambda: "10.80.0.0/24" not in node.net.ip("route"), "the former CIDR goes with its last pod")
    assert "10.80.0.1" not in node.net.ip("addr") and "10.180.0.1" in node.net.ip("addr")


def test_a_pod_cidr_with_a_node_in_it_is_not_used(fabric):
    node = fabric.add()
    node.manifest("nodes", node.object(podCIDRs=["192.0.2.0/24"], podCIDR="192.0.2.0/24"), wait=False)
    node.start()
    assert node.status()["podCidrs"] == [] and not node.status()["healthy"]
    assert any("192.0.2.0/24" in text and "192.0.2.80" in text for text in node.node_problems())


@pytest.mark.parametrize("family", FAMILIES)
def test_pods_of_nodes_on_one_link_reach_each_other(fabric, near, family):
    pods = [fabric.pod(node, "shop", name) for node, name in zip(near, ("front", "back"))]
    for one, other in (pods, pods[::-1]):
        assert peer_of(other, one, other.ips[family]) == one.ips[family]
        other.serve("udp:53")
        assert one.reaches("udp", other.ips[family], 53)
    # The node itself, as what it is.
    assert peer_of(pods[1], near[0].net, pods[1].ips[family]) == near[0].ips[family]


def test_routes_follow_the_nodes(fabric, near):
    first, second = near
    for cidr, ip in zip(second.pod_cidrs, second.ips):
        assert first.routes()[cidr]["gateway"] == ip
    # Another address, another CIDR, away, and back.
    moved = second.object()
    moved["status"]["addresses"] = [{"type": "InternalIP", "address": ip} for ip in pair(NEAR, 99)]
    first.manifest("nodes", first.object(), moved)
    assert {route["gateway"] for route in first.routes().values()} == set(pair(NEAR, 99))
    first.manifest("nodes", first.object(), second.object(podCIDR="10.9.0.0/24", podCIDRs=["10.9.0.0/24"]))
    assert list(first.routes()) == ["10.9.0.0/24"]
    first.manifest("nodes", first.object())
    assert not first.routes()
    first.manifest("nodes", first.object(), second.object())
    assert set(first.routes()) == set(second.pod_cidrs)


def test_routes_outlive_the_agent_and_their_link(fabric, near):
    first, second = near
    before = first.routes()
    first.kill9()
    assert first.routes() == before
    second_away = [first.object()]
    first.manifest("nodes", *second_away, wait=False)
    first.start()
    assert not first.routes()
    first.manifest("nodes", first.object(), second.object())
    assert first.routes() == before
    first.net.ip("link", "set", "up0", "down")
    first.net.ip("link", "set", "up0", "up")
    first.net.ip("addr", "replace", f"{first.ips[1]}/64", "dev", "up0", "nodad")
    wait_for(lambda: first.routes() == before, "routes come back with their link")
    first.net.ip("route", "del", second.pod_cidrs[0], "metric", "2048")
    first.manifest("other", first.object() | {"metadata": {"name": "elsewhere"}, "spec": {}, "status": {}})
    assert first.routes() == before


def test_foreign_routes_are_left_alone(fabric):
    first, second = fabric.add(), fabric.add()
    cidr = second.pod_cidrs[0]
    first.net.ip("route", "add", cidr, "via", "192.0.2.1", "metric", "2048")
    first.net.ip("route", "add", "10.99.0.0/24", "via", "192.0.2.1")
    fabric.start()
    assert any(cidr in text and "somebody else" in text for text in first.node_problems())
    first.manifest("nodes", first.object())
    text = first.net.ip("route")
    assert f"{cidr} via 192.0.2.1 dev up0 metric 2048" in text and "10.99.0.0/24 via 192.0.2.1" in text
    first.manifest("nodes", first.object(), second.object())
    first.net.ip("route", "del", cidr, "metric", "2048")
    wait_for(lambda: cidr in first.routes(), "the route is made once there is room for it")
    assert not first.node_problems()


def test_nodes_that_contradict_each_other_get_no_route(fabric, near):
    first, second = near
    liar = second.object(podCIDR="10.81.0.128/25", podCIDRs=["10.81.0.128/25", "fd00:99::/64"])
    liar["metadata"] = {"name": "liar"}
    liar["status"] = {"addresses": [{"type": "InternalIP", "address": ip} for ip in pair(NEAR, 77)]}
    first.manifest("liar", liar)
    assert not first.routes()
    assert any("10.81.0.128/25 of node liar overlaps" in text for text in first.node_problems())
    # Who claims what is this node's gets nothing, and takes nothing away.
    liar["spec"] = {"podCIDRs": [first.pod_cidrs[0]]}
    first.manifest("liar", liar)
    assert set(first.routes()) == set(second.pod_cidrs)
    assert any("overlaps" in text and first.name in text for text in first.node_problems())
    first.remove_manifest("liar")
    assert not first.node_problems() and first.status()["healthy"]


def test_what_is_for_nodes_behind_a_router_is_left_to_the_network(fabric):
    first, far = fabric.add(), fabric.add(far=True)
    fabric.start()
    assert not first.routes() and not far.routes()
    fabric.route_pods(first, far)
    pods = [fabric.pod(node, "shop", name) for node, name in ((first, "front"), (far, "back"))]
    for family in FAMILIES:
        # Not masqueraded, for it is a pod.
        assert peer_of(pods[1], pods[0], pods[1].ips[family]) == pods[0].ips[family]
        assert peer_of(pods[0], pods[1], pods[0].ips[family]) == pods[1].ips[family]
