# SPDX-License-Identifier: Apache-2.0
"""Pods that podman starts through its CNI back end: real containers, real traffic."""

import concurrent.futures
import sys

import pytest

import weir
from traffic import policy, rule
from weir import NODE_IPS

sys.path.insert(0, f"{weir.REPO}/scripts")
from demolib import node as demo_node  # noqa: E402
from demolib.podman import Podman  # noqa: E402

SERVE = ("/bin/weir-probe", "serve")
AT_ONCE = 10


class Containers:
    """podman on a node, and what its containers reach."""

    def __init__(self, node):
        self.node = node
        self.podman = Podman(node.net.name, f"{node.dir}/podman", weir.BUILD, node.tag)
        self.podman.prepare([{"cniVersion": "1.0.0", "name": "weir", "plugins": [
            {"type": "weir-cni", "socket": node.socket, "namespace": "shop",
             "capabilities": {"portMappings": True}}]}])

    def serve(self, name, *ports, options=()):
        self.podman.run(name, "weir", *SERVE, name, *ports, options=options)

    def __call__(self, *words, **options):
        return self.podman.podman(*words, **options)

    def ips(self, name):
        return sorted(self.node.endpoints()[f"shop/{name}"]["ips"], key=weir.family_of)

    def results(self, name, *targets, timeout_ms=2000):
        """As Netns.probe(), from inside a container."""
        lines = "".join(" ".join(map(str, target)) + "\n" for target in targets)
        out = self("exec", "-i", name, "weir-probe", "try", str(timeout_ms), check=False, input=lines)
        return [line.split(" ")[3] for line in out.splitlines()]

    def nothing_is_left(self):
        node = self.node
        node.wait_gone()
        assert node.state_files() == set()
        weir.wait_for(lambda: {pool["used"] for pool in node.status()["addresses"]} == {0}, "addresses are free")


@pytest.fixture
def podman(node):
    containers = None
    try:
        containers = Containers(node)
        yield containers
    except demo_node.Failed as error:
        if containers:
            raise
        pytest.skip(f"podman cannot run containers here: {error}")
    finally:
        Podman(node.net.name, f"{node.dir}/podman", weir.BUILD, node.tag).stop()


def guard_back(node):
    node.pod_manifest(("shop/front", {"app": "front"}), ("shop/back", {"app": "back"}), ("shop/other", {}))
    node.manifest("back", policy("shop", "back", {"app": "back"},
                                 ingress=[rule("from", labels={"app": "front"}, ports=["tcp:80"])]))


def test_policies_of_containers_hold_and_rm_takes_everything_back(node, podman):
    guard_back(node)
    for name in ("front", "back", "other"):
        podman.serve(name, "tcp:80", "tcp:81")
    targets = [("tcp", ip, port) for ip in podman.ips("back") for port in (80, 81)]
    assert len(targets) == 4
    weir.wait_for(lambda: podman.results("front", *targets, timeout_ms=500) == ["open", "timeout"] * 2,
                  "front reaches port 80 and no other")
    assert podman.results("other", *targets, timeout_ms=500) == ["timeout"] * 4
    podman("rm", "-f", "-t", "0", "front", "back", "other")
    podman.nothing_is_left()


def test_a_published_port_reaches_the_container(node, podman):
    podman.serve("web", "tcp:80", options=("-p", "8080:80"))
    targets = [("tcp", ip, 8080) for ip in NODE_IPS]
    weir.wait_for(lambda: node.outside.probe_answers(*targets) == [("open", "web")] * 2, "the port is open")
    podman("rm", "-f", "-t", "0", "web")
    assert "open" not in node.outside.probe(*targets, timeout_ms=500)
    podman.nothing_is_left()


def test_a_container_that_goes_without_an_agent_is_let_go_by_the_next(node, podman):
    podman.serve("gone", "tcp:80")
    node.stop()
    podman("rm", "-f", "-t", "0", "gone")
    node.start()
    podman.nothing_is_left()


def test_a_container_that_is_restarted_is_under_policy_again(node, podman):
    guard_back(node)
    for name in ("front", "back", "other"):
        podman.serve(name, "tcp:80")
    podman("restart", "-t", "0", "back")
    targets = [("tcp", ip, 80) for ip in podman.ips("back")]
    weir.wait_for(lambda: podman.results("front", *targets) == ["open"] * 2, "front reaches the new back")
    assert podman.results("other", *targets, timeout_ms=500) == ["timeout"] * 2


def test_ten_containers_at_once(node, podman):
    names = [f"pod-{i}" for i in range(AT_ONCE)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda name: podman.serve(name, "tcp:80"), names))
    ips = [ip for name in names for ip in podman.ips(name)]
    assert len(set(ips)) == 2 * AT_ONCE
    weir.wait_for(lambda: podman.results("pod-0", *[("tcp", ip, 80) for ip in ips]) == ["open"] * len(ips),
                  "everybody is reached")
    podman("rm", "-f", "-t", "0", "-a")
    podman.nothing_is_left()
