# SPDX-License-Identifier: Apache-2.0
"""The agent starts again while its tables are more than half full, or too full for what the objects say now."""

import hashlib
import json
import os
import signal

import pytest

import weir
from kernel import map_entries, pinned_map

PORTS_MAX = 16384
HALF = 9000  # more than half of them
# Without policy_port, for which bpftool needs seconds: the numbers of its sets are in `ruleset`.
POLICY_MAPS = ("ruleset", "policy_class", "policy_cidr4", "policy_cidr6", "policy_bits", "peer4", "peer6")


def ports(first, count):
    """Single ports that no prefix puts together; first is 1 or 2."""
    listed = [{"protocol": proto, "port": port} for proto in ("TCP", "UDP", "SCTP") for port in range(first, 65536, 2)]
    return listed[:count]


def write_policy(node, *rules, name="policy", labels=None):
    """An ingress policy of pods in shop. JSON: there are many rules."""
    node.write(f"{name}.json", json.dumps({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": labels or {}}, "policyTypes": ["Ingress"], "ingress": rules}}))


def dump(node):
    """A digest of each map that holds policy; the order of entries is the kernel's."""
    texts = {name: weir.run("bpftool", "map", "dump", "pinned", pinned_map(node, name)) for name in POLICY_MAPS}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def used(node, name="policy_port"):
    return next(table["entries"] for table in node.status()["maps"] if table["name"] == name)


def policy_error(node):
    return node.status()["policy"]["error"]


def add_pods(node, *rules):
    """A client, and a server with these rules that answers on ports of both kinds."""
    write_policy(node, *rules)
    client, server = (node.add_pod("shop", name, labels={"app": name}) for name in ("client", "server"))
    server.serve("tcp:81", "tcp:82")
    return client, server


def reachable(client, server):
    asked = client.probe(*[("tcp", ip, port) for ip in server.ips for port in (81, 82)], timeout_ms=500)
    assert asked[:2] == asked[2:], asked
    return [port for port, answer in zip((81, 82), asked) if answer == "open"]


@pytest.fixture
def node(nodes):
    return nodes(options=[f"--table-size=policy_port={PORTS_MAX}"])


@pytest.fixture
def pods(node):
    return add_pods(node, {"ports": ports(1, HALF)})


def test_a_restart_finds_its_rule_sets_and_writes_no_other(node):
    # So many groups stand in rows; so many ports do not fit twice.
    sources = [[{"podSelector": {"matchLabels": {"app": "client"}}}, {"ipBlock": {"cidr": f"10.{n}.0.0/16"}}]
               for n in range(150)]
    pods = add_pods(node, {"ports": ports(1, HALF)},
                    *[{"from": source, "ports": [{"port": 2 * n + 200}]} for n, source in enumerate(sources)])
    assert used(node) > PORTS_MAX / 2 and used(node, "policy_bits")
    before, status = dump(node), node.status()["policy"]
    for end in (signal.SIGTERM, signal.SIGKILL):
        node.restart(end)
        assert reachable(*pods) == [81]
        assert dump(node) == before
        assert not policy_error(node) and node.status()["policy"]["rulesets"] == status["rulesets"]


def test_what_does_not_fit_beside_leaves_the_former_policy_in_force(node, pods):
    client, server = pods
    assert reachable(client, server) == [81]
    node.kill9()
    write_policy(node, {"ports": ports(2, HALF)})
    node.start()
    assert "policy_port is full with its" in policy_error(node)
    assert reachable(client, server) == [81]
    with pytest.raises(weir.CniError, match="does not fit"):
        node.add_pod("shop", "another")
    with pytest.raises(weir.CniError, match="does not fit"):
        node.cni({"CNI_COMMAND": "STATUS", "CNI_PATH": "/usr/lib/cni"}, node.conf())
    write_policy(node, {"ports": ports(2, 100)})
    weir.wait_for(lambda: not policy_error(node), "a smaller policy is in force")
    assert reachable(client, server) == [82]
    assert used(node) == 100 and len(map_entries(node, "policy_port")) == 100


def test_where_no_policy_of_this_agent_is_in_force_no_pod_is_made_ready(node, pods):
    client, server = pods
    node.kill9()
    node.umount_bpffs()
    node.mount_bpffs()
    write_policy(node, {"ports": ports(2, HALF)}, name="more", labels={"app": "client"})
    node.start()
    assert "policy_port is full with its" in policy_error(node)
    # The filters of the former agent are there still, with maps that nobody else knows.
    assert reachable(client, server) == [81]
    slots = [slot for _, slot in map_entries(node, "endpoint") if slot["ifindex"]]
    assert len(slots) == 2 and not any(slot["flags"] for slot in slots)
    os.unlink(f"{node.manifests}/more.json")
    weir.wait_for(lambda: not policy_error(node), "a smaller policy is in force")
    weir.wait_for(lambda: reachable(client, server) == [81], "the pods are connected again")
    node.check_pod(client)
