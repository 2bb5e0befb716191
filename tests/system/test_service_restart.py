# SPDX-License-Identifier: Apache-2.0
"""The agent dies and comes again under traffic through services: no request fails."""

import signal

import pytest

import weir
from flows import Echo, Load, check_none_lost
from kernel import bpf_objects
from services import VIPS, Shop, answers, result, service, slices, text_of

KILLS = 6
OTHERS = ("10.96.0.30", "fd00:96::30")
KINDS = ("udp", "udp-new", "tcp", "tcp-new")
PORTS = ("tcp:9300:web", "udp:9300:dns")


@pytest.fixture
def load(shop):
    """Flows through the service with all three backends; ends and judges at the end of the test."""
    echoes = [Echo(pod, "tcp:9300", "udp:9300") for pod in shop.backends]
    shop.open()
    shop.endpoints(*shop.backends, ports=PORTS)
    made = Load(shop.client, {f"{vip} {kind}": (kind, vip, 80) for vip in VIPS for kind in KINDS})
    yield made
    for task in (made, *echoes):
        task.kill()


def rounds(load, count=30):
    now = load.mark
    weir.wait_for(lambda: load.mark > now + count, "packets pass")


def test_it_may_be_killed_again_and_again(shop, load):
    for _ in range(KILLS):
        shop.node.kill9()
        rounds(load)
        shop.node.start()
        rounds(load)
    check_none_lost(load.end())


def test_it_may_be_stopped_and_services_go_on_without_it(shop, load):
    assert shop.node.stop(signal.SIGTERM) == 0
    rounds(load, 100)
    for vip in VIPS:
        assert result(shop.client, "tcp", vip, 80) in ("open", "silent")
        assert result(shop.client, "tcp", vip, 81) == "refused"
    shop.node.start()
    check_none_lost(load.end())


def test_endpoints_that_changed_meanwhile_are_in_force_when_the_agent_answers(shop, load):
    one, two, three = shop.backends
    shop.put("other", service("bank/other", "tcp:80:web", vips=OTHERS),
             *slices(shop.node, "bank/other", [one, two], "tcp:80:web"))
    shop.node.kill9()
    shop.node.write("slices.yaml", text_of(*shop.slices(two, three, ports=PORTS)))
    shop.node.write("other.yaml", text_of(service("bank/other", "tcp:80:web", vips=OTHERS),
                                          *slices(shop.node, "bank/other", [three], "tcp:80:web")))
    rounds(load)
    for vip in OTHERS:
        assert answers(shop.client, "tcp", vip, 80) == {"one", "two"}
    shop.node.start()
    for vip in OTHERS:
        assert answers(shop.client, "tcp", vip, 80, times=20) == {"three"}
    check_none_lost(load.end())


def test_a_service_that_went_meanwhile_is_closed(shop):
    shop.open(*shop.backends)
    shop.put("other", service("bank/other", "tcp:80:web", vips=OTHERS))
    assert [result(shop.client, "tcp", vip, 80) for vip in (*VIPS, *OTHERS)] == ["open"] * 2 + ["refused"] * 2
    shop.node.kill9()
    shop.node.remove_manifest("other", wait=False)
    shop.node.start()
    shop.node.settle()
    assert [result(shop.client, "tcp", vip, 80, 600) for vip in VIPS] == ["open"] * 2
    assert "refused" not in [result(shop.client, "tcp", vip, 80, 600) for vip in OTHERS]


def test_many_swaps_and_restarts_leave_no_backends_behind(nodes):
    """A number or a run of slots that is lost each time would end as a full table."""
    shop = Shop(nodes())
    shop.open(*shop.backends)
    before = usage(shop.node.status())
    for turn in range(10):
        shop.node.write("slices.yaml", text_of(*shop.slices(shop.backends[turn % 3])))
        shop.node.restart(signal.SIGKILL)
    for vip in VIPS:
        assert answers(shop.client, "tcp", vip, 80, times=8) == {"one"}
    shop.endpoints(*shop.backends)
    weir.wait_for(lambda: usage(shop.node.status()) == before, "what is not used any more is free")


def usage(status):
    """Table of services -> entries."""
    return {table["name"]: table["entries"] for table in status["maps"]
            if table["name"].startswith(("service", "backend", "frontend"))}


def test_a_cleanup_leaves_nothing_of_services(nodes):
    node = nodes()
    pod = node.add_pod("shop", "one", labels={"app": "back"})
    pod.serve("tcp:80")
    node.manifest("service", service("shop/back", "tcp:80:web"))
    before = bpf_objects(node)
    node.kill9()
    node.cleanup()
    weir.wait_for(lambda: not before.alive(), "all objects of the kernel are gone")
