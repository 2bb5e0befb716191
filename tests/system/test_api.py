# SPDX-License-Identifier: Apache-2.0
"""An agent whose objects come from an API server: real traffic under its policies, with and without it."""

import json
import os
import threading

import pytest

import traffic
from fake_api import FakeApi, write_kubeconfig
from fake_api_http import ACCOUNT
from weir import CniError, Node, wait_for

PORT = 8080
NOBODY = {"podSelector": {"matchLabels": {"app": "back"}}, "policyTypes": ["Ingress"]}
FRONT_ONLY = {**NOBODY, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}]}


class Cluster:
    """A node and its API server, in one network namespace."""

    def __init__(self, path):
        self.node = Node(start=False)
        self.api = None
        try:
            self.serve()
            self.node.kubeconfig = write_kubeconfig(path / "kubeconfig", self.api.url)
        except BaseException:
            self.close()
            raise

    def serve(self):
        address = self.api.address if self.api else ("127.0.0.1", 0)
        with traffic.inside(self.node.net):
            api = FakeApi(address)
        if self.api:
            api.objects, api.version = self.api.objects, self.api.version
        self.api = api

    def close(self):
        if self.api:
            self.api.close()
        self.node.close()

    def pod(self, name, **more):
        self.api.put("pods", "shop", name, labels={"app": name}, spec={"nodeName": self.node.name, "containers": []},
                     status={}, **more)

    def policy(self, spec):
        self.api.put("networkpolicies", "shop", "back", spec=spec)

    def source(self):
        return self.node.status()["sources"][0]

    def synced(self):
        wait_for(lambda: self.source()["synced"] and self.node.status()["healthy"], "all is synced and in force")


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    made.api.put("namespaces", "", "shop", labels={"kubernetes.io/metadata.name": "shop"})
    for name in ("front", "back", "other"):
        made.pod(name)
    made.policy(NOBODY)
    yield made
    made.close()


def reaches(pods, target):
    return {pod.pod for pod in pods if pod.reaches("tcp", target.ip4, PORT, timeout_ms=300)}


def become(pods, target, *expected):
    wait_for(lambda: reaches(pods, target) == set(expected), f"exactly {expected} reach {target.pod}")


def test_policies_of_an_api_server(cluster):
    node = cluster.node
    node.start()
    cluster.synced()
    assert "apiServer http://127.0.0.1" in node.weir("status") and "6 of 10 kinds watched, 4 absent" in node.weir("status")
    front, back, other = (node.add_pod("shop", name) for name in ("front", "back", "other"))
    back.serve(f"tcp:{PORT}")
    assert reaches((front, other), back) == set()
    cluster.policy(FRONT_ONLY)
    become((front, other), back, "front")
    cluster.api.put("pods", "shop", "other", labels={"app": "front"},
                    spec={"nodeName": node.name, "containers": []}, status={})
    become((front, other), back, "front", "other")
    cluster.api.delete("networkpolicies", "shop", "back")
    cluster.policy(NOBODY)
    become((front, other), back)


def test_the_last_state_enforces_and_pods_can_start(cluster):
    node = cluster.node
    node.start()
    cluster.synced()
    front, back = (node.add_pod("shop", name) for name in ("front", "back"))
    back.serve(f"tcp:{PORT}")
    cluster.policy(FRONT_ONLY)
    become((front,), back, "front")
    node.kill9()
    cluster.api.close()
    node.start()
    assert not cluster.source()["synced"] and cluster.source()["ready"]
    other = node.add_pod("shop", "other")
    assert reaches((front, other), back) == {"front"}
    node.del_pod(other)
    with pytest.raises(CniError) as refused:
        node.add_pod("shop", "unheard-of")
    assert refused.value.code == 11 and "shop/unheard-of" in refused.value.error["details"]

    # What changed without the agent is in force when the server is back, and not before.
    cluster.serve()
    cluster.api.delete("networkpolicies", "shop", "back")
    cluster.policy(NOBODY)
    become((front,), back)
    cluster.synced()


def test_without_a_server_and_a_state_nobody_starts(cluster):
    """The pods that are there keep the policy that they have."""
    node = cluster.node
    node.start()
    cluster.synced()
    front, back = (node.add_pod("shop", name) for name in ("front", "back"))
    back.serve(f"tcp:{PORT}")
    node.kill9()
    cluster.api.close()
    for plural in ("pods", "networkpolicies"):
        os.unlink(f"{node.state}/api/{plural}")
    node.start()
    status = node.status()
    assert not status["healthy"] and "not known yet" in status["policy"]["error"]
    assert reaches((front,), back) == set()
    with pytest.raises(CniError) as refused:
        node.add_pod("shop", "other")
    assert refused.value.code == 11
    assert reaches((front,), back) == set()
    cluster.serve()
    cluster.policy(FRONT_ONLY)
    become((front,), back, "front")
    cluster.synced()
    assert reaches((node.add_pod("shop", "other"),), back) == set()


def test_services_that_are_forbidden_stop_no_policy(cluster):
    """A first start: what may be read is in force, what may not is told, and works once it may."""
    node, api = cluster.node, cluster.api
    api.forbidden = {"services"}
    node.start()
    wait_for(lambda: cluster.source()["ready"], "policy can be computed")
    front, back = (node.add_pod("shop", name) for name in ("front", "back"))
    back.serve(f"tcp:{PORT}")
    assert reaches((front,), back) == set()
    cluster.policy(FRONT_ONLY)
    become((front,), back, "front")
    sentence = f"the account {ACCOUNT} may not list services"
    wait_for(lambda: sentence in node.weir("status") and sentence in node.log_text(), "it is told")
    kind = next(kind for kind in cluster.source()["kinds"] if kind["name"] == "services")
    assert kind["forbidden"] == {"verb": "list", "account": ACCOUNT} and kind["refusals"] >= 1
    assert not node.status()["healthy"] and not cluster.source()["servicesReady"]
    api.put("services", "shop", "back", spec={"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"],
                                              "ports": [{"port": 80, "targetPort": PORT, "protocol": "TCP"}]})
    api.put("endpointslices", "shop", "back-1", labels={"kubernetes.io/service-name": "back"}, addressType="IPv4",
            ports=[{"name": "", "port": PORT, "protocol": "TCP"}], endpoints=[{"addresses": [back.ip4]}])
    assert not front.reaches("tcp", "10.96.0.1", 80, timeout_ms=300)
    api.forbidden = set()
    cluster.synced()
    wait_for(lambda: front.reaches("tcp", "10.96.0.1", 80, timeout_ms=300), "the service works")
    assert not [kind for kind in cluster.source()["kinds"] if kind["forbidden"]]


def test_policies_that_are_forbidden_open_nothing(cluster):
    node, api = cluster.node, cluster.api
    api.forbidden = {"networkpolicies"}
    node.start()
    wait_for(lambda: f"the account {ACCOUNT} may not list networkpolicies" in node.weir("status"), "it is told")
    with pytest.raises(CniError) as refused:
        node.add_pod("shop", "front")
    assert refused.value.code == 11
    api.forbidden = set()
    cluster.synced()
    node.add_pod("shop", "back")


def test_a_pod_is_not_started_before_its_labels_are_known(cluster):
    """ADD waits a moment for the object; one with another UID is that of its predecessor."""
    node = cluster.node
    node.start()
    cluster.synced()
    with pytest.raises(CniError):
        node.add_pod("shop", "late")
    timer = threading.Timer(0.5, cluster.pod, ("late",))
    timer.start()
    late = node.add_pod("shop", "late")
    timer.join()
    node.del_pod(late, keep=True)
    args = late.env("ADD")["CNI_ARGS"]
    with pytest.raises(CniError):
        node.cni(late.env("ADD", CNI_ARGS=args + "uid-of-the-next"), late.conf)
    node.cni(late.env("ADD", CNI_ARGS=args + "uid-late"), late.conf)


def test_a_static_pod_is_known_by_its_own_uid(cluster):
    node = cluster.node
    with cluster.api.lock:
        cluster.api.objects["pods"]["shop", "front"]["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "hash"}
    node.start()
    cluster.synced()
    pod = node.new_pod("shop", "front")
    node.cni(pod.env("ADD", CNI_ARGS=pod.env("ADD")["CNI_ARGS"] + "hash"), node.conf())


def test_a_kubeconfig_that_needs_a_program_is_refused(cluster):
    with open(cluster.node.kubeconfig, encoding="ascii") as file:
        config = json.load(file)
    config["users"][0]["user"] = {"exec": {"command": "aws"}}
    with open(cluster.node.kubeconfig, "w", encoding="ascii") as file:
        json.dump(config, file)
    cluster.node.start(wait=False)
    assert cluster.node.agent.wait(20) == 1
    assert f"{cluster.node.kubeconfig}: users[0].user.exec: the agent runs no programs" in cluster.node.log_text()
