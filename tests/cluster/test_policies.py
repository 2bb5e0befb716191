# SPDX-License-Identifier: Apache-2.0
"""NetworkPolicies of a cluster, on one node and between nodes."""

import kube
from control_plane import bracketed
from machine import wait_for
from workload import PORT, client_pod, server_pod


def policy(name, selector, **spec):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
            "spec": {"podSelector": selector, **spec}}


def all_become(shop, clients, reached):
    for client in clients:
        for server in shop.servers:
            shop.becomes(client, f"{bracketed(shop.ip(server))}:{PORT}", reached)


def test_isolation_comes_and_goes(shop):
    all_become(shop, shop.clients, True)
    shop.create(policy("nobody", {"matchLabels": {"app": "server"}}, policyTypes=["Ingress"]))
    all_become(shop, shop.clients, False)
    kube.delete("networkpolicy", "-n", shop.name, "nobody")
    all_become(shop, shop.clients, True)


def test_only_chosen_clients_come_in_also_through_a_service(shop, cluster):
    chosen = {"podSelector": {"matchLabels": {"at": cluster.nodes[0].name}}}
    shop.create(policy("some", {"matchLabels": {"app": "server"}}, policyTypes=["Ingress"],
                       ingress=[{"from": [chosen], "ports": [{"port": "http"}]}]))
    all_become(shop, ["client-2"], False)
    all_become(shop, ["client-1"], True)
    address = bracketed(kube.get("service", "-n", shop.name, "web")["spec"]["clusterIP"])
    assert shop.reaches("client-1", address)
    assert not shop.reaches("client-2", address, 3)


def test_a_label_changes_what_a_pod_may(shop):
    guest = {"podSelector": {"matchLabels": {"guest": "yes"}}}
    shop.create(policy("guests", {"matchLabels": {"app": "server"}}, policyTypes=["Ingress"],
                       ingress=[{"from": [guest]}]))
    all_become(shop, shop.clients, False)
    kube.kubectl("label", "pod", "-n", shop.name, "client-2", "guest=yes")
    all_become(shop, ["client-2"], True)
    assert not shop.reaches("client-1", f"{bracketed(shop.ip('server-1'))}:{PORT}", 3)


def test_egress_is_limited_and_names_can_be_allowed(shop):
    anywhere_dns = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    shop.create(policy("out", {"matchLabels": {"app": "client"}}, policyTypes=["Egress"],
                       egress=[anywhere_dns, {"to": [{"podSelector": {"matchLabels": {"at": "node1"}}}]}]))
    for client in shop.clients:
        shop.becomes(client, f"{bracketed(shop.ip('server-2'))}:{PORT}", False)
        shop.becomes(client, f"{bracketed(shop.ip('server-1'))}:{PORT}", True)


def test_policy_holds_from_the_first_packet_of_a_new_pod(shop, cluster):
    shop.create(policy("nobody-out", {"matchLabels": {"app": "new"}}, policyTypes=["Egress"]))
    target = f"http://{bracketed(shop.ip('server-1'))}:{PORT}/hostname"
    script = f"for n in 1 2 3; do curl -s -m 3 {target} && echo; done >/tmp/got; touch /tmp/done; sleep 1000000"
    for node in cluster.nodes:
        shop.create(client_pod(f"new-{node.number}", {"app": "new"}, node.name, "/bin/sh", "-c", script))
    shop.wait("app=new", len(cluster.nodes))
    for node in cluster.nodes:
        name = f"new-{node.number}"
        wait_for(lambda pod=name: shop.execute(pod, "ls", "/tmp/done"), f"{name} has tried", 120)
        assert shop.execute(name, "cat", "/tmp/got") == ""


def test_a_namespace_that_is_deleted_leaves_nothing(cluster, namespace):
    names = [f"pod-{n}" for n in range(6)]
    for n, name in enumerate(names):
        namespace.create(server_pod(name, {"app": "short"}, cluster.nodes[n % 2].name))
    namespace.create(policy("nobody", {}, policyTypes=["Ingress", "Egress"]))
    namespace.wait("app=short", len(names))
    kube.kubectl("delete", "namespace", namespace.name, "--timeout=240s", timeout=300)
    for node in cluster.nodes:
        wait_for(lambda at=node: namespace.name not in cluster.weir(at, "endpoint", "list"),
                 f"no endpoint of it is on {node.name}")
        assert namespace.name not in cluster.weir(node, "policy", "list")
