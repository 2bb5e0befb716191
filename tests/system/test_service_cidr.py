# SPDX-License-Identifier: Apache-2.0
"""Addresses of a service CIDR that no service has: outside somebody answers at them, and is not asked."""

import socket

import pytest

from services import result, serve_by_name, service, slices, text_of
from traffic import FAMILIES, drops, packets, received
from weir import NODE_IPS, OUTSIDE_IPS, family_of

CIDRS = ("10.96.0.0/16", "fd00:96::/112")
VIPS = ("10.96.0.10", "fd00:96::10")
FREE = ("10.96.0.99", "fd00:96::99")
OPTIONS = [f"--service-cidr={cidr}" for cidr in CIDRS]


@pytest.fixture
def make(nodes):
    """make(options) is a node with a client, a backend and a service; outside FREE is served."""
    def prepare(options):
        node = nodes(options=options)
        node.route_pods()
        for address in FREE:
            node.outside.ip("addr", "add", address, "dev", "lo")
        node.outside.serve("tcp:80", "udp:80", name="outside")
        node.client, node.backend = (node.add_pod("shop", name, labels={}) for name in ("client", "back"))
        serve_by_name(node.backend)
        node.write("service.yaml", text_of(service("shop/back", "tcp:80:web", "udp:80:dns", vips=VIPS),
                                           *slices(node, "shop/back", [node.backend], "tcp:80:web", "udp:80:dns")))
        node.settle()
        return node
    return prepare


def all_results(client, addresses, timeout_ms=700):
    return {result(client, proto, address, 80, timeout_ms=timeout_ms)
            for proto in ("tcp", "udp") for address in addresses}


def pings(client, address):
    return result(client, "icmp", address, 0, timeout_ms=700)


def is_for(addresses):
    """Of frames: for one of them."""
    wires = [socket.inet_pton(FAMILIES[family_of(address)], address) for address in addresses]

    def wanted(frame):
        raw = frame[30:34] if frame[12:14] == b"\x08\x00" else frame[38:54]
        return raw in wires
    return wanted


def test_without_a_cidr_they_are_addresses_outside(make):
    node = make([])
    assert node.status()["services"]["cidrs"] == []
    for client in (node.client, node.net):
        assert all_results(client, VIPS + FREE, timeout_ms=2000) == {"open"}
    assert {pings(node.client, address) for address in FREE} == {"open"}


def test_nobody_is_asked_at_an_address_that_no_service_has(make):
    node = make(OPTIONS)
    assert node.status()["services"]["cidrs"] == list(CIDRS)
    assert ", of 10.96.0.0/16, fd00:96::/112," in node.weir("status")
    for client in (node.client, node.net):
        assert all_results(client, VIPS, timeout_ms=2000) == {"open"}
    with packets(node.outside, "wire0") as wire:
        assert all_results(node.client, FREE) == {"timeout"}
        assert {pings(node.client, address) for address in FREE} == {"timeout"}
        # The node's own sockets are told, and at once.
        assert all_results(node.net, FREE) == {"unreachable"}
        assert received(wire, is_for(FREE), timeout=0.2) is None
    assert drops(node)["SERVICE_NO_ADDRESS"] >= 6
    assert all_results(node.client, OUTSIDE_IPS, timeout_ms=2000) == {"open"}


def cidr_object(name, *cidrs):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": name},
            "spec": {"cidrs": list(cidrs)}}


def test_objects_say_it_as_well_as_the_option(make):
    node = make(OPTIONS[:1])
    node.write("cidr.yaml", text_of(cidr_object("kubernetes", "10.96.0.0/24", CIDRS[1]), cidr_object("more", "fd00:97::/112")))
    node.settle()
    assert node.status()["services"]["cidrs"] == [*CIDRS, "fd00:97::/112"]
    for client in (node.client, node.net):
        assert all_results(client, VIPS, timeout_ms=2000) == {"open"}
    assert all_results(node.client, FREE) == {"timeout"}
    assert all_results(node.net, FREE) == {"unreachable"}
    node.remove_manifest("cidr")
    assert node.status()["services"]["cidrs"] == [CIDRS[0]]
    assert all_results(node.client, FREE[1:], timeout_ms=2000) == {"open"}
    assert all_results(node.client, FREE[:1]) == {"timeout"}


def test_objects_that_have_no_room_are_named(make):
    node = make([])
    node.write("cidr.yaml", text_of(*(cidr_object(f"c{n}", f"10.{n}.0.0/16") for n in range(100, 117))))
    node.settle()
    assert node.status()["services"]["cidrs"] == [f"10.{n}.0.0/16" for n in range(100, 116)]
    assert ["ServiceCIDRs: spec.cidrs: 1 more than the 16 that have room: their addresses are not kept for services"] == \
        [problem["text"] for problem in node.status()["services"]["problems"]]


def test_an_address_of_another_proxys_service_is_left_to_it(make):
    node = make(OPTIONS)
    labels = {"service.kubernetes.io/service-proxy-name": "someone"}
    node.write("theirs.yaml", text_of(service("shop/theirs", "tcp:80:web", vips=FREE, labels=labels)))
    node.settle()
    for client in (node.client, node.net):
        assert all_results(client, FREE, timeout_ms=2000) == {"open"}
    assert {pings(node.client, address) for address in FREE} == {"open"}
    assert "10.96.0.99" not in node.weir("service", "list")
    node.remove_manifest("theirs")
    assert all_results(node.client, FREE) == {"timeout"}


def test_an_address_is_reached_while_a_service_has_it(make):
    node = make(OPTIONS)
    free = text_of(service("shop/late", "tcp:80:web", "udp:80:dns", vips=FREE),
                   *slices(node, "shop/late", [node.backend], "tcp:80:web", "udp:80:dns"))
    for _ in range(2):
        node.write("late.yaml", free)
        node.settle()
        for client in (node.client, node.net):
            assert all_results(client, FREE, timeout_ms=2000) == {"open"}
        node.remove_manifest("late")
        assert all_results(node.client, FREE) == {"timeout"}
        assert all_results(node.net, FREE) == {"unreachable"}


def test_what_comes_from_outside_is_not_sent_back(make):
    node = make(OPTIONS)
    lost = ("10.96.0.100", "fd00:96::100")
    for address in lost + VIPS:
        node.outside.ip(f"-{family_of(address)}", "route", "add", address, "via",
                        NODE_IPS[family_of(address) == 6])
    assert all_results(node.outside, VIPS, timeout_ms=2000) == {"open"}
    before = drops(node).get("SERVICE_NO_ADDRESS", 0)
    with packets(node.outside, "wire0") as wire:
        assert all_results(node.outside, lost) == {"timeout"}
        assert received(wire, is_for(lost), timeout=0.2) is None
    assert drops(node)["SERVICE_NO_ADDRESS"] >= before + 4


def test_another_agent_goes_on_and_takes_back(make):
    node = make(OPTIONS)
    node.stop()
    assert all_results(node.client, FREE) == {"timeout"}
    assert all_results(node.client, VIPS, timeout_ms=2000) == {"open"}
    node.options = OPTIONS[:1]
    node.start()
    assert all_results(node.client, FREE[:1]) == {"timeout"}
    assert all_results(node.client, FREE[1:], timeout_ms=2000) == {"open"}
