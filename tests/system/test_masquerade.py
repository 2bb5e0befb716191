# SPDX-License-Identifier: Apache-2.0
"""What pods send to the outside leaves from the node's address, and answers come back: by the datapath, not by nftables."""

import itertools
import json
import os
import signal
import socket

import pytest

import weir
from flows import Echo, Load, check_none_lost, end_all
from icmp import HEADERS, TOO_BIG, Sender
from traffic import drops, listener, make, udp
from weir import NODE_IPS, OUTSIDE_IPS, Netns, family_of, run

FAMILIES = (0, 1)  # indexes of NODE_IPS
SECOND_IPS = ("198.51.100.2", "2001:db8:2::2")  # of the node on a second uplink
BEYOND_IPS = ("198.51.100.1", "2001:db8:2::1")  # of a host there
PORTS = range(10000, 30000)


@pytest.fixture
def pod(node):
    return node.add_pod("shop", "client")


def connect(client, server, address, port, source=0):
    """(client's socket, server's, whom the server sees) of a TCP connection."""
    with listener(server, address, port) as waiting:
        asking = make(socket.SOCK_STREAM, client, port=source, family=family_of(address))
        asking.connect((address, port))
        answering, peer = waiting.accept()
    answering.settimeout(5)
    return asking, answering, (peer[0], peer[1])


def talk(asking, answering, size=100_000):
    for sender, receiver in ((asking, answering), (answering, asking)):
        sent = bytes(i % 251 for i in range(size))
        left, got = memoryview(sent), b""
        while len(got) < size:
            if left:
                left = left[sender.send(left[:8192]):]
            got += receiver.recv(65536)
        assert got == sent


def uses_nft(node):
    listed = json.loads(node.net.exec("nft", "-j", "list", "table", "inet", "weir"))["nftables"]
    return [item["set"]["name"] for item in listed if "set" in item and item["set"]["name"].startswith("pods")]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connection_leaves_from_the_node_s_address(node, pod, family):
    asking, answering, peer = connect(pod, node.outside, OUTSIDE_IPS[family], 80)
    assert peer[0] == NODE_IPS[family] and peer[1] in PORTS
    talk(asking, answering)
    assert not uses_nft(node)
    assert [source["address"] for source in node.status()["masquerade"]["sources"]] == list(NODE_IPS)


@pytest.mark.parametrize("family", FAMILIES)
def test_datagrams_of_any_length_and_echoes(node, pod, family):
    server, client = udp(node.outside, OUTSIDE_IPS[family], 53), udp(pod, family=family_of(OUTSIDE_IPS[family]))
    with server, client:
        for size in (10, 4000, 60_000):
            client.sendto(b"x" * size, (OUTSIDE_IPS[family], 53))
            asked, peer = server.recvfrom(65535)
            assert len(asked) == size and peer[0] == NODE_IPS[family] and peer[1] in PORTS
            server.sendto(asked[::-1], peer)
            answer, sender = client.recvfrom(65535)
            assert len(answer) == size and sender[0] == OUTSIDE_IPS[family]
    assert pod.reaches("icmp", OUTSIDE_IPS[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_two_pods_with_one_source_port(node, pod, family):
    other = node.add_pod("shop", "other")
    first = connect(pod, node.outside, OUTSIDE_IPS[family], 80, source=4000)
    second = connect(other, node.outside, OUTSIDE_IPS[family], 80, source=4000)
    assert first[2] != second[2]
    for asking, answering, _ in (first, second):
        talk(asking, answering)


def test_a_port_of_the_node_s_own_sockets_is_not_taken(nodes):
    """Sixteen ports, of which the node listens on fifteen."""
    node = nodes(options=["--masquerade-ports=udp=20000-20015"])
    pod = node.add_pod("shop", "client")
    own = [udp(node.net, NODE_IPS[0], port) for port in range(20000, 20015)]
    with udp(node.outside, OUTSIDE_IPS[0], 53) as server, udp(pod) as client:
        client.sendto(b"x", (OUTSIDE_IPS[0], 53))
        assert server.recvfrom(100)[1] == (NODE_IPS[0], 20015)
    for sock in own:
        sock.close()


def test_without_a_port_left_new_connections_wait_and_old_ones_go_on(nodes):
    node = nodes(options=["--masquerade-ports=udp=20000-20015"])
    pod = node.add_pod("shop", "client")
    with udp(node.outside, OUTSIDE_IPS[0], 53, timeout=0.5) as server:
        clients = [udp(pod) for _ in range(16)]
        peers = set()
        for client in clients:
            client.sendto(b"question", (OUTSIDE_IPS[0], 53))
            peer = server.recvfrom(100)[1]
            server.sendto(b"answer", peer)
            assert client.recv(100) == b"answer"
            peers.add(peer)
        assert len(peers) == 16
        with udp(pod) as late:
            late.sendto(b"one too many", (OUTSIDE_IPS[0], 53))
            with pytest.raises(TimeoutError):
                server.recvfrom(100)
            # To somebody else all are free.
            late.sendto(b"x", (OUTSIDE_IPS[0], 54))
        assert drops(node)["MASQUERADE_PORTS"] == 1
        for client in clients:
            client.sendto(b"again", (OUTSIDE_IPS[0], 53))
            data, peer = server.recvfrom(100)
            assert data == b"again" and peer in peers
            client.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_addresses_that_are_named_see_the_pod(nodes, family):
    node = nodes(options=[f"--non-masquerade-cidr={OUTSIDE_IPS[family]}/{(32, 128)[family]}"])
    node.route_pods()
    pod = node.add_pod("shop", "client")
    assert connect(pod, node.outside, OUTSIDE_IPS[family], 80)[2][0] == pod.ips[family]
    assert connect(pod, node.outside, OUTSIDE_IPS[1 - family], 80)[2][0] == NODE_IPS[1 - family]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_node_itself_sees_the_pod(node, pod, family):
    assert connect(pod, node.net, NODE_IPS[family], 81)[2][0] == pod.ips[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_router_outside_says_what_is_too_big(node, pod, family):
    """Behind the outside's first host the way is narrow; the pod, not the node, must learn it."""
    far = narrow_behind(node, family)
    try:
        sender = Sender(pod, BEYOND_IPS[family])
        sender.send(1450 - HEADERS[sender.family])
        assert sender.told()[:2] == (TOO_BIG[sender.family], 1400)
        sender.send(1400 - HEADERS[sender.family])
        with udp(far, BEYOND_IPS[family], 53) as server, udp(pod, family=family_of(BEYOND_IPS[family])) as client:
            client.sendto(b"x", (BEYOND_IPS[family], 53))
            assert server.recvfrom(100)[1][0] == NODE_IPS[family]
    finally:
        far.close()


def narrow_behind(node, family):
    far = Netns(f"{node.tag}-far")
    run("ip", "link", "add", "far0", "netns", node.outside.name, "mtu", "1400", "type", "veth", "peer", "name", "eth0",
        "netns", far.name, "mtu", "1400")
    for netns, link, addresses in ((node.outside, "far0", SECOND_IPS), (far, "eth0", BEYOND_IPS)):
        for address, bits in zip(addresses, (24, 64)):
            netns.ip("addr", "add", f"{address}/{bits}", "dev", link, *(["nodad"] if bits == 64 else []))
        netns.ip("link", "set", link, "up")
    node.outside.sysctl("ipv4/ip_forward", 1)
    node.outside.sysctl("ipv6/conf/all/forwarding", 1)
    far.ip(f"-{family_of(NODE_IPS[family])}", "route", "add", "default", "via", SECOND_IPS[family])
    return far


@pytest.fixture
def two_ways(nodes):
    """A node with two uplinks, and a host behind the second one."""
    node = nodes(start=False, options=["--uplink=up0", "--uplink=up1"])
    far = Netns(f"{node.tag}-far")
    run("ip", "link", "add", "up1", "netns", node.net.name, "type", "veth", "peer", "name", "eth0", "netns", far.name)
    for netns, link, addresses in ((node.net, "up1", SECOND_IPS), (far, "eth0", BEYOND_IPS)):
        for address, bits in zip(addresses, (24, 64)):
            netns.ip("addr", "add", f"{address}/{bits}", "dev", link, *(["nodad"] if bits == 64 else []))
        netns.ip("link", "set", link, "up")
    node.start()
    yield node, far
    far.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_each_uplink_has_its_address(two_ways, family):
    node, far = two_ways
    pod = node.add_pod("shop", "client")
    first = connect(pod, node.outside, OUTSIDE_IPS[family], 80)
    second = connect(pod, far, BEYOND_IPS[family], 80)
    assert (first[2][0], second[2][0]) == (NODE_IPS[family], SECOND_IPS[family])
    for asking, answering, _ in (first, second):
        talk(asking, answering)


def test_a_new_address_is_used_and_what_had_the_old_one_chooses_again(node, pod):
    server = udp(node.outside, OUTSIDE_IPS[0], 53)
    with server, udp(pod) as client:
        client.sendto(b"x", (OUTSIDE_IPS[0], 53))
        assert server.recvfrom(100)[1][0] == NODE_IPS[0]
        node.net.ip("addr", "del", f"{NODE_IPS[0]}/24", "dev", "up0")
        node.net.ip("addr", "add", "192.0.2.200/24", "dev", "up0")
        node.net.ip("route", "replace", "default", "via", OUTSIDE_IPS[0])

        def seen():
            client.sendto(b"x", (OUTSIDE_IPS[0], 53))
            return server.recvfrom(100)[1][0] == "192.0.2.200"
        weir.wait_for(seen, "the new address")


def test_agents_come_and_go_under_load(node, pod):
    echoes = [Echo(node.outside, "tcp:80", "udp:80")]
    load = Load(pod, {f"{kind} to {ip}": (kind, ip, 80) for kind, ip in
                      itertools.product(("udp", "udp-new", "tcp", "tcp-new"), OUTSIDE_IPS)})
    for turn in range(6):
        node.restart(signal.SIGTERM if turn % 2 else signal.SIGKILL)
    check_none_lost(end_all([load]))
    for echo in echoes:
        echo.kill()


FORMER = """
add set inet weir pods4 {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {0} }}; }}
add set inet weir pods6 {{ type ipv6_addr; flags interval; auto-merge; elements = {{ {1} }}; }}
add rule inet weir postrouting oifname != "lo" ip saddr @pods4 ip daddr != @pods4 meta mark and 0x100000 == 0x0 masquerade fully-random
add rule inet weir postrouting oifname != "lo" ip6 saddr @pods6 ip6 daddr != @pods6 meta mark and 0x100000 == 0x0 masquerade fully-random
"""


def test_what_a_former_version_masqueraded_goes_on_after_the_upgrade(nodes):
    """Connections of before are the kernel's, those of after the datapath's, and none has to wait."""
    node = nodes(options=["--masquerade=no"])
    node.net.exec("nft", "-f", "-", input=FORMER.format(*node.cidrs))
    pod = node.add_pod("shop", "client")
    echoes = [Echo(node.outside, "tcp:80", "udp:80")]
    before = [connect(pod, node.outside, ip, 443) for ip in OUTSIDE_IPS]
    assert [peer[0] for _, _, peer in before] == list(NODE_IPS)
    load = Load(pod, {f"{kind} to {ip}": (kind, ip, 80) for kind, ip in
                      itertools.product(("udp", "tcp", "tcp-new"), OUTSIDE_IPS)})
    node.options = []
    node.restart(signal.SIGKILL)
    assert not uses_nft(node)
    check_none_lost(end_all([load]))
    for asking, answering, _ in before:
        talk(asking, answering)
    assert connect(pod, node.outside, OUTSIDE_IPS[0], 444)[2][1] in PORTS
    for echo in echoes:
        echo.kill()


def test_switched_off_what_exists_goes_on(node, pod):
    asking, answering, _ = connect(pod, node.outside, OUTSIDE_IPS[0], 80)
    node.options = ["--masquerade=no"]
    node.restart()
    talk(asking, answering)
    with udp(node.outside, OUTSIDE_IPS[0], 53) as server, udp(pod) as client:
        client.sendto(b"x", (OUTSIDE_IPS[0], 53))
        assert server.recvfrom(100)[1][0] == pod.ip4


def test_the_command_line_tells(node):
    told = run(weir.CLI, "--socket", node.socket, "status")
    assert f"Masquerade  {NODE_IPS[0]} on up0, {NODE_IPS[1]} on up0\n" in told
    assert os.path.exists(f"{node.bpffs}")
