# SPDX-License-Identifier: Apache-2.0
"""The agent from the outside: its options, its socket, the weir command, and --cleanup."""

import json
import os
import re
import socket
import stat
import subprocess

import pytest
import yaml

import weir
from test_cni import Chain, needs_plugins

POLICY = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
          "metadata": {"name": "back", "namespace": "shop"},
          "spec": {"podSelector": {"matchLabels": {"app": "back"}}, "ingress": []}}
COMMANDS = ("status", "endpoint list", "endpoint get shop/back", "policy list", "policy get shop/back",
            "identity list", "conntrack list", "conntrack flush")


@pytest.fixture(scope="module")
def shop():
    """A node with an isolated pod."""
    with weir.Node() as node:
        node.add_pod("shop", "back", labels={"app": "back"})
        node.manifest("back", POLICY)
        yield node


def command(node, *words, **more):
    return subprocess.run([weir.CLI, "--socket", node.socket, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False, **more)


# Configuration

def test_every_option_is_a_key(nodes):
    node = nodes(start=False)
    keys = {"manifests": node.manifests, "node-name": "node-1", "pod-cidr": list(node.cidrs),
            "state-dir": node.state, "run-dir": node.run_dir, "bpffs": node.bpffs, "cgroup": "auto",
            "cni-conf": f"{node.dir}/net.d/05-weir.conflist",
            "socket-services": "host", "uplink": "up0", "mtu": 1400, "masquerade": False, "log-level": "debug",
            "table-size": ["peer4=1000", "ct4=2000"], "service-source-ports": "20000-20999",
            "service-cidr": ["10.96.0.0/12", "fd96::/112"],
            "node-port-addresses": ["192.0.2.0/24", "2001:db8::/32"], "health-address": "[::]:10256",
            "maglev-table-size": 1021, "masquerade-ports": ["2000-3000", "icmp=4000-5000"],
            "non-masquerade-cidr": ["10.0.0.0/8"], "node-taint": "example.org/not-ready",
            "drift-interval": 5, "routing-mode": "native", "vxlan-id": 7, "vxlan-port": 4790,
            "vxlan-checksum": "auto", "service-forwarding": "dsr", "xdp": "native"}
    known = set(re.findall(r"--([a-z-]+)=", weir.run(weir.AGENT, "--help"))) - {"config"}
    # Instead of manifests (test_api_config.py).
    assert set(keys) == known - {"kubeconfig", "api-server"}
    path = f"{node.dir}/weir.yaml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(keys, file)
    node.command = lambda *more: node.net.enter(weir.AGENT, "--config", path, *more)
    node.start()
    status = node.status()
    assert (status["node"], status["uplink"]) == ("node-1", "up0")
    assert status["podCidrs"] == list(node.cidrs)
    assert {table["name"]: table["max"] for table in status["maps"]}["peer4"] == 1000
    pod = node.add_pod("shop", "front", labels={})
    assert pod.links()["eth0"]["mtu"] == 1400
    assert not status["masquerade"]["enabled"]


def test_a_bad_value_is_told_with_file_line_and_key(nodes):
    node = nodes(start=False)
    path = f"{node.dir}/weir.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("node-name: node-1\nmtu: lots\n")
    done = subprocess.run(node.net.enter(weir.AGENT, "--config", path), stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)
    assert done.returncode == 2 and f"{path}:2: mtu: " in done.stderr


def test_without_the_manifests_the_agent_does_not_start(node):
    """An empty directory would mean that everything is allowed."""
    front, back = node.add_pod("shop", "front"), node.add_pod("shop", "back", labels={"app": "back"})
    node.manifest("back", POLICY)
    node.stop()
    os.rename(node.manifests, f"{node.dir}/elsewhere")
    node.start(wait=False)
    assert node.agent.wait(timeout=60) == 1
    assert f"manifests {node.manifests}: No such file or directory" in node.log_text()
    assert not front.reaches("icmp", back.ip4, timeout_ms=300)


# The socket

def test_only_root_may_speak_to_the_agent(shop):
    modes = {path: stat.S_IMODE(os.stat(path).st_mode) for path in
             (shop.socket, shop.state,
              *(f"{shop.state}/endpoints/{name}" for name in shop.state_files()))}
    assert not {path: oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_a_client_that_goes_away_ends_nobody(shop):
    for _ in range(50):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(shop.socket)
            client.sendall(b"GET /v1/status HTTP/1.1\r\nHost: weir\r\n\r\n" * 20)
    assert shop.status()["healthy"] and shop.agent.poll() is None


def documented_calls():
    """(method, path) of each row of the table in the documentation."""
    with open(f"{weir.REPO}/docs/control-api.md", encoding="utf-8") as file:
        return re.findall(r"`(GET|POST|DELETE) (/v1/[^`]*)`", file.read())


@pytest.mark.parametrize("method, path", documented_calls())
def test_a_documented_call_is_answered(shop, method, path):
    if path.endswith("NAMESPACE/NAME"):
        shop.manifest("service", {"apiVersion": "v1", "kind": "Service",
                                  "metadata": {"name": "web", "namespace": "shop"},
                                  "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 80}]}})
    for word, value in (("NAMESPACE/POD", "shop/back"), ("NAMESPACE/NAME", "shop/web"), ("ID", "shop/back")):
        path = path.replace(word, value)
    status, answer = shop.api(method, path, {} if method == "POST" else None)
    assert isinstance(answer, dict)
    # Without a body the CNI calls are refused for what is missing, not because nobody knows them.
    assert (status, answer.get("code")) in ((200, None), (400, 4), (400, 6))


@pytest.mark.parametrize("method, path, body, status, code", [
    ("GET", "/v1/nothing", None, 404, 104),
    ("GET", "/v1/endpoints/nobody", None, 404, 104),
    ("POST", "/v1/cni/add", {"containerID": "../../etc", "ifname": "eth0"}, 400, 4),
    ("POST", "/v1/cni/add", {"containerID": "c0ffee", "ifname": "../x"}, 400, 4),
    ("POST", "/v1/cni/add", {"containerID": "c0ffee", "ifname": "eth0", "ips": ["x"]}, 400, 7),
    ("POST", "/v1/cni/check", {"containerID": "nobody", "ifname": "eth0"}, 404, 3),
    ("POST", "/v1/cni/gc", {"network": "weir"}, 400, 6),
])
def test_a_wrong_call_is_refused_by_name(shop, method, path, body, status, code):
    answered, answer = shop.api(method, path, body)
    assert (answered, answer["code"]) == (status, code) and answer["msg"]


# The command

@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_speaks_every_format(shop, words):
    table, as_json, as_yaml = (command(shop, *words.split(), "-o", form) for form in ("table", "json", "yaml"))
    assert [done.returncode for done in (table, as_json, as_yaml)] == [0, 0, 0]
    assert not table.stdout.startswith("{") and table.stdout
    assert json.loads(as_json.stdout).keys() == yaml.safe_load(as_yaml.stdout).keys()


@pytest.mark.parametrize("words, status", [
    ((), 2), (("frob",), 2), (("endpoint",), 2), (("endpoint", "frob"), 2), (("endpoint", "get"), 2),
    (("policy", "get", "shop"), 2), (("status", "more"), 2), (("-o", "xml", "status"), 2), (("--frob",), 2),
    (("endpoint", "get", "nobody"), 1), (("policy", "get", "shop/nobody"), 1),
    (("--socket", "/nonexistent", "status"), 1), (("--help",), 0), (("--version",), 0),
])
def test_what_is_wrong_is_said_on_stderr(shop, words, status):
    done = command(shop, *words)
    assert done.returncode == status
    assert done.stdout if status == 0 else done.stderr.count("\n") == 1 and not done.stdout


def test_output_that_cannot_be_written_is_an_error(shop):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([weir.CLI, "--socket", shop.socket, "status"], stdout=full, check=False)
    assert done.returncode == 1


# Removing everything

@needs_plugins
def test_cleanup_frees_links_that_stay_and_keeps_strange_files(node):
    chain = Chain(node)
    node.pod_manifest(("shop/back", {"app": "back"}))
    node.manifest("back", POLICY)
    front, back = chain.add("front"), chain.add("back")
    assert not front.reaches("icmp", back.ip4, timeout_ms=300)
    strange = f"{node.state}/strange"
    with open(strange, "w", encoding="ascii"):
        pass
    node.stop()
    node.cleanup()
    weir.wait_for(lambda: front.reaches("icmp", back.ip4, timeout_ms=300), "nobody filters any more")
    assert os.listdir(node.state) == ["strange"] and not os.path.exists(node.run_dir)
    assert not os.path.exists(f"{node.bpffs}/v1") and not node.nft()
    assert not node.net.ip_json("route", "show", "proto", "187")


def test_cleanup_takes_back_a_mount_of_its_own(nodes):
    node = nodes(start=False)
    node.bpffs = f"{node.dir}/pins"
    node.start()
    assert os.path.ismount(node.bpffs)
    node.stop()
    node.cleanup()
    assert not os.path.exists(node.bpffs)
