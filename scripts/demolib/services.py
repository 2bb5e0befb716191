# SPDX-License-Identifier: Apache-2.0
"""Services: which pods are behind each, and the controller that writes that down.

Behind a Service are the pods that its selector selects. The datapath hears of them from
EndpointSlices, which kube-controller-manager writes in a cluster. The demonstration has none,
so SliceWriter plays that part: the same objects, into the manifests directory.
"""

import collections
import json
import os
import time

import yaml

from demolib import policy
from demolib.node import Failed, run

SLICES_FILE = "80-endpointslices.yaml"
ADDRESS_TYPES = {4: "IPv4", 6: "IPv6"}
READY = {"ready": True, "serving": True, "terminating": False}
# A pod that is asked to end serves on until it does, but is not for new connections.
TERMINATING = {"ready": False, "serving": True, "terminating": True}
IN_FORCE_S = 10


def addresses_of(service):
    """Its ClusterIPs by family; of a headless one, and of an ExternalName, none."""
    spec = service["spec"]
    ips = spec.get("clusterIPs") or [spec.get("clusterIP", "")]
    return {6 if ":" in ip else 4: ip for ip in ips if ip not in ("", "None")}


def name_of(service):
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def protocol_of(port):
    return port.get("protocol", "TCP")


def _number(port, pod):
    """What the pod means by the port's targetPort; None: nothing."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    return next((own.number for own in pod.ports
                 if own.name == target and own.protocol == protocol_of(port)), None)


def selected(service, pods):
    """Without a selector somebody else writes the slices."""
    wanted = service["spec"].get("selector")
    return [pod for pod in pods if wanted and
            pod.namespace == service["metadata"]["namespace"] and
            policy.selects({"matchLabels": wanted}, pod.labels)]


def choices(service, kind, pods):
    """@kind: "port" or "nodePort". (protocol, number) of each to those behind it: (pod, number)."""
    return {(protocol_of(port), port[kind]): [(pod, _number(port, pod))
                                              for pod in selected(service, pods)
                                              if _number(port, pod)]
            for port in service["spec"]["ports"] if kind in port}


def party(service):
    """The Service as a destination."""
    return policy.Party(name_of(service), "service", addresses=addresses_of(service))


class SliceWriter:
    """Plays the EndpointSlice controller for the Services and pods of one node."""

    def __init__(self, node, services, pods, node_name):
        self.node, self.services, self.pods = node, services, list(pods)
        self.node_name = node_name
        self.path = f"{node.manifests}/{SLICES_FILE}"
        self.terminating = set()  # names of pods

    def write(self):
        """As a careful program does it: readers see the old file or the new one.

        Returns when it is in force, after how many milliseconds at most.
        """
        start = time.monotonic()
        with open(f"{self.path}.new~", "w", encoding="utf-8") as file:
            yaml.safe_dump_all(self.slices(), file, sort_keys=False)
        os.rename(f"{self.path}.new~", self.path)
        while waiting := [name_of(service) for service in self.services
                          if addresses_of(service) and not self._is_in_force(service)]:
            if time.monotonic() > start + IN_FORCE_S:
                raise Failed(f"not in force after {IN_FORCE_S} seconds: {', '.join(waiting)}")
        return (time.monotonic() - start) * 1000

    def terminate(self, pod):
        self.terminating.add(pod.name)
        return self.write()

    def remove(self, pod):
        self.pods = [other for other in self.pods if other.name != pod.name]
        return self.write()

    def _is_in_force(self, service):
        """Are exactly those chosen from that are ready?"""
        answer = json.loads(run(*self.node.weir_command(
            "-o", "json", "service", "get", name_of(service))).stdout)
        chosen = {backend["address"] for port in answer["ports"] if port["number"]
                  for backend in port["backends"] if backend["inCluster"]}
        return chosen == {address for pod in selected(service, self.pods)
                          if pod.name not in self.terminating
                          for family, address in pod.addresses.items()
                          if family in addresses_of(service)}

    def slices(self):
        return [one for service in self.services for one in self._slices_of(service)]

    def _slices_of(self, service):
        """One for each family, and each set of numbers that pods mean by the ports' names."""
        alike = collections.defaultdict(list)
        for pod in selected(service, self.pods):
            alike[tuple(_number(port, pod) for port in service["spec"]["ports"])].append(pod)
        for i, (numbers, pods) in enumerate(alike.items(), 1):
            for family in ADDRESS_TYPES:
                yield self._slice(service, family, i, numbers, pods)

    def _slice(self, service, family, count, numbers, pods):
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        return {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": f"{name}-{ADDRESS_TYPES[family].lower()}-{count}", "namespace": namespace,
                "labels": {"kubernetes.io/service-name": name,
                           "endpointslice.kubernetes.io/managed-by": "weir-demo"}},
            "addressType": ADDRESS_TYPES[family],
            "ports": [{"name": port.get("name", ""), "protocol": protocol_of(port), "port": number}
                      for port, number in zip(service["spec"]["ports"], numbers) if number],
            "endpoints": [self._endpoint(pod, family) for pod in pods],
        }

    def _endpoint(self, pod, family):
        return {"addresses": [pod.addresses[family]],
                "conditions": dict(TERMINATING if pod.name in self.terminating else READY),
                "nodeName": self.node_name,
                "targetRef": {"kind": "Pod", "name": pod.name, "namespace": pod.namespace}}
