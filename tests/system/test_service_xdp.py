# SPDX-License-Identifier: Apache-2.0
"""The fast path in XDP: that it is taken, how it comes and goes, and what stands in its way."""

import contextlib
import glob
import os
import re
import socket

import pytest

import weir
from offload import peer_of_xdp
from test_service_outside import AWAY_IPS, FAMILIES, NODE_PORT, another_place, objects, talk
from traffic import packets, received, udp
from weir import NODE_IPS, OUTSIDE_IPS

MODES = ("native", "generic")


def mode_of(node):
    """What the kernel says of the uplink: "native", "generic" or None."""
    link = node.net.links()["up0"]
    return {1: "native", 2: "generic"}.get(link.get("xdp", {}).get("mode"))


def pins(node):
    return sorted(os.path.basename(path) for path in glob.glob(f"{node.bpffs}/links/100-edge-*"))


@pytest.fixture
def prepared(nodes):
    """prepared(options): a node whose service has its backend behind the outside."""
    with contextlib.ExitStack() as stack:
        def make(*options):
            node = nodes(options=options)
            peer_of_xdp(node.outside, "wire0")
            away = stack.enter_context(another_place(node))
            node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS)))
            return node, away
        yield make


def exchange(client, server, text, address):
    """A datagram through the service, and its answer."""
    client.sendto(text, address)
    asked, peer = server.recvfrom(64)[:2]
    assert asked == text
    server.sendto(text[::-1], peer)
    assert client.recv(64) == text[::-1]
    return peer[0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mode", MODES)
def test_known_connections_do_not_reach_the_stack(prepared, mode, family):
    node, away = prepared(f"--xdp={mode}")
    assert mode_of(node) == mode and node.status()["outside"]["xdp"]["mode"] == mode
    address = (NODE_IPS[family], NODE_PORT)
    with udp(away, AWAY_IPS[family], 8080) as server, udp(node.outside, OUTSIDE_IPS[family]) as client:
        # The first ones find the neighbours, open the connection and answer it.
        for _ in range(3):
            with contextlib.suppress(TimeoutError):
                exchange(client, server, b"first", address)
        with packets(node.net, "up0") as tap:
            for n in range(5):
                assert exchange(client, server, b"known %d" % n, address) == NODE_IPS[family]
            assert not received(tap, lambda frame: b"known" in frame or b"nwonk" in frame, timeout=0.3)
    # And the whole of a connection, with segments that somebody has put together.
    assert talk(node, away, family) == NODE_IPS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_has_no_checksum_yet_takes_the_complete_path(nodes, family):
    """Between virtual devices: out of XDP nobody would complete it."""
    node = nodes(options=["--xdp=native"])
    with another_place(node) as away:
        node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS)))
        assert talk(node, away, family) == NODE_IPS[family]


def test_it_comes_and_goes_with_the_configuration(prepared):
    node, away = prepared("--xdp=native")
    # A veth may lose what XDP sends: "native" is for those who know better, "auto" leaves it.
    for option, mode in (("generic", "generic"), ("native", "native"), ("auto", None), ("generic", "generic"),
                         ("off", None)):
        node.options = [f"--xdp={option}"]
        node.restart()
        assert mode_of(node) == mode and pins(node) == ([f"100-edge-{mode}"] if mode else [])
        assert ("XDP " in node.weir("status")) == (option != "off")
        assert talk(node, away, 0) == NODE_IPS[0]


def test_it_outlives_the_agent_and_takes_a_new_program(prepared):
    node, _ = prepared("--xdp=native")

    def program():
        return node.net.links()["up0"]["xdp"]["prog"]["id"]
    first = program()
    node.kill9()
    assert program() == first
    node.start()
    assert program() != first and pins(node) == ["100-edge-native"]
    node.stop()
    node.cleanup()
    weir.wait_for(lambda: not mode_of(node), "nothing is left at the uplink")


def test_a_program_of_somebody_else_stays(nodes):
    node = nodes(start=False, options=["--xdp=native"])
    loader = weir.run("sh", "-c", "command -v bpftool || echo /usr/sbin/bpftool").strip()
    pin = f"{node.bpf_mount}/other"
    weir.run(loader, "prog", "load", f"{weir.BUILD}/tests/bench/frames.bpf.o", pin, check=False)
    if not os.path.exists(pin):
        pytest.skip("no program to load")
    node.net.exec(loader, "net", "attach", "xdpdrv", "pinned", pin, "dev", "up0")
    node.start()
    xdp = node.status()["outside"]["xdp"]
    assert xdp["mode"] == "off" and re.search("another program", xdp["error"])
    assert "XDP         none" in node.weir("status")


def test_a_device_that_cannot_goes_without(nodes):
    """One whose frames are longer than a page: the driver refuses, and the service works all the same."""
    node = nodes(start=False, options=["--xdp=native"])
    for netns, link in ((node.net, "up0"), (node.outside, "wire0")):
        netns.ip("link", "set", link, "mtu", "9000")
    node.start()
    xdp = node.status()["outside"]["xdp"]
    assert (xdp["wanted"], xdp["mode"]) == ("native", "off") and xdp["error"]
    with another_place(node) as away:
        node.manifest("web", *objects(node, *((ip, "elsewhere") for ip in AWAY_IPS)))
        assert talk(node, away, 0) == NODE_IPS[0]
