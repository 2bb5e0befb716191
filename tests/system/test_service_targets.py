# SPDX-License-Identifier: Apache-2.0
"""Endpoints that are ClusterIPs get nothing, and people are told of them."""

import os

import pytest

from services import VIPS, answers, endpoint, endpoint_slice, service
from weir import family_of, wait_for

OTHER_IPS = ("10.96.0.77", "fd00:96::77")


def problems(node):
    return [problem["text"] for problem in node.status()["services"]["problems"]]


def text_of(address):
    name = "v4" if family_of(address) == 4 else "v6"
    return f"Service shop/back: EndpointSlice back-{name}: endpoints: {address} is the ClusterIP of a Service, and no host's"


def put_endpoints(shop, addresses):
    """One pod, and the other Service's address."""
    shop.put("slices", *[endpoint_slice(shop.KEY, f"v{family_of(ip)}",
                                        [endpoint(ip, shop.node.name), endpoint(address, None)],
                                        "tcp:80:web", "udp:80:dns")
                         for ip, address in zip(shop.backends[0].ips, addresses)])


@pytest.mark.parametrize("first", ("slice first", "Service first"))
def test_an_address_of_a_service_gets_no_connection(shop, first):
    addresses = OTHER_IPS
    steps = [lambda: put_endpoints(shop, addresses), lambda: shop.put("other", service("bank/other", "tcp:9", vips=addresses))]
    shop.put("service", service(shop.KEY, "tcp:80:web", "udp:80:dns"))
    for step in steps if first == "slice first" else steps[::-1]:
        step()
    wait_for(lambda: sorted(problems(shop.node)) == sorted(map(text_of, addresses)), "both are reported")
    for client in (shop.client, shop.node.net):
        for vip in VIPS:
            for proto in ("tcp", "udp"):
                assert answers(client, proto, vip, 80) == {shop.backends[0].pod}

    # The Service goes, and nobody knows that no host has the address.
    os.unlink(f"{shop.node.manifests}/other.yaml")
    shop.node.settle()
    wait_for(lambda: not problems(shop.node), "nothing is wrong any more")
    listed = shop.node.weir("service", "get", shop.KEY)
    assert all(address in listed for address in addresses)
