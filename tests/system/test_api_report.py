# SPDX-License-Identifier: Apache-2.0
"""What an agent tells the API server: the Node, Events about refused objects, status of policies."""

import time

import pytest

import traffic
from fake_api import FakeApi, write_kubeconfig
from fake_api_kinds import status_object
from weir import Node, wait_for

TAINT = "weir/agent-not-ready"
OTHERS = [{"key": "a/b", "effect": "NoSchedule"}, {"key": "c", "effect": "NoExecute"}]
BAD_POLICY = {"podSelector": {}, "ingress": [{"ports": [{"port": 80, "endPort": 70}]}]}
ADMIN = {"priority": 10, "subject": {"namespaces": {}},
         "ingress": [{"action": "Allow", "from": [{"namespaces": {}}]}]}


@pytest.fixture
def cluster(tmp_path):
    node = Node(start=False)
    with traffic.inside(node.net):
        api = FakeApi()
    node.kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", api.url)
    api.absent.discard("adminnetworkpolicies")
    yield node, api
    api.close()
    node.close()


def put_node(api, name, taints=(), conditions=()):
    api.put("nodes", "", name, spec={"taints": [*OTHERS[:1], *taints, *OTHERS[1:]]},
            status={"addresses": [], "conditions": list(conditions)})


def condition_of(api, plural, name, kind):
    for condition in api.objects[plural]["", name].get("status", {}).get("conditions", []):
        if condition["type"] == kind:
            return condition
    return None


def taints_of(api, name):
    return api.objects["nodes"]["", name]["spec"]["taints"]


def messages(api, name):
    return [event["message"] for event in list(api.events.values()) if event["involvedObject"]["name"] == name]


def is_open(api, name):
    condition = condition_of(api, "nodes", name, "NetworkUnavailable")
    return condition and condition["status"] == "False" and taints_of(api, name) == OTHERS


def test_a_node_becomes_ready_when_pods_may_come(cluster):
    node, api = cluster
    ready = {"type": "Ready", "status": "True"}
    put_node(api, node.name, [{"key": TAINT, "effect": "NoSchedule"}],
             [ready, {"type": "NetworkUnavailable", "status": "True", "reason": "NoRouteCreated"}])
    api.put("nodes", "", "other", spec={"taints": [{"key": TAINT, "effect": "NoSchedule"}]}, status={})
    node.start()
    wait_for(lambda: is_open(api, node.name), "the Node is ready")
    assert condition_of(api, "nodes", node.name, "Ready") == ready
    assert condition_of(api, "nodes", "other", "NetworkUnavailable") is None
    assert [taint["key"] for taint in taints_of(api, "other")] == [TAINT]

    # It has registered anew.
    api.delete("nodes", "", node.name)
    put_node(api, node.name, [{"key": TAINT, "effect": "NoSchedule"}])
    wait_for(lambda: is_open(api, node.name), "the new Node is ready")


def test_no_node_is_ready_before_its_policy_is_known(cluster):
    node, api = cluster
    put_node(api, node.name, [{"key": TAINT, "effect": "NoSchedule"}])
    api.misbehave("list", "networkpolicies", *[lambda handler, *_: handler.answer(500, "no")] * 3)
    node.start()
    wait_for(lambda: len(api.asked("list", "networkpolicies")) >= 2, "policies were asked for again")
    assert not api.writes
    wait_for(lambda: is_open(api, node.name), "the Node is ready")
    assert len(api.asked("list", "networkpolicies")) >= 4


def test_refused_objects_have_events(cluster):
    node, api = cluster
    api.put("namespaces", "", "shop")
    put_node(api, node.name)
    api.put("networkpolicies", "shop", "odd", spec=BAD_POLICY)
    api.put("services", "shop", "greedy", spec={"type": "ClusterIP", "clusterIP": "10.96.0.1", "ports": [{"port": 80}],
                                                "externalIPs": ["127.0.0.1"]})
    node.start()
    wait_for(lambda: messages(api, "odd") and messages(api, "greedy"), "both have an Event")
    (event,) = [event for event in api.events.values() if event["involvedObject"]["name"] == "odd"]
    assert event["involvedObject"] == {"kind": "NetworkPolicy", "namespace": "shop", "name": "odd", "uid": "uid-odd",
                                       "apiVersion": "networking.k8s.io/v1", "resourceVersion":
                                       event["involvedObject"]["resourceVersion"]}
    assert event["type"] == "Warning" and event["source"]["host"] == node.name
    assert "endPort" in event["message"] and "externalIPs" in messages(api, "greedy")[0]

    # What is wrong with a slice is the Service's trouble.
    api.put("services", "shop", "round", spec={"type": "ClusterIP", "clusterIP": "10.96.0.2", "ports": [{"port": 80}]})
    api.put("endpointslices", "shop", "round-1", labels={"kubernetes.io/service-name": "round"},
            addressType="IPv4", ports=[{"name": "", "port": 80, "protocol": "TCP"}],
            endpoints=[{"addresses": ["10.96.0.1"]}])
    wait_for(lambda: messages(api, "round"), "the Service has an Event")
    assert messages(api, "round") == [
        "EndpointSlice round-1: endpoints: 10.96.0.1 is the ClusterIP of a Service, and no host's"]

    # The same again says nothing; another problem does.
    count = len(api.writes)
    node.kill9()
    node.start()
    api.put("networkpolicies", "shop", "odd", spec={**BAD_POLICY, "policyTypes": ["Sideways"]})
    wait_for(lambda: len(messages(api, "odd")) >= 2, "the new problem has one")
    assert len({name for _, name in api.events}) == len(api.events)
    assert any(method == "POST" for method, _, _ in api.writes[count:])


def test_one_of_many_nodes_speaks(cluster):
    node, api = cluster
    api.put("namespaces", "", "shop")
    put_node(api, node.name)
    for i in range(200):
        api.put("nodes", "", f"node{i}", spec={}, status={})
    for i in range(60):
        api.put("networkpolicies", "shop", f"odd{i}", spec=BAD_POLICY)
    node.start()
    wait_for(lambda: is_open(api, node.name), "the Node is ready")
    wait_for(lambda: "odd59" in node.log_text(), "all are refused")
    time.sleep(2)  # for who would speak
    assert len(api.events) < 20


def test_policies_have_a_status(cluster):
    node, api = cluster
    put_node(api, node.name)
    api.put("adminnetworkpolicies", "", "good", spec=ADMIN,
            status={"conditions": [{"type": "Theirs", "status": "True"}]})
    api.put("adminnetworkpolicies", "", "bad", spec={**ADMIN, "priority": -1})
    node.start()

    def accepted(name):
        return (condition_of(api, "adminnetworkpolicies", name, "Accepted") or {}).get("status")

    wait_for(lambda: accepted("good") == "True" and accepted("bad") == "False", "both have a status")
    assert condition_of(api, "adminnetworkpolicies", "good", "Theirs")
    assert "priority" in condition_of(api, "adminnetworkpolicies", "bad", "Accepted")["message"]
    api.put("adminnetworkpolicies", "", "bad", spec=ADMIN)
    wait_for(lambda: accepted("bad") == "True", "it is good now")


def test_a_server_that_forbids_it_is_left_alone(cluster):
    node, api = cluster
    put_node(api, node.name)
    api.write_refusal = 403, status_object(403, "nodes is forbidden")
    node.start()
    wait_for(lambda: api.writes, "it was tried")
    api.put("namespaces", "", "shop")
    for i in range(3):
        api.put("namespaces", "", f"more{i}")
        wait_for(lambda: node.status()["healthy"], "the node is healthy")
    assert len(api.writes) == 1
    assert "forbidden" in node.status()["sources"][0]["reports"]
    assert "forbidden" in node.log_text()
