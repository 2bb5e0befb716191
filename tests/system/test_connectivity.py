# SPDX-License-Identifier: Apache-2.0
"""Who reaches whom when nothing restricts it, and what is answered on the way."""

import pytest

from node import deny_all, pod_object, policy

PROTOS = ("tcp", "udp", "icmp")


def targets(addresses, port=8080):
    return [(proto, address, 0 if proto == "icmp" else port) for proto in PROTOS for address in addresses]


def test_pods_reach_each_other(node):
    a, b = node.add_pod("default", "a"), node.add_pod("default", "b")
    b.serve("tcp:8080", "udp:8080")
    assert set(a.tries(targets(b.addresses)).values()) == {"open"}


def test_the_node_and_its_pods_reach_each_other(node):
    a = node.add_pod("default", "a")
    a.serve("tcp:8080", "udp:8080")
    assert set(node.netns.tries(targets(a.addresses)).values()) == {"open"}
    node.netns.serve("tcp:9090", "udp:9090")
    gateways = [ip["gateway"] for ip in a.result["ips"]]
    assert set(a.tries(targets(gateways, 9090)).values()) == {"open"}


def test_an_isolated_pod_is_reached_by_its_own_node_only(node):
    node.manifest("p.yaml", deny_all("default"))
    a, b = node.add_pod("default", "a"), node.add_pod("default", "b")
    a.serve("tcp:8080", "udp:8080")
    assert set(node.netns.tries(targets(a.addresses)).values()) == {"open"}
    assert "open" not in b.tries(targets(a.addresses)).values()
    assert node.drops("POLICY_EGRESS") > 0


def test_pods_reach_the_outside_by_the_node_s_address(outside_node):
    node = outside_node
    a = node.add_pod("default", "a")
    node.outside.serve("tcp:8080", "udp:8080")
    assert set(a.tries(targets(["192.0.2.2", "2001:db8:2::2"])).values()) == {"open"}
    # Without a way back to the pods it still works: the source was translated.
    node.outside.ip("route", "del", "10.71.0.0/24")
    assert a.reaches("tcp", "192.0.2.2", 8080)


def test_the_outside_reaches_pods_by_their_address(outside_node):
    node = outside_node
    a = node.add_pod("default", "a")
    a.serve("tcp:8080", "udp:8080")
    assert set(node.outside.tries(targets(a.addresses)).values()) == {"open"}


def test_the_outside_is_judged_by_its_own_address(outside_node):
    node = outside_node
    node.manifest("p.yaml", pod_object("default", "a", {"app": "a"}),
                  policy("default", "a", {"app": "a"}, ingress=[
                      {"from": [{"ipBlock": {"cidr": "192.0.2.2/32"}}], "ports": [{"port": 8080}]}]))
    a = node.add_pod("default", "a")
    a.serve("tcp:8080", "tcp:8081")
    found = node.outside.tries([("tcp", a.ip4, 8080), ("tcp", a.ip4, 8081), ("tcp", a.ip6, 8080)])
    assert found == {("tcp", a.ip4, 8080): "open", ("tcp", a.ip4, 8081): "timeout",
                     ("tcp", a.ip6, 8080): "timeout"}


@pytest.mark.parametrize("address,family", [("ip4", "-4"), ("ip6", "-6")])
def test_a_hop_that_ends_is_answered_by_the_gateway(node, address, family):
    a, b = node.add_pod("default", "a"), node.add_pod("default", "b")
    done = a.run("ping", family, "-t", "1", "-c", "1", "-W", "1", getattr(b, address))
    gateway = next(ip["gateway"] for ip in a.result["ips"] if (":" in ip["gateway"]) == (family == "-6"))
    assert f"From {gateway}" in done.stdout and "exceeded" in done.stdout, done.stdout


@pytest.mark.parametrize("address", ["ip4", "ip6"])
def test_a_packet_too_big_is_answered(node, address):
    a = node.add_pod("default", "a")
    b = node.add_pod("default", "b", node.conf(mtu=1400))
    target = getattr(b, address)
    done = a.run("ping", "-M", "do", "-s", "1440", "-c", "2", "-W", "1", target)
    assert "mtu=1400" in done.stdout.replace("mtu = 1400", "mtu=1400"), done.stdout + done.stderr


@pytest.mark.parametrize("address", ["ip4", "ip6"])
def test_fragments_arrive(node, address):
    a, b = node.add_pod("default", "a"), node.add_pod("default", "b")
    done = a.run("ping", "-s", "6000", "-c", "2", "-W", "1", getattr(b, address))
    assert " 2 received" in done.stdout, done.stdout
