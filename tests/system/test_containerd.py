# SPDX-License-Identifier: Apache-2.0
"""Pods that containerd starts, through CRI as a kubelet does it and through `ctr run --cni`."""

import concurrent.futures

import pytest

import weir
from containerd import Containerd, IMAGE
from test_podman import guard_back
from weir import NODE_IPS

AT_ONCE = 10
DELS = 5


@pytest.fixture
def containerd(node):
    runtime = Containerd(node)
    try:
        runtime.start()
        runtime.write_conflist()
        weir.wait_for(runtime.cri.network_ready, "containerd's network is ready")
        yield runtime
    finally:
        runtime.stop()


def ips(node, name):
    return sorted(node.endpoints()[f"shop/{name}"]["ips"], key=weir.family_of)


def test_policies_of_sandboxes_hold_and_remove_takes_everything_back(node, containerd):
    guard_back(node)
    pods = {name: containerd.run_pod(name, "tcp:80") for name in ("front", "back", "other")}
    targets = [("tcp", ip, 80) for ip in ips(node, "back")]
    assert len(targets) == 2
    weir.wait_for(lambda: node.net.probe(*targets) == ["open"] * 2, "back serves")
    assert containerd.probe(pods["front"], *targets) == ["open"] * 2
    assert containerd.probe(pods["other"], *targets, timeout_ms=500) == ["timeout"] * 2
    for sandbox in pods.values():
        containerd.cri.stop_sandbox(sandbox)
        containerd.cri.stop_sandbox(sandbox)
        containerd.cri.remove_sandbox(sandbox)
    node.wait_gone()
    assert node.state_files() == set()


def test_a_host_port_of_a_sandbox_is_open(node, containerd):
    containerd.run_pod("web", "tcp:80", ports=[("tcp", 80, 8080)])
    targets = [("tcp", ip, 8080) for ip in NODE_IPS]
    weir.wait_for(lambda: node.outside.probe_answers(*targets) == [("open", "web")] * 2, "the port is open")


def test_a_sandbox_that_stops_without_an_agent_is_let_go_by_the_next(node, containerd):
    sandbox = containerd.run_pod("gone", "tcp:80")
    node.stop()
    containerd.cri.stop_sandbox(sandbox)
    containerd.cri.remove_sandbox(sandbox)
    node.start()
    node.wait_gone()
    assert node.state_files() == set()


def test_a_container_of_ctr_that_is_killed_without_a_del_leaves_nothing(node, containerd):
    containerd.ctr("run", "-d", "--cni", "--snapshotter", "native", "--cgroup", f"/{node.tag}/one", IMAGE, "one",
                   "/bin/weir-probe", "serve", "one", "tcp:80")
    [endpoint] = node.endpoints().values()
    targets = [("tcp", ip, 80) for ip in endpoint["ips"]]
    weir.wait_for(lambda: node.net.probe(*targets) == ["open"] * 2, "it serves")
    containerd.ctr("task", "rm", "-f", "one")
    node.wait_gone()
    assert node.state_files() == set()


def test_ten_sandboxes_at_once(node, containerd):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        sandboxes = list(pool.map(lambda n: containerd.run_pod(f"pod-{n}", "tcp:80"), range(AT_ONCE)))
    targets = [("tcp", ip, 80) for n in range(AT_ONCE) for ip in ips(node, f"pod-{n}")]
    assert len(set(targets)) == 2 * AT_ONCE
    weir.wait_for(lambda: containerd.probe(sandboxes[0], *targets) == ["open"] * len(targets), "all are reached")


def test_sandboxes_are_stopped_many_times_at_once(node, containerd):
    sandbox, stays = containerd.run_pod("one", "tcp:80"), containerd.run_pod("stays", "tcp:80")
    with concurrent.futures.ThreadPoolExecutor(DELS) as pool:
        list(pool.map(lambda _: containerd.cri.stop_sandbox(sandbox), range(DELS)))
    containerd.cri.remove_sandbox(sandbox)
    weir.wait_for(lambda: set(node.endpoints()) == {"shop/stays"}, "one leaves")
    assert containerd.probe(stays, ("icmp", NODE_IPS[0], 0), ("icmp", NODE_IPS[1], 0)) == ["open"] * 2


def test_a_sandbox_whose_namespace_has_vanished_is_removed(node, containerd):
    sandbox = containerd.run_pod("one", "tcp:80")
    containerd.lose_netns(sandbox)
    containerd.cri.stop_sandbox(sandbox)
    containerd.cri.remove_sandbox(sandbox)
    node.wait_gone()
    assert node.state_files() == set()


def test_readiness_follows_the_conflist(node, containerd):
    containerd.remove_conflist()
    weir.wait_for(lambda: not containerd.cri.network_ready(), "the network is not ready without a conflist")
    containerd.write_conflist()
    weir.wait_for(containerd.cri.network_ready, "the network is ready again")
    containerd.run_pod("one", "tcp:80")
    assert set(node.endpoints()) == {"shop/one"}


FIRST_WORDS = ("for port in 80 81; do for ip in {ips}; do weir-probe try tcp $ip $port 500; done; done > /tmp/first; "
               "exec weir-probe serve late tcp:80")


def test_policy_holds_from_the_first_packet(node, containerd):
    guard_back(node)
    back = containerd.run_pod("back", "tcp:80", "tcp:81")
    targets = ips(node, "back")
    weir.wait_for(lambda: node.net.probe(*[("tcp", ip, 80) for ip in targets]) == ["open"] * 2, "back serves")
    for name, wanted in (("front", ["open", "open", "timeout", "timeout"]), ("other", ["timeout"] * 4)):
        sandbox = containerd.run_script(name, FIRST_WORDS.format(ips=" ".join(targets)))
        lines = weir.wait_for(lambda: (found := containerd.read(sandbox, "/tmp/first")).count("\n") == 4 and found,
                              f"{name} has tried everything")
        assert [line.split()[3] for line in lines.splitlines()] == wanted, name
    assert containerd.probe(back, ("icmp", NODE_IPS[0], 0)) == ["open"]
