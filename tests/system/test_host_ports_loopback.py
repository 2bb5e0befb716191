# SPDX-License-Identifier: Apache-2.0
"""Host ports at the node's loopback addresses: for its own processes, and for nobody else."""

import socket
import struct

import pytest

import weir
from traffic import drops, make, packets, policy, udp

PORT, OTHER_PORT = 8054, 8055
LOOPBACK, LOOPBACK_6 = "127.0.0.1", "::1"
PROTOCOLS = ("tcp", "udp")
SECRET_PORT = 5300  # of the node's own at 127.0.0.1
ROUTE_LOCALNET = "/proc/sys/net/ipv4/conf/{}/route_localnet"


def mappings(host_ip=None, port=PORT, protocols=PROTOCOLS):
    return {"portMappings": [{"hostPort": port, "containerPort": 80, "protocol": proto,
                              **({"hostIP": host_ip} if host_ip else {})} for proto in protocols]}


def add_server(node, name, host_ip=None, port=PORT, protocols=PROTOCOLS, **more):
    pod = node.add_pod("shop", name, runtime=mappings(host_ip, port, protocols), **more)
    pod.serve("tcp:80", "udp:80", name=name)
    return pod


def servers(netns, address, port=PORT):
    """Who answers there, by both protocols."""
    found = netns.probe_answers(*((proto, address, port) for proto in PROTOCOLS))
    return [name if result == "open" else None for result, name in found]


def link_of(pod):
    return pod.result["interfaces"][0]["name"]


def route_localnet(node, link):
    return int(node.net.exec("cat", ROUTE_LOCALNET.format(link)))


def test_one_number_has_a_pod_at_each_address(node):
    pods = [add_server(node, "loopback", LOOPBACK), add_server(node, "node", weir.NODE_IPS[0])]
    other = node.add_pod("shop", "other")
    assert servers(node.net, LOOPBACK) == ["loopback"] * 2
    assert servers(node.net, "127.0.0.2") == [None] * 2
    for netns in (node.net, node.outside, other):
        assert servers(netns, weir.NODE_IPS[0]) == ["node"] * 2
    with pytest.raises(weir.CniError, match="host port is in use"):
        add_server(node, "every")
    node.restart()
    assert servers(node.net, LOOPBACK) == ["loopback"] * 2
    for pod in pods:
        node.del_pod(pod)
    assert servers(node.net, LOOPBACK) == [None] * 2
    every = add_server(node, "every")
    assert servers(node.net, LOOPBACK) == servers(node.net, weir.NODE_IPS[0]) == ["every"] * 2
    node.del_pod(every)
    assert servers(node.net, LOOPBACK) == [None] * 2


def test_of_one_number_each_protocol_is_another_pod_s(node):
    add_server(node, "loopback", LOOPBACK, protocols=("tcp",))
    add_server(node, "every", protocols=("udp",))
    assert servers(node.net, LOOPBACK) == ["loopback", "every"]
    assert servers(node.outside, weir.NODE_IPS[0]) == [None, "every"]


def test_only_the_node_reaches_a_port_of_loopback_alone(node):
    pod = add_server(node, "loopback", LOOPBACK)
    other = node.add_pod("shop", "other")
    gateways = [address for address in (route["gateway"] for route in pod.result["ips"])
                if weir.family_of(address) == 4]
    assert servers(node.net, LOOPBACK) == ["loopback"] * 2
    assert servers(node.net, "127.0.0.9") == [None] * 2
    for address in [weir.NODE_IPS[0], *gateways]:
        for netns in (node.net, node.outside, other, pod):
            assert servers(netns, address) == [None] * 2, f"{address} from {netns.name}"
    assert servers(other, LOOPBACK) == [None] * 2


def test_another_loopback_address_has_ports_of_its_own(node):
    add_server(node, "second", "127.0.0.2")
    add_server(node, "every", port=OTHER_PORT)
    node.net.serve(f"tcp:{OTHER_PORT}", f"udp:{OTHER_PORT}", name="own", on=("127.0.0.53",))
    assert servers(node.net, "127.0.0.2") == ["second"] * 2
    assert servers(node.net, LOOPBACK) == [None] * 2
    assert servers(node.net, LOOPBACK, OTHER_PORT) == ["every"] * 2
    assert servers(node.net, "127.0.0.53", OTHER_PORT) == ["own"] * 2


def test_a_pod_that_policy_isolates_is_reached(node):
    node.manifest("policy", policy("shop", "nobody", {"app": "db"}, ingress=[], egress=[]))
    add_server(node, "db", LOOPBACK, labels={"app": "db"})
    assert servers(node.net, LOOPBACK) == ["db"] * 2


def ask_loopback_6(netns, source, port):
    """Who answers at ::1 a process with that address."""
    with make(socket.SOCK_STREAM, netns, source) as sock:
        sock.connect((LOOPBACK_6, port))
        return sock.recv(64).decode().strip()


def test_ipv6_loopback_addresses_have_bound_ports_for_who_has_another_address(node):
    add_server(node, "every")
    node.net.serve(f"tcp:{PORT}", f"udp:{PORT}", name="own", on=(LOOPBACK_6,))
    assert servers(node.net, LOOPBACK_6) == ["own"] * 2
    pod = add_server(node, "bound", LOOPBACK_6, OTHER_PORT)
    other = node.add_pod("shop", "other")
    assert ask_loopback_6(node.net, weir.NODE_IPS[1], OTHER_PORT) == "bound"
    assert servers(node.net, LOOPBACK_6, OTHER_PORT) == [None] * 2
    for netns in (node.net, node.outside, other, pod):
        assert servers(netns, weir.NODE_IPS[1], OTHER_PORT) == [None] * 2, netns.name
    assert f"host port {OTHER_PORT} at ::1 is served only to who asks from another" in node.log_text()
    node.del_pod(pod)
    with pytest.raises(ConnectionRefusedError):
        ask_loopback_6(node.net, weir.NODE_IPS[1], OTHER_PORT)


def test_only_links_that_need_it_take_loopback_addresses(node):
    links = {name: link_of(add_server(node, name, host_ip, port))
             for name, host_ip, port in (("loopback", LOOPBACK, PORT), ("node", weir.NODE_IPS[0], PORT),
                                         ("every", None, OTHER_PORT))}
    links["none"] = link_of(node.add_pod("shop", "none"))
    for link, expected in [(links["loopback"], 1), (links["every"], 1), (links["node"], 0), (links["none"], 0),
                           ("all", 0), ("default", 0), ("up0", 0)]:
        assert route_localnet(node, link) == expected, link
    # As a former version of weir has left it
    node.net.sysctl(f"ipv4/conf/{links['loopback']}/route_localnet", 0)
    node.restart()
    assert servers(node.net, LOOPBACK) == ["loopback"] * 2


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def datagram(source_mac, target_mac, source, target, port):
    """A frame; without a checksum of UDP, which IPv4 allows."""
    macs = bytes.fromhex((target_mac + source_mac).replace(":", ""))
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, 0, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(source), socket.inet_aton(target))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return macs + b"\x08\x00" + header + struct.pack("!HHHH", 4000, port, 12, 0) + b"evil"


def mac_of(netns, link):
    return netns.ip_json("link", "show", "dev", link)[0]["address"]


@pytest.mark.parametrize("everywhere", (0, 1), ids=("as weir sets it", "route_localnet of every link"))
def test_forged_packets_reach_neither_the_node_s_loopback_nor_the_pod(node, everywhere):
    """CVE-2020-8558: what route_localnet lets in, from_pod and from_wire do not."""
    pod = add_server(node, "loopback", LOOPBACK)
    every = add_server(node, "every", port=OTHER_PORT)
    node.net.sysctl("ipv4/conf/all/route_localnet", everywhere)
    own = udp(node.net, LOOPBACK, SECRET_PORT, timeout=0.5)
    arrived = packets(pod, timeout=0.5)
    before = drops(node)
    sent = 0
    for netns, ifname, link, address in ((every, "eth0", link_of(every), every.ip4),
                                         (node.outside, "wire0", "up0", weir.OUTSIDE_IPS[0])):
        wire = packets(netns, ifname)
        for source, target, port in ((address, LOOPBACK, SECRET_PORT), (address, LOOPBACK, PORT),
                                     (address, LOOPBACK, OTHER_PORT), (LOOPBACK, LOOPBACK, SECRET_PORT),
                                     (LOOPBACK, weir.NODE_IPS[0], OTHER_PORT), (LOOPBACK, pod.ip4, 80)):
            wire.send(datagram(mac_of(netns, ifname), mac_of(node.net, link), source, target, port))
            sent += 1
    weir.wait_for(lambda: drops(node).get("POD_FROM_WIRE", 0) - before.get("POD_FROM_WIRE", 0) == sent,
                  "all are refused")
    with pytest.raises(socket.timeout):
        own.recv(64)
    with pytest.raises(socket.timeout):
        while b"evil" not in arrived.recv(2048):
            pass
    assert servers(node.net, LOOPBACK) == ["loopback"] * 2
