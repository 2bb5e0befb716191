# SPDX-License-Identifier: Apache-2.0
"""Edges of pods: their ports, what they are, and what becomes of them."""

import copy

from edges import containers, edge, of_kind, policies, ports
from evaluate import Cluster, addresses_of, is_ordinary
from kernel import key_of
from reading import PROTOCOLS
from stock import HOSTS, OTHER_NODES

# Names of ports

@edge("port name: the same number at every pod")
def names_are_alike(scene, _):
    numbers = {}
    for container in containers(scene):
        for port in container.get("ports", []):
            if "name" in port:
                what = port["name"], port.get("protocol", "TCP")
                port["containerPort"] = numbers.setdefault(what, port["containerPort"])


@edge("port name: of any protocol")
def names_of_any_protocol(scene, _):
    for container in containers(scene):
        if container.get("ports"):
            container["ports"] = [{**port, "protocol": name} for port in container["ports"] for name in PROTOCOLS]


@edge("port name given twice in a pod: one of them")
def names_are_given_once(scene, _):
    for pod in of_kind(scene, "Pod"):
        seen = set()
        for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
            kept = []
            for port in container.get("ports", []):
                what = port.get("name"), port.get("protocol", "TCP")
                kept += [port] if what not in seen else []
                seen.add(what if "name" in port else None)
            container["ports"] = kept


@edge("port name of a sidecar (init container): unknown")
def sidecars_have_no_ports(scene, _):
    for pod in of_kind(scene, "Pod"):
        pod["spec"].pop("initContainers", None)


@edge("port name towards what is no pod: a number all the same")
def names_are_numbers(scene, _):
    for port in ports(policies(scene)):
        if port.get("port") == "http":
            port["port"] = 80


# What pods are

@edge("hostNetwork: a pod like others")
def host_network_is_ordinary(scene, _):
    for pod in of_kind(scene, "Pod"):
        if pod["spec"].pop("hostNetwork", None) and list(HOSTS) == addresses_of(pod):
            pod["spec"]["nodeName"] = OTHER_NODES[0]


@edge("phase Succeeded or Failed: a pod like others")
def finished_is_ordinary(scene, _):
    for pod in of_kind(scene, "Pod"):
        pod["status"]["phase"] = "Running"


@edge("deletionTimestamp: no pod any more")
def terminating_is_gone(scene, _):
    scene.objects = [obj for obj in scene.objects if "deletionTimestamp" not in obj["metadata"]]


@edge("a pod without node: a peer")
def unplaced_is_a_peer(scene, _):
    for pod in of_kind(scene, "Pod"):
        pod["spec"].setdefault("nodeName", OTHER_NODES[0])


@edge("a pod of this node whose object is there, but which does not run: a peer")
def planned_is_a_peer(scene, _):
    running = {(pod.namespace, pod.name) for pod in scene.pods.values()}
    for pod in of_kind(scene, "Pod"):
        if pod["spec"].get("nodeName") == scene.node and key_of(pod)[1:] not in running:
            pod["spec"]["nodeName"] = OTHER_NODES[0]


@edge("a pod that runs without an object: nobody selects it")
class WithoutObjectIsNobody(Cluster):
    def __init__(self, node, objects, endpoints):
        known = {key_of(obj)[1:] for obj in objects if obj["kind"] == "Pod"}
        super().__init__(node, objects, [pod for pod in endpoints if (pod.namespace, pod.name) in known])


@edge("podIPs: the second one has no owner")
def one_address_counts(scene, _):
    for pod in of_kind(scene, "Pod"):
        if pod["spec"].get("nodeName") != scene.node:
            pod["status"]["podIPs"] = [{"ip": ip} for ip in addresses_of(pod)[:1]]


@edge("podIP without podIPs: no address")
def single_address_is_none(scene, _):
    for pod in of_kind(scene, "Pod"):
        if "podIPs" not in pod["status"]:
            pod["status"].pop("podIP", None)


@edge("an address that runs here and that an object elsewhere claims: the object's")
class ObjectsKnowBetter(Cluster):
    def _add(self, pod):
        for ip in pod.ips:
            self.pods.setdefault(ip, pod)


# What policy is never asked about

@edge("a pod to itself: judged")
class SelfIsJudged(Cluster):
    def is_itself(self, src, dst):
        return False


@edge("from a socket of this node: judged")
class HostIsJudged(Cluster):
    def allows(self, probe):
        return super().allows(probe._replace(from_host=False))


@edge("to this node: not judged")
class ToHostIsFree(Cluster):
    def allows(self, probe):
        return probe.dst in HOSTS or super().allows(probe)


# What becomes of them

def changed(scene, before, wanted):
    """(object now, object before) of those that are wanted and differ."""
    old = {key_of(obj): obj for obj in before.objects if wanted(obj)} if before else {}
    return [(obj, old[key_of(obj)]) for obj in scene.objects if key_of(obj) in old and obj != old[key_of(obj)]]


@edge("labels of a pod change: not noticed")
def labels_of_pods_stay(scene, before):
    for obj, old in changed(scene, before, lambda obj: obj["kind"] == "Pod"):
        obj["metadata"]["labels"] = old["metadata"]["labels"]


@edge("ports of a pod change: not noticed")
def ports_of_pods_stay(scene, before):
    for obj, old in changed(scene, before, lambda obj: obj["kind"] == "Pod"):
        for field in ("initContainers", "containers"):
            obj["spec"][field] = old["spec"].get(field, [])


@edge("labels of a namespace change: not noticed")
def labels_of_namespaces_stay(scene, before):
    for obj, old in changed(scene, before, lambda obj: obj["kind"] == "Namespace"):
        obj["metadata"]["labels"] = old["metadata"]["labels"]


@edge("labels or addresses of a node change: not noticed")
def nodes_stay(scene, before):
    for obj, old in changed(scene, before, lambda obj: obj["kind"] == "Node"):
        obj.update(copy.deepcopy(old))


@edge("a policy changes: not noticed")
def policies_stay(scene, before):
    for obj, old in changed(scene, before, lambda obj: obj["kind"].endswith("Policy")):
        obj.update(copy.deepcopy(old))


@edge("a policy comes: not noticed")
def policies_do_not_come(scene, before):
    old = {key_of(obj) for obj in before.objects} if before else set()
    if before:
        scene.objects = [obj for obj in scene.objects if not obj["kind"].endswith("Policy") or key_of(obj) in old]


@edge("a policy goes: not noticed")
def policies_do_not_go(scene, before):
    new = {key_of(obj) for obj in scene.objects}
    if before:
        scene.objects += [obj for obj in before.objects if obj["kind"].endswith("Policy") and key_of(obj) not in new]


def remote_pods(scene):
    """Address -> object."""
    return {ip: obj for obj in of_kind(scene, "Pod") if is_ordinary(obj)
            and obj["spec"].get("nodeName") in OTHER_NODES for ip in addresses_of(obj)}


@edge("a pod elsewhere comes: not noticed")
def remote_pods_do_not_come(scene, before):
    new = remote_pods(scene).keys() - remote_pods(before).keys() if before else set()
    scene.objects = [obj for obj in scene.objects if obj["kind"] != "Pod" or not set(addresses_of(obj)) & new]


@edge("a pod goes, here or elsewhere: not noticed")
def pods_do_not_go(scene, before):
    if not before:
        return
    here, there = {ip for pod in scene.pods.values() for ip in pod.ips}, remote_pods(scene)
    scene.objects += list({id(obj): obj for ip, obj in remote_pods(before).items() if ip not in here | there.keys()
                           and key_of(obj) not in map(key_of, scene.objects)}.values())
    for slot, pod in before.pods.items():
        if slot not in scene.pods and not set(pod.ips) & (here | there.keys()):
            scene.pods[slot] = pod


@edge("an address of this node is used again: its former owner's")
def local_addresses_keep_owner(scene, before):
    old = {ip: pod for pod in before.pods.values() for ip in pod.ips} if before else {}
    for slot, pod in scene.pods.items():
        former = old.get(pod.ips[0], pod)
        scene.pods[slot] = pod._replace(namespace=former.namespace, name=former.name)


@edge("an address elsewhere is used again: its former owner's")
def remote_addresses_keep_owner(scene, before):
    former = remote_pods(before) if before else {}
    for ip, obj in remote_pods(scene).items():
        if ip in former and key_of(former[ip]) != key_of(obj):
            obj["metadata"] = {**former[ip]["metadata"], "name": obj["metadata"]["name"]}
