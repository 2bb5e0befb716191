# SPDX-License-Identifier: Apache-2.0
"""What people and load balancers hear of services: weir service, weir status, health check ports, full tables."""

import http.client
import json
import signal

import pytest
import yaml

import weir
from kernel import map_entries
from traffic import inside
from weir import NODE_IPS

HEALTH_PORT = 30999


def service(name, address, **spec):
    addresses = [address] if isinstance(address, str) else address
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"clusterIP": addresses[0], "clusterIPs": addresses,
                     "ports": [{"name": "http", "port": 80, "protocol": "TCP"}], **spec}}


def slice_of(name, *endpoints):
    """Endpoints are addresses, or (address, node name), or (address, node name, conditions)."""
    made = []
    for endpoint in endpoints:
        address, node, conditions = (*((endpoint,) if isinstance(endpoint, str) else endpoint), None, None)[:3]
        made.append({"addresses": [address], "conditions": {"ready": True, **(conditions or {})},
                     **({"nodeName": node} if node else {})})
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": f"{name}-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": made}


def balanced(node, *endpoints):
    """A Service that a load balancer asks the node about, and its slice."""
    return (service("lb", "10.96.0.2", type="LoadBalancer", externalTrafficPolicy="Local",
                    healthCheckNodePort=HEALTH_PORT, sessionAffinity="ClientIP"), slice_of("lb", *endpoints))


def get(node, key):
    return json.loads(node.weir("service", "get", key, "-o", "json"))


def problems(node):
    return [problem["text"] for problem in node.status()["services"]["problems"]]


def usage(node):
    return {table["name"]: table["entries"] for table in node.status()["maps"]}


def test_a_service_is_told_in_full(node):
    node.manifest("lb", *balanced(node, ("10.77.0.8", node.name), "10.77.0.9",
                                  ("10.77.0.10", node.name, {"ready": False, "serving": True, "terminating": True})))
    told = get(node, "shop/lb")
    assert (told["healthCheckNodePort"], told["readyLocal"], told["problem"]) == (HEALTH_PORT, 1, "")
    port, = told["ports"]
    assert (port["name"], port["protocol"], port["family"], port["affinitySeconds"]) == ("http", "tcp", 4, 10800)
    assert port["number"] and [(f["address"], f["port"], f["kind"]) for f in port["frontends"]] == [
        ("10.96.0.2", 80, "ClusterIP")]
    fields = ("address", "node", "local", "ready", "serving", "terminating", "inCluster", "inLocal")
    assert [tuple(backend[field] for field in fields) for backend in port["backends"]] == [
        ("10.77.0.8", node.name, True, True, True, False, True, True),
        ("10.77.0.9", "", False, True, True, False, True, False),
        ("10.77.0.10", node.name, True, False, True, True, False, False)]
    text = node.weir("service", "get", "shop/lb")
    assert "ClusterIP 10.96.0.2:80" in text and "terminating, serving" in text and "(this one)" in text
    assert yaml.safe_load(node.weir("service", "get", "shop/lb", "-o", "yaml")) == told


def test_the_list_has_a_line_for_each_port_and_family(node):
    node.manifest("web", service("web", ["10.96.0.1", "fd00:96::1"]), slice_of("web", "10.77.0.8", "10.77.0.9"))
    node.manifest("none", service("headless", "None"))
    lines = [line.split() for line in node.weir("service", "list").splitlines()]
    assert [line[:6] for line in lines[1:]] == [["shop", "web", "http", "tcp", "10.96.0.1:80", "2"],
                                                ["shop", "web", "http", "tcp", "[fd00:96::1]:80", "0"]]
    assert [line[-2:] for line in lines[1:]] == [["in", "force"]] * 2
    assert "Nothing of it" in node.weir("service", "get", "shop/headless")
    with pytest.raises(weir.Failed, match="no such Service: shop/nobody"):
        node.weir("service", "get", "shop/nobody")


def test_what_was_counted_survives_the_agent(node):
    client = node.add_pod("shop", "client")
    node.manifest("web", service("web", "10.96.0.1"))
    assert client.probe(("tcp", "10.96.0.1", 80)) == ["refused"]
    assert get(node, "shop/web")["ports"][0]["refused"] == 1
    node.restart()
    assert get(node, "shop/web")["ports"][0]["refused"] == 1


def health(node, address, path="/any"):
    """(HTTP status, body) of the health check port."""
    with inside(node.net):
        link = http.client.HTTPConnection(address, HEALTH_PORT, timeout=weir.DEADLINE_S)
        link.connect()
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        link.close()


def test_a_load_balancer_asks_for_the_nodes_endpoints(node):
    here, there = ("10.77.0.8", node.name), ("10.77.1.8", "elsewhere")
    node.manifest("lb", *balanced(node, here, there))
    body = {"service": {"namespace": "shop", "name": "lb"}, "localEndpoints": 1, "serviceProxyHealthy": True}
    for address in NODE_IPS:
        assert health(node, address) == (200, body)
    node.manifest("lb", *balanced(node, there))
    assert health(node, NODE_IPS[0], "/") == (503, {**body, "localEndpoints": 0})
    node.manifest("lb", service("lb", "10.96.0.2"), slice_of("lb", here))
    with pytest.raises(ConnectionRefusedError):
        health(node, NODE_IPS[0])
    assert node.status()["healthy"]


def test_where_no_policy_is_in_force_a_load_balancer_is_sent_away(nodes):
    node = nodes(start=False, options=["--table-size=peer4=24"])
    node.manifest("lb", *balanced(node, ("10.77.0.8", node.name)), wait=False)
    node.manifest("far", *[{"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop", "name": f"far-{number}"},
                            "spec": {"nodeName": "another", "containers": []},
                            "status": {"podIPs": [{"ip": f"10.99.0.{number}"}]}} for number in range(1, 40)], wait=False)
    node.start()
    assert "table peer4 is full" in node.status()["policy"]["error"]
    body = {"service": {"namespace": "shop", "name": "lb"}, "localEndpoints": 1, "serviceProxyHealthy": False}
    assert health(node, NODE_IPS[0]) == (503, body)
    node.remove_manifest("far", wait=False)
    weir.wait_for(lambda: node.status()["healthy"], "the policy fits")
    assert health(node, NODE_IPS[0]) == (200, {**body, "serviceProxyHealthy": True})


def test_a_health_check_port_that_is_taken_is_told_and_tried_again(node):
    squatter = node.net.serve(f"tcp:{HEALTH_PORT}", on=NODE_IPS[:1])
    node.manifest("lb", *balanced(node, ("10.77.0.8", node.name)))
    assert [text for text in problems(node) if f"port {HEALTH_PORT} of {NODE_IPS[0]}" in text and "in use" in text]
    assert not node.status()["healthy"] and health(node, NODE_IPS[1])[0] == 200
    squatter.kill()
    squatter.wait()
    weir.wait_for(lambda: not problems(node), "the port is opened once it is free")
    assert health(node, NODE_IPS[0])[0] == 200


def test_a_health_check_port_of_two_services_is_the_first_ones(node):
    node.manifest("lb", *balanced(node, ("10.77.0.8", node.name)))
    node.manifest("second", service("second", "10.96.0.3", type="LoadBalancer", externalTrafficPolicy="Local",
                                    healthCheckNodePort=HEALTH_PORT))
    assert problems(node) == [f"Service shop/second: spec.healthCheckNodePort: port {HEALTH_PORT} is that of "
                              "Service shop/lb"]
    assert health(node, NODE_IPS[0])[1]["service"]["name"] == "lb"


def test_a_service_that_does_not_fit_is_refused_and_comes_when_there_is_room(nodes):
    node = nodes(options=["--table-size=backend=5"])
    node.manifest("a", service("a", "10.96.0.1"), slice_of("a", "10.77.0.8", "10.77.0.9"))
    node.manifest("b", service("b", "10.96.0.2"), slice_of("b", "10.77.0.8", "10.77.0.9"))
    node.manifest("c", service("c", "10.96.0.3"), slice_of("c", "10.77.0.8"))
    said = weir.wait_for(lambda: problems(node), "what does not fit is a problem")
    assert said == ["Service shop/c: there is no room in table backend, which has 5 entries; it does not work"]
    assert said[0] in node.weir("status") and said[0] in node.log_text() and not node.status()["healthy"]
    assert get(node, "shop/c")["problem"] == said[0] and not get(node, "shop/c")["ports"][0]["number"]
    # One that is there already stays as it was.
    node.manifest("b", service("b", "10.96.0.2"), slice_of("b", "10.77.0.8", "10.77.0.9", "10.77.0.10"))
    weir.wait_for(lambda: len(problems(node)) == 2, "the other one is told as well")
    assert "it stays as it was" in get(node, "shop/b")["problem"] and usage(node)["backend"] == 4
    node.remove_manifest("a")
    weir.wait_for(lambda: not problems(node), "with room all of them fit")
    assert usage(node)["backend"] == 4 and node.status()["healthy"]
    assert "services are without problems again" in node.log_text()


def dump(node):
    """What the kernel holds of services."""
    return {name: sorted(map(str, map_entries(node, name)))
            for name in ("frontend4", "frontend6", "service_port", "backend_slot", "backend")}


def test_a_restart_changes_nothing_of_services(nodes):
    sizes = {"service_port": 64, "backend_slot": 2048, "backend": 64}
    options = [f"--table-size={name}={size}" for name, size in sizes.items()]
    node = nodes(options=["--maglev-table-size=251", *options])
    for number in range(8):
        # Half of them have Maglev tables.
        outside = {"externalIPs": [f"203.0.113.{number + 1}"]} if number % 2 else {}
        node.manifest(f"s{number}", service(f"s{number}", [f"10.96.0.{number + 1}", f"fd00:96::{number + 1}"], **outside),
                      slice_of(f"s{number}", "10.77.0.8", ("10.77.0.9", node.name)), wait=number == 7)
    before, used = dump(node), usage(node)
    assert used["backend_slot"] >= 4 * 256 and not problems(node)
    for end in (signal.SIGTERM, signal.SIGKILL):
        node.restart(end)
        assert dump(node) == before and usage(node) == used
