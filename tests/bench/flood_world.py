# SPDX-License-Identifier: Apache-2.0
"""A cluster as an API server sends it: all that real objects carry, of which weir needs a tenth.

Each node has ten pods, each namespace a hundred, and each Service four of them behind it. Every
second node is on the link of the measured one, the others are behind a router.
"""

import collections
import zlib

import memory

Size = collections.namedtuple("Size", "nodes pods services")

PODS_PER_NODE = 10
PER_SLICE = 4
CHURN_SECOND_OCTET = 128  # of the addresses of pods that come and go
PLURALS = ("namespaces", "nodes", "pods", "services", "endpointslices", "networkpolicies")
WHEN = "2026-01-01T00:00:00Z"


def managed(*managers):
    """Who set which field: a third of what an API server sends."""
    fields = {"f:metadata": {"f:labels": {".": {}, "f:app": {}, "f:tier": {}, "f:pod-template-hash": {}},
                             "f:ownerReferences": {".": {}, 'k:{"uid":"5d0ec1a2-8e31-4b39-bb0f-5a8a47fd9d3c"}': {}}},
              "f:spec": {name: {} for name in ("f:dnsPolicy", "f:enableServiceLinks", "f:restartPolicy", "f:volumes",
                                               "f:schedulerName", "f:securityContext", "f:tolerations")}}
    return [{"manager": name, "operation": "Update", "apiVersion": "v1", "time": WHEN, "fieldsType": "FieldsV1",
             "fieldsV1": fields} for name in managers]


def conditions(*kinds):
    return [{"type": kind, "status": "True", "lastProbeTime": None, "lastHeartbeatTime": WHEN, "lastTransitionTime": WHEN,
             "reason": f"Is{kind}", "message": f"the kubelet says {kind}"} for kind in kinds]


RESOURCES = {"limits": {"cpu": "500m", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}}
PROBE = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "initialDelaySeconds": 5, "timeoutSeconds": 1,
         "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
CONTAINER = {"image": "registry.example.org/shop/main:v1.2.3", "imagePullPolicy": "IfNotPresent", "resources": RESOURCES,
             "env": [{"name": f"SETTING_{number}", "value": f"value-{number}"} for number in range(8)],
             "livenessProbe": PROBE, "readinessProbe": PROBE, "terminationMessagePath": "/dev/termination-log",
             "volumeMounts": [{"name": "kube-api-access", "readOnly": True,
                               "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]}
POD_SPEC = {"dnsPolicy": "ClusterFirst", "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority", "priority": 0,
            "restartPolicy": "Always", "schedulerName": "default-scheduler", "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
            "tolerations": [{"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute",
                             "tolerationSeconds": 300} for what in ("not-ready", "unreachable")],
            "volumes": [{"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}}]}
POD_STATUS = {"phase": "Running", "qosClass": "Burstable", "startTime": WHEN,
              "conditions": conditions("Initialized", "Ready", "ContainersReady", "PodScheduled"),
              "containerStatuses": [{"name": "main", "ready": True, "restartCount": 0, "started": True,
                                     "image": CONTAINER["image"], "imageID": f"registry.example.org@sha256:{'5f' * 32}",
                                     "containerID": f"containerd://{'a7' * 32}", "state": {"running": {"startedAt": WHEN}}}]}
NODE_STATUS = {"capacity": {"cpu": "16", "memory": "65786516Ki", "pods": "110", "ephemeral-storage": "101430960Ki"},
               "conditions": conditions("MemoryPressure", "DiskPressure", "PIDPressure", "Ready"),
               "images": [{"names": [f"registry.example.org/image-{number}@sha256:{number:064x}",
                                     f"registry.example.org/image-{number}:v1"], "sizeBytes": 12345678 + number}
                          for number in range(20)],
               "nodeInfo": {"machineID": "0f" * 16, "kernelVersion": "6.18.0", "osImage": "Debian GNU/Linux 12 (bookworm)",
                            "containerRuntimeVersion": "containerd://2.1.0", "kubeletVersion": "v1.34.1"}}


def node_name(number):
    return f"node-{number:05}"


def pod_ips(number):
    node, at = divmod(number, PODS_PER_NODE)
    return [f"10.{64 + (node >> 8)}.{node & 255}.{at + 2}", f"fd00:99:0:{node:x}::{at + 2:x}"]


def completed(item, *managers):
    item["metadata"].update(uid=f"5d0ec1a2-8e31-4b39-bb0f-{zlib.crc32(item['metadata']['name'].encode()):012x}",
                            creationTimestamp=WHEN, managedFields=managed(*managers))
    return item


def pod_named(namespace, name, labels, node, ips):
    """A pod that runs. node "": nobody has found a place for it yet."""
    status = {**POD_STATUS, "hostIP": "172.30.0.2", "podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]} if ips else \
        {"phase": "Pending", "qosClass": "Burstable"}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "main-5d4f8c", "controller": True,
             "uid": "5d0ec1a2-8e31-4b39-bb0f-5a8a47fd9d3c", "blockOwnerDeletion": True}
    spec = {**POD_SPEC, "containers": [{"name": "main", "ports": memory.PORTS, **CONTAINER}], **({"nodeName": node} if node else {})}
    return completed({"apiVersion": "v1", "kind": "Pod", "spec": spec, "status": status,
                      "metadata": {"namespace": namespace, "name": name, "labels": labels, "ownerReferences": [owner]}},
                     "kube-controller-manager", "kubelet")


def pod(number):
    small = memory.pod(number, None)["metadata"]
    return pod_named(small["namespace"], small["name"], small["labels"], node_name(number // PODS_PER_NODE), pod_ips(number))


def node(number):
    net, low = 30 + number % 2, number + 2
    ips = [f"172.{net}.{low >> 8}.{low & 255}", f"fd00:172:{net}::{low:x}"]
    cidrs = [f"10.{64 + (number >> 8)}.{number & 255}.0/24", f"fd00:99:0:{number:x}::/64"]
    labels = {"kubernetes.io/hostname": node_name(number), "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
              "topology.kubernetes.io/zone": f"zone-{number % 3}"}
    return node_object(node_name(number), ips, cidrs, labels)


def node_object(name, ips, cidrs, labels):
    status = {**NODE_STATUS, "allocatable": NODE_STATUS["capacity"],
              "addresses": [*({"type": "InternalIP", "address": ip} for ip in ips), {"type": "Hostname", "address": name}]}
    return completed({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
                      "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs}, "status": status}, "kube-controller-manager", "kubelet")


def service_place(number, size):
    """Namespace, name, and which of the cluster's pods are behind it."""
    namespace = number % max(1, size.pods // memory.PODS_PER_NAMESPACE)
    first = namespace * memory.PODS_PER_NAMESPACE + number * PER_SLICE % memory.PODS_PER_NAMESPACE
    return f"ns-{namespace:04}", f"service-{number:05}", range(first, first + PER_SLICE)


def service_object(namespace, name, address, protocol="TCP"):
    spec = {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
            "selector": {"app": name}, "ports": [{"name": "main", "protocol": protocol, "port": 80, "targetPort": 8080}]}
    return completed({"apiVersion": "v1", "kind": "Service", "spec": spec, "status": {"loadBalancer": {}},
                      "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}}}, "kubectl")


def slice_object(namespace, name, ends, protocol="TCP"):
    """ends: (address, node, pod)."""
    listed = [{"addresses": [address], "conditions": {"ready": True, "serving": True, "terminating": False}, "nodeName": on,
               "targetRef": {"kind": "Pod", "namespace": namespace, "name": target, "uid": "5d0ec1a2-8e31-4b39-bb0f-5a8a47fd9d3c"}}
              for address, on, target in ends]
    labels = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    return completed({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": listed,
                      "ports": [{"name": "main", "protocol": protocol, "port": 8080}],
                      "metadata": {"namespace": namespace, "name": f"{name}-x7k2p", "labels": labels}}, "kube-controller-manager")


def service(number, size):
    namespace, name, _ = service_place(number, size)
    return service_object(namespace, name, f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}")


def endpoint_slice(number, size, pods=None):
    namespace, name, behind = service_place(number, size)
    return slice_object(namespace, name, [(pod_ips(at)[0], node_name(at // PODS_PER_NODE), memory.name_of(at)[1])
                                          for at in pods or behind])


def everything(size):
    """Plural -> its objects, made as they are asked for."""
    namespaces = range(size.pods // memory.PODS_PER_NAMESPACE)
    return {"namespaces": (completed(memory.namespace(number)) for number in namespaces),
            "nodes": map(node, range(size.nodes)), "pods": map(pod, range(size.pods)),
            "services": (service(number, size) for number in range(size.services)),
            "endpointslices": (endpoint_slice(number, size) for number in range(size.services)),
            "networkpolicies": (completed(item, "kubectl") for number in namespaces for item in memory.policies(number))}
