# SPDX-License-Identifier: Apache-2.0
"""Pods, Services and names in a cluster that runs weir."""

import http.client

import kube
from control_plane import bracketed
from machine import wait_for
from workload import PORT, server_pod, service


def outside_fetch(address, port):
    """The answer to this machine, which is no node."""
    link = http.client.HTTPConnection(address, port, timeout=5)
    try:
        link.request("GET", "/hostname")
        return link.getresponse().read().decode()
    finally:
        link.close()


def test_pods_reach_each_other_on_one_node_and_between_nodes(shop):
    for client in ("client-1", "client-2"):
        for server in ("server-1", "server-2"):
            assert shop.fetch(client, f"{bracketed(shop.ip(server))}:{PORT}") == server


def test_each_node_gives_addresses_of_its_own_pod_cidr(shop, cluster):
    cidrs = {node["metadata"]["name"]: node["spec"]["podCIDR"] for node in kube.items("nodes")}
    assert len(set(cidrs.values())) == len(cluster.nodes)
    for node in cluster.nodes:
        assert cluster.contains(cidrs[node.name], shop.ip(f"server-{node.number}"))


def test_the_kubelet_and_the_nodes_reach_pods(shop, cluster):
    for node in cluster.nodes:
        for server in ("server-1", "server-2"):
            url = f"http://{bracketed(shop.ip(server))}:{PORT}/hostname"
            assert node.exec("curl", "-s", "-m", "10", url) == server


def test_a_cluster_address_leads_to_all_endpoints(shop):
    address = bracketed(kube.get("service", "-n", shop.name, "web")["spec"]["clusterIP"])
    for client in ("client-1", "client-2"):
        found = {shop.fetch(client, address) for _ in range(20)}
        assert found == {"server-1", "server-2"}


def test_names_of_services_are_known(shop):
    for client in ("client-1", "client-2"):
        assert shop.fetch(client, "web") in ("server-1", "server-2")
        assert shop.fetch(client, f"web.{shop.name}.svc.cluster.local") in ("server-1", "server-2")
    assert shop.execute("client-1", "curl", "-s", "-k", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}",
                        "https://kubernetes.default/healthz") == "200"


def test_node_ports_answer_on_every_node(shop, cluster):
    shop.create(service("open", {"app": "server"}, type="NodePort"))
    port = kube.get("service", "-n", shop.name, "open")["spec"]["ports"][0]["nodePort"]
    for node in cluster.nodes:
        address = node.ips[cluster.families[0]]
        wait_for(lambda at=address: outside_fetch(at, port) in ("server-1", "server-2"), "the port is open")
        found = {outside_fetch(address, port) for _ in range(20)}
        assert found == {"server-1", "server-2"}


def test_local_node_ports_keep_the_clients_address(shop, cluster):
    shop.create(service("near", {"app": "server"}, type="NodePort", externalTrafficPolicy="Local"))
    port = kube.get("service", "-n", shop.name, "near")["spec"]["ports"][0]["nodePort"]
    for node in cluster.nodes:
        address = node.ips[cluster.families[0]]
        wait_for(lambda at=address: outside_fetch(at, port), "the port is open")
        assert {outside_fetch(address, port) for _ in range(5)} == {f"server-{node.number}"}


def test_a_host_port_answers_on_its_node(shop, cluster):
    pod = server_pod("host-port", {"app": "host-port"}, cluster.nodes[0].name)
    pod["spec"]["containers"][0]["ports"][0]["hostPort"] = 18080
    shop.create(pod)
    shop.wait("app=host-port", 1)
    address = cluster.nodes[0].ips[cluster.families[0]]
    wait_for(lambda: outside_fetch(address, 18080) == "host-port", "the host port is open")
