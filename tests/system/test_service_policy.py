# SPDX-License-Identifier: Apache-2.0
"""Policy speaks of the backend, not of the service's address: it holds as on the direct way."""

from services import VIPS, answers, result
from traffic import policy, rule

SILENCE_MS = 600


def reached(client, proto="tcp"):
    """By both families alike."""
    found = {result(client, proto, vip, 80, SILENCE_MS) for vip in VIPS}
    assert len(found) == 1, found
    return found == {"open"}


def test_a_backend_s_policy_selects_clients_by_their_labels(shop):
    shop.open(*shop.backends)
    shop.put("policy", policy("shop", "back", {"app": "back"}, ingress=[rule("from", labels={"app": "client"})]))
    for proto in ("tcp", "udp"):
        assert reached(shop.client, proto) and not reached(shop.stranger, proto)


def test_a_backend_s_policy_knows_its_own_port_not_the_service_s(shop):
    one = shop.backends[0]
    shop.open(one)
    shop.endpoints(one, ports=("tcp:8080:web",))
    for port, allowed in (("tcp:8080", True), ("tcp:80", False)):
        shop.put("policy", policy("shop", "back", {"app": "back"}, ingress=[rule("from", labels={}, ports=[port])]))
        assert reached(shop.client) == allowed, port


def test_a_client_s_policy_names_the_backend_s_labels(shop):
    one, two, _ = shop.backends
    shop.open(one)
    shop.put("policy", policy("shop", "client", {"app": "client"}, egress=[rule("to", labels={"who": "one"})]))
    assert reached(shop.client) and reached(shop.stranger)
    shop.endpoints(two)
    assert not reached(shop.client) and reached(shop.stranger)


def test_a_client_s_policy_knows_the_backend_s_port(shop):
    one = shop.backends[0]
    shop.open(one)
    shop.endpoints(one, ports=("tcp:8080:web",))
    for port, allowed in (("tcp:8080", True), ("tcp:80", False)):
        shop.put("policy", policy("shop", "client", {"app": "client"},
                                  egress=[rule("to", labels={"app": "back"}, ports=[port])]))
        assert reached(shop.client) == allowed, port


def test_the_service_s_address_in_an_ip_block_counts_for_nothing(shop):
    one = shop.backends[0]
    shop.open(one)
    vips = [f"{vip}/{128 if ':' in vip else 32}" for vip in VIPS]
    shop.put("policy", policy("shop", "client", {"app": "client"}, egress=[rule("to", cidrs=vips)]))
    assert not reached(shop.client)
    ips = [f"{ip}/{128 if ':' in ip else 32}" for ip in one.ips]
    shop.put("policy", policy("shop", "client", {"app": "client"}, egress=[rule("to", cidrs=ips)]))
    assert reached(shop.client)


def test_each_backend_is_judged_by_itself(shop):
    shop.open(*shop.backends)
    shop.put("policy", policy("shop", "closed", {"who": "two"}, ingress=[]))
    for vip in VIPS:
        assert answers(shop.client, "tcp", vip, 80, timeout_ms=SILENCE_MS) == {"one", "three", "timeout"}


def test_a_revoked_policy_cuts_what_lives_through_the_service(shop):
    one = shop.backends[0]
    shop.open(one)
    assert reached(shop.client)
    shop.put("policy", policy("shop", "back", {"app": "back"}, ingress=[]))
    assert not reached(shop.client)
    shop.put("policy", policy("shop", "back", {"app": "back"}, ingress=[rule("from", labels={"app": "client"})]))
    assert reached(shop.client)
