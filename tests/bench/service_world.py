# SPDX-License-Identifier: Apache-2.0
"""Services for a node: Service and EndpointSlice objects, in files that are small enough for the decoder."""

import json

import weir

SLICE_ENDPOINTS = 100  # as Kubernetes' controller fills them
FILE_ENDPOINTS = 2500  # a document may take 32 MiB as a tree (docs/manifests.md)
NAMESPACE = "shop"


def service(name, address, *ports):
    """ports: (protocol, port)."""
    listed = [{"name": f"{proto.lower()}-{port}", "protocol": proto, "port": port} for proto, port in ports]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": NAMESPACE, "name": name, "labels": {"app": name}},
            "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "selector": {"app": name},
                     "ports": listed}}


def slices(name, addresses, *ports):
    """ports: (protocol, port of the Service, port of the endpoints)."""
    listed = [{"name": f"{proto.lower()}-{port}", "protocol": proto, "port": target} for proto, port, target in ports]
    family = weir.family_of(addresses[0]) if addresses else 4
    for first in range(0, max(len(addresses), 1), SLICE_ENDPOINTS):
        endpoints = [{"addresses": [address], "conditions": {"ready": True, "serving": True, "terminating": False},
                      "nodeName": f"node-{number % 50}", "targetRef": {"kind": "Pod", "namespace": NAMESPACE,
                                                                       "name": f"{name}-{number}"}}
                     for number, address in enumerate(addresses[first:first + SLICE_ENDPOINTS], first)]
        yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
               "metadata": {"namespace": NAMESPACE, "name": f"{name}-{family}-{first // SLICE_ENDPOINTS}",
                            "labels": {"kubernetes.io/service-name": name}},
               "addressType": f"IPv{family}", "ports": listed, "endpoints": endpoints}


def fill(node, services):
    """services: rulesets.Service; all of them TCP. Returns when they are in force."""
    endpoints = max(len(services[0].backends), 1)
    step = max(FILE_ENDPOINTS // endpoints, 1)
    for first in range(0, len(services), step):
        items = []
        for number, made in enumerate(services[first:first + step], first):
            name = f"s{number}"
            items.append(service(name, made.address, ("TCP", made.port)))
            items += slices(name, [address for address, _ in made.backends], ("TCP", made.port, made.backends[0][1]))
        node.write(f"services-{first:05}.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    node.settle()
    refused = node.problems() + node.status()["services"]["problems"]
    if refused:
        raise weir.Failed(f"services are not in force: {refused[:3]}")
