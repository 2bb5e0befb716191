# SPDX-License-Identifier: Apache-2.0
"""Direct server return: two nodes and a client on one segment; the backend's node answers the client itself."""

import contextlib
import socket

import pytest

import weir
from offload import peer_of_xdp
from test_service_nodes import SECOND_CIDRS, node_object, tcp_peer, udp_peer
from test_service_outside import FAMILIES, NODE_PORT, objects
from traffic import listener, make, packets, received, udp
from weir import NODE_IPS, OUTSIDE_IPS, family_of, run

SECOND_IPS = ("192.0.2.3", "2001:db8::3")
EXTERNAL_IPS = ("203.0.113.80", "2001:db8:80::1")
LENGTHS = {4: 24, 6: 64}


def segment(first, second):
    """The outside becomes a bridge, with the second node's uplink at it as well."""
    outside = first.outside
    outside.ip("link", "add", "br0", "type", "bridge")
    outside.ip("link", "set", "br0", "up")
    run("ip", "link", "add", "up0", "netns", second.net.name, "type", "veth", "peer", "name", "wire1",
        "netns", outside.name)
    for ip in OUTSIDE_IPS:
        length = LENGTHS[family_of(ip)]
        outside.ip("addr", "del", f"{ip}/{length}", "dev", "wire0")
        outside.ip("addr", "add", f"{ip}/{length}", "dev", "br0", *(("nodad",) if length == 64 else ()))
    for link in ("wire0", "wire1"):
        outside.ip("link", "set", link, "master", "br0", "up")
        peer_of_xdp(outside, link)
    for ip in SECOND_IPS:
        length = LENGTHS[family_of(ip)]
        second.net.ip("addr", "add", f"{ip}/{length}", "dev", "up0", *(("nodad",) if length == 64 else ()))
    second.net.ip("link", "set", "up0", "up")
    for family in FAMILIES:
        kind = f"-{family_of(OUTSIDE_IPS[family])}"
        second.net.ip(kind, "route", "add", "default", "via", OUTSIDE_IPS[family])
        first.net.ip(kind, "route", "add", second.cidrs[family], "via", SECOND_IPS[family])
        second.net.ip(kind, "route", "add", first.cidrs[family], "via", NODE_IPS[family])


@pytest.fixture(params=("off", "native"), ids=("tc", "xdp"))
def pair(nodes, request):
    options = ["--service-forwarding=dsr", f"--xdp={request.param}"]
    first = nodes(start=False, options=options)
    second = nodes(start=False, cidrs=SECOND_CIDRS, uplink=False, options=options)
    segment(first, second)
    for node in (first, second):
        node.manifest("first", node_object(first, *NODE_IPS))
        node.manifest("second", node_object(second, *SECOND_IPS))
        node.start()
    return first, second


def publish(pair, *addresses, **spec):
    for node in pair:
        web, *slices = objects(node, *addresses)
        web["spec"].update(spec)
        node.manifest("web", web, *slices)


def pod_objects(second, pod):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod.pod, "namespace": pod.namespace, "labels": {"app": "web"}},
            "spec": {"nodeName": second.name, "containers": [{"name": "c"}]},
            "status": {"podIPs": [{"ip": ip} for ip in pod.ips], "phase": "Running"}}


@pytest.fixture
def web(pair):
    """A pod of the second node behind the service, known to both."""
    first, second = pair
    pod = second.add_pod("shop", "web", labels={"app": "web"})
    first.manifest("pod", pod_objects(second, pod))
    publish(pair, *((ip, second.name) for ip in pod.ips), externalIPs=list(EXTERNAL_IPS))
    return pod


@pytest.mark.parametrize("family", FAMILIES)
def test_the_backend_sees_the_client_and_answers_it(pair, web, family):
    first, _ = pair
    ip, address = OUTSIDE_IPS[family], NODE_IPS[family]
    assert first.status()["outside"]["forwarding"] == "dsr"
    with packets(first.net, "up0") as tap:
        assert tcp_peer(first.outside, ip, address, web)[0] == ip
        assert udp_peer(first.outside, ip, address, web, web.ips[family]) == ip
        # The answers come from the second node's own interface.
        assert not received(tap, lambda frame: b"answer" in frame, timeout=0.3)


def stream(client, client_ip, address, server):
    """Both ends of a TCP connection."""
    sock = listener(server, "0.0.0.0" if family_of(client_ip) == 4 else "::", 8080)
    asking = make(socket.SOCK_STREAM, client, client_ip)
    with sock:
        asking.connect(address)
        conn, peer = sock.accept()[:2]
    conn.settimeout(5)
    asking.settimeout(5)
    return asking, conn, peer[0].removeprefix("::ffff:")


def both_ways(asking, conn, size):
    for sender, receiver in ((asking, conn), (conn, asking)):
        sent, got = bytes(i % 251 for i in range(size)), b""
        left = memoryview(sent)
        while len(got) < size:
            if left:
                left = left[sender.send(left[:16384]):]
            got += receiver.recv(65536)
        assert got == sent


def route_external(client, family, via):
    client.ip(f"-{family_of(via)}", "route", "replace", EXTERNAL_IPS[family], "via", via)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connection_survives_the_node_by_which_it_came(pair, web, family):
    first, _ = pair
    client, ip = first.outside, OUTSIDE_IPS[family]
    route_external(client, family, NODE_IPS[family])
    asking, conn, seen = stream(client, ip, (EXTERNAL_IPS[family], 80), web)
    with asking, conn:
        assert seen == ip
        both_ways(asking, conn, 200_000)
        first.net.ip("link", "set", "up0", "down")
        route_external(client, family, SECOND_IPS[family])
        both_ways(asking, conn, 100_000)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connection_stays_with_a_pod_that_is_not_chosen_any_more(pair, web, family):
    first, second = pair
    other = second.add_pod("shop", "other", labels={"app": "web"})
    first.manifest("other", pod_objects(second, other))
    asking, conn, _ = stream(first.outside, OUTSIDE_IPS[family], (NODE_IPS[family], NODE_PORT), web)
    with asking, conn:
        both_ways(asking, conn, 1000)
        publish(pair, *((ip, second.name) for ip in other.ips))
        both_ways(asking, conn, 1000)
    assert tcp_peer(first.outside, OUTSIDE_IPS[family], NODE_IPS[family], other)[0] == OUTSIDE_IPS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_policy_of_the_pod_sees_the_client(pair, web, family):
    first, second = pair
    web.serve("tcp:8080")
    target = ("tcp", NODE_IPS[family], NODE_PORT)
    client = f"{OUTSIDE_IPS[family]}/{32 if family == 0 else 128}"
    node = f"{NODE_IPS[family]}/{32 if family == 0 else 128}"
    for cidr, result in ((client, "open"), (node, "timeout")):
        second.manifest("policy", {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                                   "metadata": {"name": "p", "namespace": "shop"},
                                   "spec": {"podSelector": {}, "policyTypes": ["Ingress"],
                                            "ingress": [{"from": [{"ipBlock": {"cidr": cidr}}]}]}})
        assert first.outside.probe(target, timeout_ms=900) == [result], cidr


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_no_pod_sees_the_node_by_which_it_came(pair, family):
    first, second = pair
    publish(pair, *((ip, second.name) for ip in SECOND_IPS))
    assert tcp_peer(first.outside, OUTSIDE_IPS[family], NODE_IPS[family], second.net)[0] == NODE_IPS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_affinity_is_the_node_s_own(pair, web, family):
    first, second = pair
    publish(pair, *((ip, second.name) for ip in web.ips), sessionAffinity="ClientIP")
    assert tcp_peer(first.outside, OUTSIDE_IPS[family], NODE_IPS[family], web)[0] == NODE_IPS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_nodes_that_do_not_agree_send_nothing_in_circles(pair, web, family):
    """The first knows of the pod only at the second node, which knows only of another one at the first."""
    first, second = pair
    pod = first.add_pod("shop", "here", labels={"app": "web"})
    second.manifest("pod", pod_objects(first, pod))
    for node, addresses in ((first, web.ips), (second, pod.ips)):
        node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in addresses)))
    with udp(first.outside, OUTSIDE_IPS[family]) as client, packets(first.outside, "wire1") as tap, \
            udp(pod, pod.ips[family], 8080) as server, udp(web, web.ips[family], 8080) as other:
        client.sendto(b"question", (NODE_IPS[family], NODE_PORT))
        other.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            server.settimeout(1)
            server.recv(64)
        # Out of the second node's uplink it comes at most once.
        found = 0
        while received(tap, lambda frame: b"question" in frame, timeout=0.3):
            found += 1
        assert found <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_one_node_may_be_configured_before_the_other(pair, web, family):
    first, second = pair
    second.options = [option for option in second.options if "dsr" not in option]
    second.restart()
    # NodePorts of the first node are not the second's then: it sends them back, and they are translated.
    assert tcp_peer(first.outside, OUTSIDE_IPS[family], NODE_IPS[family], web)[0] == NODE_IPS[family]
    route_external(first.outside, family, NODE_IPS[family])
    asking, conn, seen = stream(first.outside, OUTSIDE_IPS[family], (EXTERNAL_IPS[family], 80), web)
    with asking, conn:
        assert seen == OUTSIDE_IPS[family]


def test_status_tells(pair):
    first, _ = pair
    weir.wait_for(lambda: "backends' nodes answer (dsr)" in first.weir("status"), "the mode is shown")
