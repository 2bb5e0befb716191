# SPDX-License-Identifier: Apache-2.0
"""Pods that podman starts through its CNI back end: real containers, real traffic."""

import concurrent.futures
import os
import signal

import pytest

import runtimes
import weir
from demolib import node as demo_node
from demolib.podman import Podman
from runtimes import ALLOWED_AT_FIRST, AT_ONCE, DENIED_AT_FIRST
from weir import NODE_IPS

REMOVALS = 5


class Containers:
    """podman on a node, and what its containers reach."""

    def __init__(self, node):
        self.podman = Podman(node.net.name, f"{node.dir}/podman", weir.BUILD, node.tag)
        self.conflist = runtimes.conflist(node)

    def serve(self, name, *ports, options=()):
        self.podman.run(name, "weir", "/bin/weir-probe", "serve", name, *ports, options=options)

    def __call__(self, *words, **options):
        return self.podman.podman(*words, **options)

    def probe(self, name, *targets, timeout_ms=2000):
        """As Netns.probe(), from inside a container."""
        return runtimes.probe_results(self("exec", "-i", name, "weir-probe", "try", str(timeout_ms), check=False,
                                           input=runtimes.probe_input(targets)))

    def remove(self, *names):
        self("rm", "-f", "-t", "0", *names)


@pytest.fixture
def podman(node):
    containers = Containers(node)
    try:
        try:
            containers.podman.prepare([containers.conflist])
        except (demo_node.Failed, OSError) as error:
            pytest.skip(f"podman cannot run containers here: {error}")
        yield containers
    finally:
        containers.podman.stop()


def test_policies_of_containers_hold_and_rm_takes_everything_back(node, podman):
    runtimes.guard_back(node)
    names = ("front", "back", "other")
    for name in names:
        podman.serve(name, "tcp:80", "tcp:81")
    targets = runtimes.wait_served(node, "back") + runtimes.wait_served(node, "back", 81)
    assert podman.probe("front", *targets, timeout_ms=500) == ALLOWED_AT_FIRST
    assert podman.probe("other", *targets, timeout_ms=500) == DENIED_AT_FIRST
    podman.remove(*names)
    runtimes.nothing_is_left(node)


def test_policy_holds_from_the_first_packet_of_a_container(node, podman):
    def start(name, script):
        podman.podman.run(name, "weir", "/bin/sh", "-c", script)
        return lambda: podman("exec", name, "/bin/busybox", "cat", runtimes.FIRST_RESULTS)
    runtimes.policy_holds_from_the_first_packet(node, podman.serve, start)


def test_published_ports_reach_the_container_until_it_goes(node, podman):
    podman.serve("web", "tcp:80", "udp:53", options=("-p", "8080:80", "-p", "5353:53/udp"))
    targets = [(proto, ip, port) for ip in NODE_IPS for proto, port in (("tcp", 8080), ("udp", 5353))]
    weir.wait_for(lambda: node.outside.probe_answers(*targets) == [("open", "web")] * 4, "the ports are open")
    podman.remove("web")
    assert "open" not in node.outside.probe(*targets, timeout_ms=500)
    runtimes.nothing_is_left(node)


def test_a_published_port_in_use_fails_the_start_and_leaves_nothing(node, podman):
    podman.serve("web", "tcp:80", options=("-p", "8080:80"))
    with pytest.raises(demo_node.Failed):
        podman.serve("late", "tcp:80", options=("-p", "8080:80"))
    weir.wait_for(lambda: set(node.endpoints()) == {"shop/web"}, "the failed one leaves")
    assert len(node.pod_links()) == 1


def test_a_container_that_goes_without_an_agent_is_let_go_by_the_next(node, podman):
    podman.serve("gone", "tcp:80")
    runtimes.is_let_go_without_an_agent(node, lambda: podman.remove("gone"))


def test_without_an_agent_no_container_starts(node, podman):
    node.stop()
    with pytest.raises(demo_node.Failed, match="weir|agent"):
        podman.serve("early", "tcp:80")
    assert not node.pod_links()
    node.start()
    podman.remove("early")
    podman.serve("early", "tcp:80")
    runtimes.wait_served(node, "early")


def test_a_container_that_is_restarted_is_under_policy_again(node, podman):
    runtimes.guard_back(node)
    for name in ("front", "back", "other"):
        podman.serve(name, "tcp:80")
    for verb in (("restart", "-t", "0"), ("stop", "-t", "0"), ("start",)):
        podman(*verb, "back")
    targets = runtimes.wait_served(node, "back")
    assert podman.probe("front", *targets) == ["open"] * 2
    assert podman.probe("other", *targets, timeout_ms=500) == ["timeout"] * 2
    podman.remove("front", "back", "other")
    runtimes.nothing_is_left(node)


def test_a_container_whose_process_is_killed_leaves_nothing(node, podman):
    podman.serve("one", "tcp:80")
    os.kill(int(podman.podman.pid("one")), signal.SIGKILL)
    podman("wait", "one")
    podman.remove("one")
    runtimes.nothing_is_left(node)


def test_a_container_whose_namespace_has_vanished_is_removed(node, podman):
    podman.serve("one", "tcp:80")
    path = podman("inspect", "-f", "{{.NetworkSettings.SandboxKey}}", "one").strip()
    weir.run("umount", "-l", path)
    os.unlink(path)
    podman("rm", "-f", "-t", "0", "one", check=False)
    runtimes.nothing_is_left(node)


def test_a_container_is_removed_many_times_at_once(node, podman):
    podman.serve("one", "tcp:80")
    podman.serve("stays", "tcp:80")
    with concurrent.futures.ThreadPoolExecutor(REMOVALS) as pool:
        list(pool.map(lambda _: podman("rm", "-f", "-i", "-t", "0", "one", check=False), range(REMOVALS)))
    weir.wait_for(lambda: set(node.endpoints()) == {"shop/stays"}, "one leaves")
    runtimes.wait_served(node, "stays")


def test_ten_containers_at_once(node, podman):
    names = [f"pod-{i}" for i in range(AT_ONCE)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda name: podman.serve(name, "tcp:80"), names))
    targets = [target for name in names for target in runtimes.wait_served(node, name)]
    assert len(set(targets)) == 2 * AT_ONCE
    assert podman.probe("pod-0", *targets) == ["open"] * len(targets)
    podman.remove("-a")
    runtimes.nothing_is_left(node)
