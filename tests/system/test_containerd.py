# SPDX-License-Identifier: Apache-2.0
"""Pods that containerd starts, through CRI as a kubelet does it and through `ctr run --cni`."""

import concurrent.futures
import shutil

import pytest

import runtimes
import weir
from containerd import Containerd
from runtimes import ALLOWED_AT_FIRST, AT_ONCE, DENIED_AT_FIRST
from traffic import policy
from weir import NODE_IPS

DELS = 5


@pytest.fixture
def containerd(node):
    missing = [name for name in ("containerd", "ctr", "runc") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    runtime = Containerd(node)
    try:
        runtime.start()
        runtime.write_conflist()
        weir.wait_for(runtime.cri.network_ready, "containerd's network is ready")
        yield runtime
    finally:
        runtime.stop()


def remove(containerd, *sandboxes):
    for sandbox in sandboxes:
        containerd.cri.stop_sandbox(sandbox)
        containerd.cri.remove_sandbox(sandbox)


# CRI

def test_policies_of_sandboxes_hold_and_remove_takes_everything_back(node, containerd):
    runtimes.guard_back(node)
    pods = {name: containerd.run_pod(name, "tcp:80", "tcp:81") for name in ("front", "back", "other")}
    targets = runtimes.wait_served(node, "back") + runtimes.wait_served(node, "back", 81)
    assert containerd.probe(pods["front"], *targets, timeout_ms=500) == ALLOWED_AT_FIRST
    assert containerd.probe(pods["other"], *targets, timeout_ms=500) == DENIED_AT_FIRST
    remove(containerd, *pods.values())
    runtimes.nothing_is_left(node)


def test_policy_holds_from_the_first_packet_of_a_sandbox(node, containerd):
    def start(name, script):
        pod = containerd.run_script(name, script)
        return lambda: containerd.read(pod, runtimes.FIRST_RESULTS)
    runtimes.policy_holds_from_the_first_packet(node, containerd.run_pod, start)


def test_host_ports_of_a_sandbox_are_open_until_it_stops(node, containerd):
    sandbox = containerd.run_pod("web", "tcp:80", "udp:53", ports=[("tcp", 80, 8080), ("udp", 53, 5353)])
    targets = [(proto, ip, port) for ip in NODE_IPS for proto, port in (("tcp", 8080), ("udp", 5353))]
    weir.wait_for(lambda: node.outside.probe_answers(*targets) == [("open", "web")] * 4, "the ports are open")
    remove(containerd, sandbox)
    assert "open" not in node.outside.probe(*targets, timeout_ms=500)
    runtimes.nothing_is_left(node)


def test_a_container_that_is_replaced_keeps_its_sandbox_under_policy(node, containerd):
    runtimes.guard_back(node)
    pods = {name: containerd.run_pod(name, "tcp:80") for name in ("front", "back", "other")}
    targets = runtimes.wait_served(node, "back")
    containerd.replace_container(pods["back"], "again", "tcp:80")
    assert runtimes.wait_served(node, "back") == targets
    assert containerd.probe(pods["front"], *targets) == ["open"] * 2
    assert containerd.probe(pods["other"], *targets, timeout_ms=500) == ["timeout"] * 2


def test_a_sandbox_that_stops_without_an_agent_is_let_go_by_the_next(node, containerd):
    sandbox = containerd.run_pod("gone", "tcp:80")
    runtimes.is_let_go_without_an_agent(node, lambda: remove(containerd, sandbox))


def test_without_an_agent_no_sandbox_starts_and_nothing_is_left_of_it(node, containerd):
    node.stop()
    with pytest.raises(weir.Failed, match="RunPodSandbox"):
        containerd.run_pod("early", "tcp:80")
    assert not node.pod_links()
    node.start()
    runtimes.nothing_is_left(node)
    containerd.run_pod("early", "tcp:80")
    runtimes.wait_served(node, "early")


def test_ten_sandboxes_at_once(node, containerd):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        sandboxes = list(pool.map(lambda n: containerd.run_pod(f"pod-{n}", "tcp:80"), range(AT_ONCE)))
        targets = [target for n in range(AT_ONCE) for target in runtimes.wait_served(node, f"pod-{n}")]
        assert len(set(targets)) == 2 * AT_ONCE
        assert containerd.probe(sandboxes[0], *targets) == ["open"] * len(targets)
        list(pool.map(lambda sandbox: remove(containerd, sandbox), sandboxes))
    runtimes.nothing_is_left(node)


def stop(containerd, sandbox):
    """As one of several at once: the loopback plugin of others falls over a namespace that goes meanwhile."""
    try:
        containerd.cri.stop_sandbox(sandbox)
    except weir.Failed as error:
        assert 'plugin type="loopback"' in str(error)


def test_a_sandbox_is_stopped_many_times_at_once(node, containerd):
    sandbox, stays = containerd.run_pod("one", "tcp:80"), containerd.run_pod("stays", "tcp:80")
    with concurrent.futures.ThreadPoolExecutor(DELS) as pool:
        list(pool.map(lambda _: stop(containerd, sandbox), range(DELS)))
    containerd.cri.stop_sandbox_as_kubelet(sandbox)
    containerd.cri.remove_sandbox(sandbox)
    weir.wait_for(lambda: set(node.endpoints()) == {"shop/stays"}, "one leaves")
    assert containerd.probe(stays, *[("icmp", ip, 0) for ip in NODE_IPS]) == ["open"] * 2


def test_a_sandbox_whose_namespace_has_vanished_is_removed(node, containerd):
    sandbox = containerd.run_pod("one", "tcp:80")
    containerd.lose_netns(sandbox)
    containerd.cri.stop_sandbox_as_kubelet(sandbox)
    containerd.cri.remove_sandbox(sandbox)
    runtimes.nothing_is_left(node)


def test_readiness_follows_the_conflist(node, containerd):
    containerd.remove_conflist()
    weir.wait_for(lambda: not containerd.cri.network_ready(), "the network is not ready without a conflist")
    containerd.write_conflist()
    weir.wait_for(containerd.cri.network_ready, "the network is ready again")
    containerd.run_pod("one", "tcp:80")
    assert set(node.endpoints()) == {"shop/one"}


# ctr run --cni: no Kubernetes names

def test_policies_that_select_everybody_hold_for_containers_of_ctr(node, containerd):
    client = containerd.run_pod("client", "tcp:80")
    containerd.run_ctr("one", "/bin/weir-probe", "serve", "one", "tcp:80")
    [endpoint] = [ep for ep in node.endpoints().values() if ep["pod"] != "client"]
    assert endpoint["namespace"] == "shop"
    targets = [("tcp", ip, 80) for ip in endpoint["ips"]]
    weir.wait_for(lambda: containerd.probe(client, *targets) == ["open"] * 2, "one serves")
    node.manifest("deny", policy("shop", "deny", {}, ingress=[]))
    assert containerd.probe(client, *targets, timeout_ms=500) == ["timeout"] * 2
    assert node.net.probe(*targets) == ["open"] * 2


def test_a_container_of_ctr_for_which_no_del_comes_leaves_nothing(node, containerd):
    containerd.run_ctr("one", "/bin/weir-probe", "serve", "one", "tcp:80")
    assert len(node.endpoints()) == 1
    containerd.ctr("task", "rm", "-f", "one")
    runtimes.nothing_is_left(node)


def test_a_container_of_ctr_that_vanished_without_an_agent_leaves_nothing(node, containerd):
    containerd.run_ctr("one", "/bin/weir-probe", "serve", "one", "tcp:80")
    node.kill9()
    containerd.ctr("task", "rm", "-f", "one")
    node.start()
    runtimes.nothing_is_left(node)


def test_gc_takes_containers_of_ctr_that_still_run(node, containerd):
    containerd.run_ctr("one", "/bin/sleep", "1000000")
    node.cni({"CNI_COMMAND": "GC", "CNI_PATH": "/usr/lib/cni"},
             node.conf(**{"cni.dev/valid-attachments": []}))
    runtimes.nothing_is_left(node)
    assert containerd.probe_in(containerd.netns_of("one", "default"), ("icmp", NODE_IPS[0], 0),
                               timeout_ms=300) != ["open"]
