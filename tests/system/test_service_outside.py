# SPDX-License-Identifier: Apache-2.0
"""Services for the outside: a host beyond the uplink asks a NodePort, and backends here and elsewhere answer."""

import contextlib
import socket
import struct

import pytest

import weir
from offload import peer_of_xdp
from traffic import drops, inside, listener, make, udp
from weir import NODE_IPS, OUTSIDE_IPS, Netns, family_of, run

NODE_PORT = 30080
AWAY_IPS = ("10.99.0.2", "fd00:99::2")  # a pod of another node, say
AWAY_MTU = 1300
BALANCER_IPS = ("203.0.113.80", "2001:db8:1::80")
FAMILIES = (0, 1)  # which of the two addresses


def objects(node, *addresses, policy="Cluster"):
    """A Service with a NodePort for TCP and UDP, and its slices of both families."""
    ports = [{"name": proto, "port": 80, "nodePort": NODE_PORT, "protocol": proto.upper()} for proto in ("tcp", "udp")]
    made = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
             "spec": {"type": "NodePort", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00:96::1"],
                      "externalTrafficPolicy": policy, "ports": ports}}]
    for family in (4, 6):
        endpoints = [{"addresses": [ip], "conditions": {"ready": True}, **({"nodeName": name} if name else {})}
                     for ip, name in addresses if family_of(ip) == family]
        made.append({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": f"IPv{family}",
                     "metadata": {"name": f"web-{family}", "namespace": "shop",
                                  "labels": {"kubernetes.io/service-name": "web"}},
                     "ports": [{"name": proto, "port": 8080, "protocol": proto.upper()} for proto in ("tcp", "udp")],
                     "endpoints": endpoints})
    return made


@contextlib.contextmanager
def another_place(node):
    """A namespace behind the outside, which routes to it."""
    away = Netns(f"{node.tag}-away")
    try:
        run("ip", "link", "add", "to-away", "netns", node.outside.name, "mtu", AWAY_MTU, "type", "veth",
            "peer", "name", "eth0", "netns", away.name, "mtu", AWAY_MTU)
        for netns, link, last in ((node.outside, "to-away", 1), (away, "eth0", 2)):
            netns.ip("addr", "add", f"10.99.0.{last}/24", "dev", link)
            netns.ip("addr", "add", f"fd00:99::{last}/64", "dev", link, "nodad")
            netns.ip("link", "set", link, "up")
        away.ip("route", "add", "default", "via", "10.99.0.1")
        away.ip("-6", "route", "add", "default", "via", "fd00:99::1")
        node.outside.sysctl("ipv4/ip_forward", 1)
        node.outside.sysctl("ipv6/conf/all/forwarding", 1)
        yield away
    finally:
        away.close()


@pytest.fixture(params=("off", "native"), ids=("tc", "xdp"))
def node(nodes, request):
    made = nodes(options=[f"--xdp={request.param}"])
    if request.param != "off":
        peer_of_xdp(made.outside, "wire0")
    return made


@pytest.fixture
def away(node):
    with another_place(node) as made:
        yield made


def talk(node, server, family, far=False):
    """One TCP connection from outside through the NodePort; who the server thinks has asked."""
    sock = listener(server, "0.0.0.0" if family == 0 else "::", 8080)
    client = make(socket.SOCK_STREAM, node.outside, OUTSIDE_IPS[family])
    with sock, client:
        client.connect((NODE_IPS[family], NODE_PORT))
        conn, peer = sock.accept()[:2]
        with conn:
            conn.settimeout(5)
            client.settimeout(5)
            for sender, receiver, size in ((client, conn, 200_000), (conn, client, 300_000)):
                sent = bytes(i % 251 for i in range(size))
                left, got = memoryview(sent), b""
                while len(got) < size:
                    if left:
                        left = left[sender.send(left[:16384]):]
                    got += receiver.recv(65536)
                assert got == sent
    return peer[0].removeprefix("::ffff:")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pod_of_this_node_sees_the_client(node, family):
    pod = node.add_pod("shop", "web")
    node.manifest("web", *objects(node, *((ip, node.name) for ip in pod.ips)))
    assert talk(node, pod, family) == OUTSIDE_IPS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_backend_elsewhere_sees_this_node(node, away, family):
    node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS)))
    assert talk(node, away, family) == NODE_IPS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_socket_of_this_node_sees_the_client(node, family):
    node.manifest("web", *objects(node, *((ip, node.name) for ip in NODE_IPS)))
    assert talk(node, node.net, family) == OUTSIDE_IPS[family]


def ask(client, server, datagram, address):
    """What the server gets: the first one may be lost, and what is learned by that holds for the second."""
    for _ in range(3):
        client.sendto(datagram, address)
        with contextlib.suppress(TimeoutError):
            return server.recvfrom(65535)[:2]
    raise weir.Failed(f"no datagram of {len(datagram)} bytes arrives")


@pytest.mark.parametrize("family", FAMILIES)
def test_datagrams_are_as_long_as_the_way_behind_the_node_takes(node, away, family):
    """The link to the backend takes less than the uplink: in IPv6 its router says so, and the client must hear it."""
    node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS)))
    server = udp(away, AWAY_IPS[family], 8080)
    client = udp(node.outside, OUTSIDE_IPS[family])
    with server, client:
        for size in (100, 4000):
            asked, peer = ask(client, server, b"x" * size, (NODE_IPS[family], NODE_PORT))
            assert len(asked) == size and peer[0] == NODE_IPS[family]
            server.sendto(asked * 2, peer)
            answer, sender = client.recvfrom(65535)[:2]
            assert len(answer) == 2 * size and sender[:2] == (NODE_IPS[family], NODE_PORT)


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_and_no_service(node, family):
    assert node.outside.probe(("tcp", NODE_IPS[family], NODE_PORT)) == ["refused"]
    node.manifest("web", *objects(node))
    assert node.outside.probe(("tcp", NODE_IPS[family], NODE_PORT), timeout_ms=900) == ["refused"]
    assert node.outside.probe(("udp", NODE_IPS[family], NODE_PORT), timeout_ms=900) == ["refused"]
    node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS), policy="Local"))
    assert node.outside.probe(("tcp", NODE_IPS[family], NODE_PORT), timeout_ms=900) == ["timeout"]
    # The node's own ports are there all the time.
    node.net.serve("tcp:2222")
    assert node.outside.reaches("tcp", NODE_IPS[family], 2222)


@pytest.mark.parametrize("family", FAMILIES)
def test_policy_of_the_pod_sees_the_client(node, family):
    pod = node.add_pod("shop", "web", labels={"app": "web"})
    pod.serve("tcp:8080")
    node.manifest("web", *objects(node, *((ip, node.name) for ip in pod.ips)))
    target = ("tcp", NODE_IPS[family], NODE_PORT)
    assert node.outside.probe(target) == ["open"]
    allowed = [{"ipBlock": {"cidr": f"{ip}/{32 if family_of(ip) == 4 else 128}"}} for ip in OUTSIDE_IPS]
    for peers, result in (([], "timeout"), (allowed, "open")):
        node.manifest("policy", {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                                 "metadata": {"name": "p", "namespace": "shop"},
                                 "spec": {"podSelector": {}, "policyTypes": ["Ingress"],
                                          "ingress": [{"from": peers}] if peers else []}})
        assert node.outside.probe(target, timeout_ms=900) == [result]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_load_balancer_address_has_source_ranges(node, family):
    pod = node.add_pod("shop", "web")
    pod.serve("tcp:8080")
    address = BALANCER_IPS[family]
    node.outside.ip(f"-{family_of(address)}", "route", "add", address, "via", NODE_IPS[family])
    for ranges, result in ((None, "open"), (["192.0.2.1/32", " 2001:db8::1/128 "], "open"),
                           (["10.0.0.0/8", "fd00::/8"], "timeout"), (["0.0.0.0/0", "::/0"], "open")):
        web, *slices = objects(node, *((ip, node.name) for ip in pod.ips))
        web["spec"].update({"type": "LoadBalancer", **({"loadBalancerSourceRanges": ranges} if ranges else {})})
        web["status"] = {"loadBalancer": {"ingress": [{"ip": ip} for ip in BALANCER_IPS]}}
        node.manifest("web", web, *slices)
        assert node.outside.probe(("tcp", address, 80), timeout_ms=900) == [result], ranges
        # The ranges are the address's only.
        assert node.outside.reaches("tcp", NODE_IPS[family], NODE_PORT)


@pytest.mark.parametrize("family", FAMILIES)
def test_pods_and_the_node_itself_use_node_ports_too(node, family):
    pod, other = node.add_pod("shop", "web"), node.add_pod("shop", "other")
    pod.serve("tcp:8080", "udp:8080")
    web, *slices = objects(node, *((ip, node.name) for ip in pod.ips))
    web["spec"].update({"type": "LoadBalancer", "externalIPs": [AWAY_IPS[family]], "externalTrafficPolicy": "Local"})
    web["status"] = {"loadBalancer": {"ingress": [{"ip": ip} for ip in BALANCER_IPS]}}
    node.manifest("web", web, *slices)
    targets = [(proto, ip, port) for proto in ("tcp", "udp")
               for ip, port in ((NODE_IPS[family], NODE_PORT), (AWAY_IPS[family], 80), (BALANCER_IPS[family], 80))]
    for client in (other, pod, node.net):
        assert client.probe_answers(*targets) == [("open", pod.name)] * 6, client.name


@pytest.mark.parametrize("family", FAMILIES)
def test_who_routes_a_cluster_address_here_may_use_it(node, family):
    pod = node.add_pod("shop", "web")
    pod.serve("tcp:8080")
    node.manifest("web", *objects(node, *((ip, node.name) for ip in pod.ips)))
    address = ("10.96.0.1", "fd00:96::1")[family]
    node.outside.ip(f"-{family_of(address)}", "route", "add", address, "via", NODE_IPS[family])
    assert node.outside.probe(("tcp", address, 80), ("tcp", address, 81), timeout_ms=900) == ["open", "refused"]


def test_a_service_that_goes_closes_its_port(node):
    pod = node.add_pod("shop", "web")
    pod.serve("tcp:8080")
    node.manifest("web", *objects(node, *((ip, node.name) for ip in pod.ips)))
    assert node.outside.reaches("tcp", NODE_IPS[0], NODE_PORT)
    node.remove_manifest("web")
    assert node.outside.probe(("tcp", NODE_IPS[0], NODE_PORT)) == ["refused"]


def test_an_address_that_comes_later_is_taken(node, away):
    """The uplink's address changes while the agent runs."""
    node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS)))
    node.net.ip("addr", "del", f"{NODE_IPS[0]}/24", "dev", "up0")
    node.net.ip("addr", "add", "192.0.2.200/24", "dev", "up0")
    node.net.ip("route", "replace", "default", "via", OUTSIDE_IPS[0])
    away.serve("tcp:8080")
    weir.wait_for(lambda: node.outside.reaches("tcp", "192.0.2.200", NODE_PORT, timeout_ms=500), "the new address")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("before", ("nobody", "elsewhere"))
def test_a_client_that_asked_too_early_recovers_with_the_same_socket(node, family, before):
    """Its datagrams before there was an endpoint, refused or dropped by policy Local, have left nothing in the way."""
    pods = [node.add_pod("shop", name) for name in ("first", "second")]
    address = (NODE_IPS[family], NODE_PORT)
    node.manifest("web", *objects(node, *(() if before == "nobody" else ((ip, "elsewhere") for ip in AWAY_IPS)),
                                  policy="Local"))
    with udp(node.outside, OUTSIDE_IPS[family], 5353) as client:
        for _ in range(3):
            with contextlib.suppress(ConnectionRefusedError, TimeoutError):
                client.settimeout(0.2)
                client.sendto(b"too early", address)
                client.recv(64)
        client.settimeout(2)
        # And then the endpoint is another one.
        for pod in pods:
            node.manifest("web", *objects(node, *((ip, node.name) for ip in pod.ips), policy="Local"))
            with udp(pod, pod.ips[family], 8080) as server:
                asked, peer = ask(client, server, b"in time", address)
                assert (asked, peer[0]) == (b"in time", OUTSIDE_IPS[family])
                server.sendto(b"answer", peer)
                assert client.recv(64) == b"answer"


def test_half_open_connections_shut_nobody_out(nodes):
    """More of them than there are source ports; their checksum is wrong, so the backend never says anything."""
    node = nodes(options=["--service-source-ports=20000-20255"])
    with another_place(node) as away:
        node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS)))
        assert talk(node, away, 0) == NODE_IPS[0]
        with inside(node.outside):
            flood = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        with flood:
            for port in range(1024, 4096):
                flood.sendto(struct.pack("!HHIIBBHHH", port, NODE_PORT, port, 0, 0x50, 2, 65535, 1, 0),
                             (NODE_IPS[0], 0))
        for _ in range(8):
            assert talk(node, away, 0) == NODE_IPS[0]
        lost = drops(node)
        assert lost.get("SERVICE_PORT_LOST", 0) > 2000 and not lost.get("SERVICE_PORTS"), lost
