# SPDX-License-Identifier: Apache-2.0
"""Who reaches a ClusterIP, where it leads, and what a client hears that is led nowhere."""

import pytest

import weir
from services import (VIPS, answers, connection, endpoint, endpoint_slice, result, service, slices)
from traffic import listener, udp

PROTOS = ("tcp", "udp")
SILENCE_MS = 600
ELSEWHERE = "another-node"


def each_way(port=80):
    return [(proto, vip, port) for proto in PROTOS for vip in VIPS]


def test_every_backend_is_reached_in_both_families_and_nobody_else(shop):
    shop.open(*shop.backends)
    for way in each_way():
        assert answers(shop.client, *way) == shop.names, way
    shop.endpoints(shop.backends[1])
    for way in each_way():
        assert answers(shop.client, *way, times=8) == {"two"}, way


def test_endpoints_of_several_slices_are_one_set(shop):
    one, two, three = shop.backends
    shop.open()
    shop.put("slices", *shop.slices(one), *shop.slices(two, suffix="-b"), *shop.slices(two, three, suffix="-c"))
    for way in each_way():
        assert answers(shop.client, *way) == shop.names, way


def test_a_named_target_port_may_be_another_number_at_each_backend(shop):
    one, two, _ = shop.backends
    for port, pod in ((7001, one), (7002, two)):
        pod.serve(f"tcp:{port}", name=f"{pod.pod} on {port}")
    shop.open(targetPort="web")
    shop.put("slices", *shop.slices(one, ports=("tcp:7001:web",)),
             *shop.slices(two, ports=("tcp:7002:web",), suffix="-b"))
    for vip in VIPS:
        assert answers(shop.client, "tcp", vip, 80) == {"one on 7001", "two on 7002"}


def test_tcp_and_udp_on_one_number_are_two_services(shop):
    one, two, _ = shop.backends
    shop.put("service", service(shop.KEY, "tcp:80:web", "udp:80:dns"))
    shop.put("slices", *shop.slices(one, ports=("tcp:80:web",)), *shop.slices(two, ports=("udp:80:dns",), suffix="-b"))
    for vip in VIPS:
        assert answers(shop.client, "tcp", vip, 80, times=8) == {"one"}
        assert answers(shop.client, "udp", vip, 80, times=8) == {"two"}
    shop.put("service", service(shop.KEY, "udp:80:dns"))
    for vip in VIPS:
        assert result(shop.client, "tcp", vip, 80) == "refused"
        assert result(shop.client, "udp", vip, 80) == "open"


def test_without_endpoints_a_connection_is_refused_at_once(shop):
    shop.open()
    # A repeated SYN would be a second late: what is not refused by the first is not refused at once.
    for way in each_way():
        assert result(shop.client, *way, timeout_ms=900) == "refused", way


def test_a_port_that_the_service_does_not_have_is_refused(shop):
    shop.open(*shop.backends)
    for way in each_way(port=81):
        assert result(shop.client, *way, timeout_ms=900) == "refused", way


def test_a_service_of_one_family_is_none_of_the_other(shop):
    shop.put("service", service(shop.KEY, "tcp:80:web", vips=VIPS[:1]))
    shop.endpoints(*shop.backends)
    assert answers(shop.client, "tcp", VIPS[0], 80) == shop.names
    assert result(shop.client, "tcp", VIPS[1], 80, SILENCE_MS) != "open"


def test_policy_local_without_a_local_endpoint_is_silent(shop):
    shop.put("service", service(shop.KEY, "tcp:80:web", "udp:80:dns", internalTrafficPolicy="Local"))
    shop.put("slices", *[endpoint_slice(shop.KEY, f"far-{weir.family_of(ip)}", [endpoint(ip, ELSEWHERE)],
                                        "tcp:80:web", "udp:80:dns") for ip in weir.OUTSIDE_IPS])
    for way in each_way():
        assert result(shop.client, *way, timeout_ms=SILENCE_MS) == "timeout", way
    shop.endpoints()
    for way in each_way():
        assert result(shop.client, *way, timeout_ms=900) == "refused", way


def test_policy_local_keeps_to_this_node(shop):
    one = shop.backends[0]
    shop.put("service", service(shop.KEY, "tcp:80:web", internalTrafficPolicy="Local"))
    far = [endpoint_slice(shop.KEY, f"far-{weir.family_of(ip)}", [endpoint(ip, ELSEWHERE)], "tcp:80:web")
           for ip in weir.OUTSIDE_IPS]
    shop.put("slices", *far, *shop.slices(one))
    for vip in VIPS:
        assert answers(shop.client, "tcp", vip, 80) == {"one"}


def test_a_backend_may_be_outside_of_the_cluster_or_the_node_itself(shop):
    shop.node.outside.serve("tcp:8443", name="outside")
    shop.node.net.serve("tcp:8443", name="node")
    shop.put("service", service(shop.KEY, "tcp:443:https"))
    for ips, name in ((weir.OUTSIDE_IPS, "outside"), (weir.NODE_IPS, "node")):
        shop.put("slices", *[endpoint_slice(shop.KEY, f"v{weir.family_of(ip)}", [endpoint(ip, None)], "tcp:8443:https")
                             for ip in ips])
        for vip in VIPS:
            assert answers(shop.client, "tcp", vip, 443, times=4) == {name}


def test_a_pod_reaches_itself_through_its_service(shop):
    one = shop.backends[0]
    shop.open(one)
    for way in each_way():
        assert answers(one, *way, times=4) == {"one"}, way


def test_a_backend_sees_the_address_of_the_client(shop):
    one = shop.backends[0]
    shop.open(one)
    shop.endpoints(one, ports=("tcp:7011:web", "udp:7012:dns"))
    for vip, here, source in zip(VIPS, one.ips, shop.client.ips):
        with listener(one, here, 7011) as waiting, connection(shop.client, vip, 80) as sock:
            got, peer = waiting.accept()
            assert peer[0] == source and sock.getpeername()[0] == vip
            got.close()
        with udp(one, here, 7012) as waiting, udp(shop.client, family=weir.family_of(vip)) as sock:
            sock.sendto(b"?", (vip, 80))
            assert waiting.recvfrom(100)[1][0] == source


@pytest.mark.parametrize("label", ["service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name"])
def test_a_label_that_names_another_proxy_takes_effect_and_ends(shop, label):
    shop.open(*shop.backends)
    for labels, reached in (({}, True), ({label: "another"}, False), ({}, True)):
        shop.put("service", service(shop.KEY, "tcp:80:web", labels=labels))
        for vip in VIPS:
            assert (result(shop.client, "tcp", vip, 80, SILENCE_MS) == "open") == reached, labels


def test_a_service_that_becomes_headless_external_or_nothing_is_closed(shop):
    one = shop.backends[0]
    closed = [[service(shop.KEY, "tcp:80:web", clusterIP="None", clusterIPs=["None"])],
              [service(shop.KEY, "tcp:80:web", type="ExternalName", externalName="www.example.com",
                       clusterIP=None, clusterIPs=None)],
              []]
    for objects in closed:
        shop.open(one)
        assert [result(shop.client, "tcp", vip, 80) for vip in VIPS] == ["open"] * 2
        shop.put("service", *objects)
        assert "open" not in [result(shop.client, "tcp", vip, 80, SILENCE_MS) for vip in VIPS], objects


def test_when_the_last_service_is_gone_its_address_is_as_any_other(nodes):
    """Also for a client that keeps its source port, and that nobody has answered."""
    node = nodes()
    client, one = (node.add_pod("shop", name) for name in ("client", "one"))
    for vip, here in zip(VIPS, one.ips):
        family = weir.family_of(vip)
        node.outside.ip("addr", "add", f"{vip}/{32 if family == 4 else 128}", "dev", "lo", *["nodad"] * (family == 6))
        node.manifest("service", service("shop/back", "udp:80:dns"), *slices(node, "shop/back", [one], "udp:80:dns"))
        with udp(client, family=family) as sock, udp(one, here, 80) as backend, udp(node.outside, vip, 80) as outside:
            sock.connect((vip, 80))
            sock.send(b"to the service")
            assert backend.recv(100) == b"to the service"
            node.remove_manifest("service")
            sock.send(b"to the outside")
            assert outside.recv(100) == b"to the outside"


def test_a_service_that_is_made_again_at_another_address_leaves_the_first(shop):
    others = ("10.96.0.11", "fd00:96::11")
    shop.open(*shop.backends)
    shop.put("service", service(shop.KEY, "tcp:80:web", vips=others))
    for old, new in zip(VIPS, others):
        assert answers(shop.client, "tcp", new, 80) == shop.names
        assert result(shop.client, "tcp", old, 80, SILENCE_MS) != "open"


def test_two_services_may_have_the_same_backends_and_no_common_fate(shop):
    other = ("10.96.0.12", "fd00:96::12")
    shop.open(*shop.backends)
    shop.put("other", service("bank/other", "tcp:80:web", vips=other),
             *slices(shop.node, "bank/other", shop.backends[:1], "tcp:8080:web"))
    for vip in other:
        assert answers(shop.client, "tcp", vip, 80, times=8) == {"one"}
    shop.endpoints()
    for first, second in zip(VIPS, other):
        assert result(shop.client, "tcp", first, 80) == "refused"
        assert result(shop.client, "tcp", second, 80) == "open"


def test_the_command_tells_of_services(shop):
    shop.open(*shop.backends[:2], sessionAffinity="ClientIP")
    listed = shop.node.weir("service", "list")
    line = next(line for line in listed.splitlines() if "back" in line)
    assert "shop" in line and VIPS[0] in listed and VIPS[1] in listed
    told = shop.node.weir("service", "get", shop.KEY)
    for text in (*VIPS, "keep their backend for 3h", *[ip for pod in shop.backends[:2] for ip in pod.ips]):
        assert text in told, told
    assert not [ip for ip in shop.backends[2].ips if ip in told]
    with pytest.raises(weir.Failed):
        shop.node.weir("service", "get", "shop/nobody")
