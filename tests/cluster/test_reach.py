# SPDX-License-Identifier: Apache-2.0
"""Pods, Services and names in a cluster that runs weir."""

import http.client
import http.server
import socket
import threading

import kube
from control_plane import bracketed
from machine import HOST_IPS, wait_for
from workload import PORT, server_pod, service


def outside_fetch(address, port):
    """The answer to this machine, which is no node."""
    link = http.client.HTTPConnection(address, port, timeout=5)
    try:
        link.request("GET", "/hostname")
        return link.getresponse().read().decode()
    finally:
        link.close()


class _SayWho(http.server.BaseHTTPRequestHandler):
    """Answers with the client's address, as agnhost's /clientip does."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{bracketed(self.client_address[0])}:{self.client_address[1]}".encode())

    def log_message(self, *_):
        pass


class Outside(http.server.ThreadingHTTPServer):
    """A server on this machine; a context manager. `target` is where."""

    def __init__(self, family):
        self.address_family = socket.AF_INET6 if family == 6 else socket.AF_INET
        super().__init__((HOST_IPS[family], 0), _SayWho)
        self.target = f"{bracketed(HOST_IPS[family])}:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def seen_as(shop, client, target):
    """The address by which a server knows a pod."""
    said = shop.execute(client, "curl", "-s", "-S", "-m", "10", f"http://{target}/clientip")
    return said.rsplit(":", maxsplit=1)[0].strip("[]")


def test_pods_reach_each_other_on_one_node_and_between_nodes(shop):
    for client in shop.clients:
        for server in shop.servers:
            assert shop.fetch(client, f"{bracketed(shop.ip(server))}:{PORT}") == server


def test_each_node_gives_addresses_of_its_own_pod_cidr(shop, cluster):
    cidrs = {node["metadata"]["name"]: node["spec"]["podCIDR"] for node in kube.items("nodes")}
    assert len(set(cidrs.values())) == len(cluster.nodes)
    for node in cluster.nodes:
        assert cluster.contains(cidrs[node.name], shop.ip(f"server-{node.number}"))


def test_the_kubelet_and_the_nodes_reach_pods(shop, cluster):
    for node in cluster.nodes:
        for server in shop.servers:
            url = f"http://{bracketed(shop.ip(server))}:{PORT}/hostname"
            assert node.exec("curl", "-s", "-m", "10", url) == server


def test_a_cluster_address_leads_to_all_endpoints(shop):
    address = bracketed(kube.get("service", "-n", shop.name, "web")["spec"]["clusterIP"])
    for client in shop.clients:
        found = {shop.fetch(client, address) for _ in range(20)}
        assert found == set(shop.servers)


def test_names_of_services_are_known(shop):
    for client in shop.clients:
        assert shop.fetch(client, "web") in shop.servers
        assert shop.fetch(client, f"web.{shop.name}.svc.cluster.local") in shop.servers
    assert shop.execute("client-1", "curl", "-s", "-k", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}",
                        "https://kubernetes.default/healthz") == "200"


def test_node_ports_answer_on_every_node(shop, cluster):
    shop.create(service("open", {"app": "server"}, type="NodePort"))
    port = kube.get("service", "-n", shop.name, "open")["spec"]["ports"][0]["nodePort"]
    for node in cluster.nodes:
        address = node.ips[cluster.families[0]]
        wait_for(lambda at=address: outside_fetch(at, port) in shop.servers, "the port is open")
        found = {outside_fetch(address, port) for _ in range(20)}
        assert found == set(shop.servers)


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


def test_other_nodes_and_the_outside_see_pods_as_their_node(shop, cluster):
    port = 18081
    for node in cluster.nodes:
        shop.create(server_pod(f"on-{node.name}", {"app": "on-node"}, node.name, ("netexec", f"--http-port={port}"),
                               hostNetwork=True))
    shop.wait("app=on-node", len(cluster.nodes))
    for family in cluster.families:
        with Outside(family) as outside:
            for node in cluster.nodes:
                client, own = f"client-{node.number}", node.ips[family]
                assert seen_as(shop, client, outside.target) == own
                for other in cluster.nodes:
                    expected = shop.ip_of(client, family) if other is node else own
                    assert seen_as(shop, client, f"{bracketed(other.ips[family])}:{port}") == expected
