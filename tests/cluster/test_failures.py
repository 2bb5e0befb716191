# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a cluster, and upgrades: traffic does not notice."""

import os
import time

import kube
from control_plane import ETCD, bracketed
from deploy import LABEL, NAMESPACE
from machine import wait_for
from test_policies import policy
from workload import PORT, Traffic, server_pod

API_AWAY_S = 60
MANY = 100
LATER = 300  # objects made after the copy of etcd, so that versions go back by more than they grow meanwhile


def start_traffic(shop, cluster):
    """From each node to the other's server, and to the Service."""
    address = bracketed(kube.get("service", "-n", shop.name, "web")["spec"]["clusterIP"])
    found = []
    for node in cluster.nodes:
        other = next(other for other in cluster.nodes if other is not node)
        direct = f"{bracketed(shop.ip(f'server-{other.number}'))}:{PORT}"
        for kind, target in (("direct", direct), ("service", address)):
            found.append(Traffic(shop, f"{kind}-{node.number}", node.name, f"http://{target}/hostname"))
    return found


def nothing_failed(traffic):
    for client in traffic:
        client.progress()
        assert client.failures() == [], client.name


def test_agents_are_killed_under_load(shop, cluster):
    traffic = start_traffic(shop, cluster)
    for node in cluster.nodes:
        cluster.kill_agent(node)
    nothing_failed(traffic)
    assert all("healthy:" in cluster.weir(node, "status") for node in cluster.nodes)


def guard(shop, node):
    """A server that nobody may reach. Its address and port."""
    shop.create(server_pod("guarded", {"app": "guarded"}, node.name))
    shop.wait("app=guarded", 1)
    shop.create(policy("nobody", {"matchLabels": {"app": "guarded"}}, policyTypes=["Ingress"]))
    target = f"{bracketed(shop.ip('guarded'))}:{PORT}"
    shop.becomes("client-1", target, False)
    return target


def test_the_api_server_is_away_for_a_minute(shop, cluster):
    guarded = guard(shop, cluster.nodes[1])
    traffic = start_traffic(shop, cluster)
    stranger = Traffic(shop, "stranger", cluster.nodes[0].name, f"http://{guarded}/hostname", welcome=False)
    cluster.control_plane.stop_api()
    time.sleep(API_AWAY_S)
    cluster.control_plane.start_api()
    nothing_failed(traffic)
    assert stranger.count() == 0
    assert stranger.failures()
    kube.delete("networkpolicy", "-n", shop.name, "nobody")
    shop.becomes("client-1", guarded, True)
    kube.wait_nodes_ready(len(cluster.nodes))


def test_agents_start_while_the_api_server_is_away(shop, cluster):
    """What the kernel and the disk know holds; then the agents hear of what they missed."""
    guarded = guard(shop, cluster.nodes[1])
    traffic = start_traffic(shop, cluster)
    stranger = Traffic(shop, "stranger", cluster.nodes[0].name, f"http://{guarded}/hostname", welcome=False)
    cluster.control_plane.stop_api()
    for node in cluster.nodes:
        before = set(cluster.agent_pids(node))
        assert before
        for pid in before:
            os.kill(pid, 9)
        wait_for(lambda at=node, old=before: set(cluster.agent_pids(at)) - old, "the kubelet starts an agent", 300)
    time.sleep(API_AWAY_S / 3)
    cluster.control_plane.start_api()
    nothing_failed(traffic)
    assert stranger.count() == 0
    kube.delete("networkpolicy", "-n", shop.name, "nobody")
    shop.becomes("client-1", guarded, True, 180)
    kube.wait_pods(NAMESPACE, LABEL, len(cluster.nodes), 300)


def test_etcd_is_restored_from_an_older_copy(shop, cluster, tmp_path):
    """resourceVersions go backwards: what was made after the copy is gone, what was deleted is back."""
    guarded, other = guard(shop, cluster.nodes[1]), f"{bracketed(shop.ip('server-1'))}:{PORT}"
    copy = str(tmp_path / "etcd")
    cluster.control_plane.exchange_etcd(ETCD, copy)
    kube.delete("networkpolicy", "-n", shop.name, "nobody")
    shop.create(policy("later", {"matchLabels": {"app": "server"}}, policyTypes=["Ingress"]))
    shop.create(*[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"later-{n}"}}
                  for n in range(LATER)])
    shop.becomes("client-1", guarded, True)
    shop.becomes("client-1", other, False)
    cluster.control_plane.exchange_etcd(copy, ETCD)
    # This API server says nothing to who watches from a version that it has not reached: it takes a silent
    # watch, of two minutes, until the agents ask anew.
    shop.becomes("client-1", other, True, 600)
    shop.becomes("client-1", guarded, False)
    # A change after it arrives as well.
    kube.delete("networkpolicy", "-n", shop.name, "nobody")
    shop.becomes("client-1", guarded, True)
    kube.wait_nodes_ready(len(cluster.nodes))


def test_the_daemonset_is_upgraded_under_traffic(shop, cluster):
    traffic = start_traffic(shop, cluster)
    kube.kubectl("rollout", "restart", "-n", NAMESPACE, "daemonset/weir")
    kube.kubectl("rollout", "status", "-n", NAMESPACE, "daemonset/weir", "--timeout=400s", timeout=420)
    kube.wait_pods(NAMESPACE, LABEL, len(cluster.nodes))
    nothing_failed(traffic)


def test_a_node_is_drained_and_comes_back(shop, cluster):
    leaving = cluster.nodes[1].name
    shop.create({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "moving"},
        "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "moving"}},
                 "template": {"metadata": {"labels": {"app": "moving"}},
                              "spec": server_pod("x", {})["spec"] | {"tolerations": []}}}})
    shop.wait("app=moving", 4)
    kube.kubectl("drain", leaving, "--ignore-daemonsets", "--force", "--delete-emptydir-data", "--timeout=240s",
                 "--pod-selector=app=moving", timeout=300)
    try:
        pods = shop.wait("app=moving", 4)
        assert leaving not in {pod["spec"]["nodeName"] for pod in pods}
        for pod in pods:
            assert shop.reaches("client-2", f"{bracketed(pod['status']['podIP'])}:{PORT}")
    finally:
        kube.kubectl("uncordon", leaving)


def test_many_pods_at_once(namespace, cluster):
    namespace.create({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many"},
        "spec": {"replicas": MANY, "selector": {"matchLabels": {"app": "many"}},
                 "template": {"metadata": {"labels": {"app": "many"}},
                              "spec": server_pod("x", {}, command=["pause"])["spec"]}}})
    pods = namespace.wait("app=many", MANY, 900)
    assert len({pod["status"]["podIP"] for pod in pods}) == MANY
    kube.delete("deployment", "-n", namespace.name, "many")
    for node in cluster.nodes:
        wait_for(lambda at=node: namespace.name not in cluster.weir(at, "endpoint", "list"),
                 f"all of them have left {node.name}", 600, 2)
