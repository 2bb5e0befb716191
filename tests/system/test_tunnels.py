# SPDX-License-Identifier: Apache-2.0
"""Tunnels between nodes: who is who at the far end, how long packets may be, and what is forged is dropped."""

import errno
import socket

import pytest

import weir
from fabric import FAMILIES, FAR, NEAR, Fabric, pair
from test_nodes import peer_of
from traffic import udp
from weir import family_of, wait_for

OVERHEAD = {4: 50, 6: 70}


def policy(name, pods, **spec):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"podSelector": {"matchLabels": pods}, **spec}}


@pytest.fixture(name="fabric")
def make_fabric():
    with Fabric() as fabric:
        yield fabric


def drops(node, reason):
    row = next(drop for drop in node.status()["drops"] if drop["reason"] == reason)
    return row["ingress"]["packets"] + row["egress"]["packets"]


def couple(fabric, mode="vxlan", far=True, families=FAMILIES):
    """Two nodes, the second one behind a router that knows no pods, and a pod of each."""
    for number in range(2):
        fabric.add(far=far and number == 1, families=families, options=[f"--routing-mode={mode}"])
    fabric.start()
    return [fabric.pod(node, "shop", name) for node, name in zip(fabric.nodes, ("front", "back"))]


@pytest.mark.parametrize("outer", [(0, 1), (1,)], ids=["ipv4", "ipv6"])
def test_pods_reach_each_other_by_tunnels(fabric, outer):
    front, back = couple(fabric, families=outer)
    first, second = fabric.nodes
    mtu = 1500 - OVERHEAD[6 if outer == (1,) else 4]
    assert front.result["interfaces"][-1].get("mtu", mtu) == mtu
    assert front.links()["eth0"]["mtu"] == mtu and first.net.links()["weir_vxlan"]["mtu"] == mtu
    for one, other in ((front, back), (back, front)):
        other.serve("udp:53")
        for family in FAMILIES:
            assert peer_of(other, one, other.ips[family]) == one.ips[family]
            assert one.reaches("udp", other.ips[family], 53)
            assert one.reaches("icmp", other.ips[family])
    # The node's own processes, from what is their node's in the eyes of others.
    for family, gateway in enumerate(("10.80.0.1", "fd00:50::1")):
        assert peer_of(back, first.net, back.ips[family]) == gateway
    # And from the node's own address, to which the answer comes by the tunnel as well.
    for ip in first.ips:
        back_ip = back.ips[0 if family_of(ip) == 4 else 1]
        assert first.net.probe(("udp", back_ip, 53, ip)) == ["open"]
    assert not first.node_problems() and not second.node_problems()


@pytest.mark.parametrize("family", FAMILIES)
def test_outside_pods_are_masqueraded_and_in_tunnels_not(fabric, family):
    front, back = couple(fabric)
    first, second = fabric.nodes
    for pod, node, gateway in ((front, first, NEAR), (back, second, FAR)):
        outside = gateway[family].format(1)
        assert peer_of(fabric.router, pod, outside) == node.ips[family]
        assert pod.reaches("icmp", outside)
    # Another node itself is outside, its pods are not.
    assert peer_of(second.net, front, second.ips[family]) == first.ips[family]
    assert peer_of(back, front, back.ips[family]) == front.ips[family]
    assert peer_of(fabric.router, front, NEAR[family].format(1)) == first.ips[family]
    assert not any(drops(node, "MASQUERADE_ADDRESS") for node in fabric.nodes)


@pytest.mark.parametrize("mode", ["native", "vxlan", "auto"])
def test_policy_knows_pods_and_nodes_elsewhere(fabric, mode):
    front, back = couple(fabric, mode, far=mode != "native")
    first, second = fabric.nodes
    stranger = fabric.pod(first, "shop", "stranger")
    back.serve("tcp:80")
    second.manifest("policy", policy("back", {"app": "back"}, policyTypes=["Ingress"],
                                     ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}]))
    for family in FAMILIES:
        assert front.reaches("tcp", back.ips[family], 80)
        assert stranger.probe(("tcp", back.ips[family], 80), timeout_ms=600) == ["timeout"]
        assert first.net.probe(("tcp", back.ips[family], 80), timeout_ms=600) == ["timeout"]
    first.manifest("policy", policy("front", {"app": "front"}, policyTypes=["Egress"], egress=[]))
    assert front.probe(("tcp", back.ip4, 80), timeout_ms=600) == ["timeout"]
    first.remove_manifest("policy")
    # A node is one, by whatever address it speaks.
    second.manifest("policy", {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
                               "metadata": {"name": "nodes"}, "spec": {
                                   "tier": "Admin", "priority": 1, "subject": {"namespaces": {}},
                                   "egress": [{"name": "no", "action": "Deny", "to": [{"nodes": {}}]}]}})
    assert back.probe(("tcp", first.ips[0], 80), timeout_ms=600) == ["timeout"]
    assert front.reaches("tcp", back.ip4, 80)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_forged_is_dropped(fabric, family):
    front, back = couple(fabric)
    first, second = fabric.nodes
    third = fabric.add(options=["--routing-mode=vxlan"])
    fabric.tell(*(node.object() for node in fabric.nodes), name="nodes", wait=False)
    third.start()
    second.settle()
    thief = fabric.pod(third, "shop", "thief")
    kind, bits = f"-{family_of(front.ips[family])}", 32 if family == 0 else 128
    with udp(back, back.ips[family], 7777, timeout=0.7) as listening:
        def arrives():
            try:
                return bool(listening.recv(64))
            except TimeoutError:
                return False
        with udp(thief, thief.ips[family]) as sending:
            sending.sendto(b"fair", (back.ips[family], 7777))
        assert arrives()
        # The third node says it is a pod of the first: in its own tunnel.
        third.net.ip(kind, "addr", "add", f"{front.ips[family]}/{bits}", "dev", "lo")
        before = drops(second, "TUNNEL_SOURCE")
        with udp(third.net, front.ips[family]) as sending:
            sending.sendto(b"forged", (back.ips[family], 7777))
        assert not arrives() and drops(second, "TUNNEL_SOURCE") == before + 1
        # And past all tunnels.
        gateway = pair(NEAR, 1)[family]
        third.net.ip(kind, "route", "add", back.ips[family], "via", gateway, "dev", "up0")
        fabric.route_pods(second)
        with udp(third.net, front.ips[family]) as sending:
            sending.sendto(b"forged", (back.ips[family], 7777))
        assert not arrives() and drops(second, "TUNNEL_SOURCE") == before + 2


@pytest.mark.parametrize("family", FAMILIES)
def test_services_have_backends_in_tunnels(fabric, family):
    front, back = couple(fabric)
    back.serve("tcp:8080", "udp:8080")
    cluster_ip = ("10.96.0.7", "fd00:96::7")[family]
    objects = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "back", "namespace": "shop"},
                "spec": {"clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "type": "NodePort",
                         "ports": [{"name": proto, "protocol": proto.upper(), "port": 80, "targetPort": 8080,
                                    "nodePort": 30080} for proto in ("tcp", "udp")]}},
               {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": f"IPv{(4, 6)[family]}",
                "metadata": {"name": "back-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "back"}},
                "ports": [{"name": proto, "protocol": proto.upper(), "port": 8080} for proto in ("tcp", "udp")],
                "endpoints": [{"addresses": [back.ips[family]], "nodeName": fabric.nodes[1].name,
                               "conditions": {"ready": True}}]}]
    fabric.tell(*objects, name="service")
    for proto in ("tcp", "udp"):
        assert front.reaches(proto, cluster_ip, 80)
        assert fabric.nodes[0].net.reaches(proto, cluster_ip, 80)
        for node in fabric.nodes:
            assert fabric.router.reaches(proto, node.ips[family], 30080)


@pytest.mark.parametrize("family", FAMILIES)
def test_packets_that_do_not_fit_are_answered(fabric, family):
    front, back = couple(fabric)
    first = fabric.nodes[0]
    # The way has become narrower since the pods were made.
    first.net.ip("link", "set", "up0", "mtu", "1400")
    wait_for(lambda: first.net.links()["weir_vxlan"]["mtu"] == 1350, "the tunnels follow the uplink")
    with udp(front, front.ips[family]) as sending, udp(back, back.ips[family], 7777) as listening:
        level, option = (socket.IPPROTO_IP, 10) if family == 0 else (socket.IPPROTO_IPV6, 23)
        sending.setsockopt(level, option, 2)  # *_MTU_DISCOVER: do
        sending.connect((back.ips[family], 7777))

        def refused(length):
            try:
                sending.send(b"x" * length)
            except OSError as error:
                assert error.errno == errno.EMSGSIZE
                return True
            return False
        wait_for(lambda: refused(1400), "the sender is told that its packets are too long")
        assert sending.getsockopt(level, 14 if family == 0 else 24) == 1350
        # Answers to what was sent before may still be told.
        wait_for(lambda: not refused(1200), "shorter packets leave")
        assert len(listening.recv(2000)) == 1200
    late = first.add_pod("shop", "late")
    assert late.links()["eth0"]["mtu"] == 1350


def test_a_larger_mtu_is_refused(fabric):
    node = fabric.add(options=["--routing-mode=vxlan", "--mtu=1500"])
    fabric.start()
    assert any("1500" in text and "1450" in text for text in node.node_problems())
    with pytest.raises(weir.CniError, match="1450"):
        node.add_pod("shop", "web")
    assert node.add_pod("shop", "small", conf=node.conf(mtu=1400)).links()["eth0"]["mtu"] == 1400


def test_auto_takes_tunnels_behind_routers_only(fabric):
    fabric.add(options=["--routing-mode=auto"])
    fabric.add(options=["--routing-mode=auto"])
    fabric.add(far=True, options=["--routing-mode=auto"])
    fabric.start()
    pods = [fabric.pod(node, "shop", f"pod-{node.number}") for node in fabric.nodes]
    routes = fabric.nodes[0].routes()
    assert routes["10.81.0.0/24"]["gateway"] == "192.0.2.81" and routes["10.82.0.0/24"]["dev"] == "weir_vxlan"
    for one in pods:
        for other in pods:
            if one is not other:
                for family in FAMILIES:
                    assert peer_of(other, one, other.ips[family]) == one.ips[family]


def test_tunnels_outlive_the_agent_and_follow_the_nodes(fabric):
    front, back = couple(fabric)
    first, second = fabric.nodes
    back.serve("tcp:80")
    before = (first.routes(), first.net.links()["weir_vxlan"]["ifindex"])
    for node in fabric.nodes:
        node.kill9()
    assert front.reaches("tcp", back.ip4, 80) and front.reaches("tcp", back.ip6, 80)
    for node in fabric.nodes:
        node.start()
    assert (first.routes(), first.net.links()["weir_vxlan"]["ifindex"]) == before
    assert front.reaches("tcp", back.ip4, 80)
    # The second node moves to another address.
    moved = pair(FAR, 99)
    for ip, new in zip(second.ips, moved):
        bits = 24 if family_of(ip) == 4 else 64
        second.net.ip("addr", "add", f"{new}/{bits}", "dev", "up0", *(("nodad",) if bits == 64 else ()))
    second.ips = moved
    fabric.tell(first.object(), second.object(), name="nodes")
    wait_for(lambda: front.reaches("tcp", back.ip4, 80, timeout_ms=500), "the tunnel ends at the new address")
    # It goes: nobody answers, and nothing leaves.
    fabric.tell(first.object(), name="nodes")
    assert not first.routes()
    assert front.probe(("tcp", back.ip4, 80), timeout_ms=500) != ["open"]


def test_another_mode_takes_the_tunnels_away(fabric):
    couple(fabric)
    first = fabric.nodes[0]
    assert first.routes()
    first.options = ["--routing-mode=native"]
    first.restart()
    assert not first.routes() and "weir_vxlan" not in first.net.links()
    first.options = ["--routing-mode=vxlan", "--vxlan-port=4789"]
    first.restart()
    assert len(first.routes()) == 2
    assert first.net.links()["weir_vxlan"]["linkinfo"]["info_data"]["port"] == 4789
    first.stop()
    first.cleanup()
    assert "weir_vxlan" not in first.net.links() and not first.routes()
