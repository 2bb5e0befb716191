# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a cluster, and upgrades: traffic does not notice."""

import time

import kube
from control_plane import bracketed
from deploy import LABEL, NAMESPACE
from machine import wait_for
from test_policies import policy
from workload import PORT, Traffic, server_pod

API_AWAY_S = 60
MANY = 100


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


def test_the_api_server_is_away_for_a_minute(shop, cluster):
    shop.create(policy("nobody", {"matchLabels": {"at": "node2", "app": "server"}}, policyTypes=["Ingress"]))
    guarded, open_one = (f"{bracketed(shop.ip(server))}:{PORT}" for server in ("server-2", "server-1"))
    shop.becomes("client-1", guarded, False)
    cluster.control_plane.stop_api()
    time.sleep(API_AWAY_S)
    assert cluster.nodes[0].exec("curl", "-s", "-m", "10", f"http://{open_one}/hostname") == "server-1"
    cluster.control_plane.start_api()
    assert not shop.reaches("client-1", guarded, 3)
    assert shop.reaches("client-2", open_one)
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
        assert {pod["spec"]["nodeName"] for pod in pods} == {cluster.nodes[0].name}
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
