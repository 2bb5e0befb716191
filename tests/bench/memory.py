# SPDX-License-Identifier: Apache-2.0
"""Memory: of the agent with pods on its node and in its cluster, and of the kernel for each map."""

import glob
import json
import os
import re

import cni
import kernel
import traffic
import weir
from figures import figure

MIB = 1 << 20
PODS_PER_NAMESPACE = 100
REPLICAS = 10
HERE_MOST, CLUSTER_MOST = 16, 64
PORTS = [{"name": "http", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]


def rss(node, what="VmRSS"):
    """MiB. VmHWM is the most that it ever was."""
    with open(f"/proc/{node.agent.pid}/status", encoding="ascii") as status:
        return int(re.search(rf"^{what}:\s*(\d+)", status.read(), re.MULTILINE)[1]) / 1024


def pod(number):
    """A pod of another node, with labels as Deployments and StatefulSets give them."""
    namespace, workload = number // PODS_PER_NAMESPACE, number % PODS_PER_NAMESPACE // REPLICAS
    name = f"w{workload}-{number:05}"
    labels = {"app": f"w{workload}", "tier": f"t{workload % 3}", "pod-template-hash": f"{namespace * 31 + workload:08x}"}
    if workload == REPLICAS - 1:
        labels["statefulset.kubernetes.io/pod-name"] = name
    ips = [f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", f"fd00:99::{number + 1:x}"]
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": f"ns-{namespace:04}", "name": name, "labels": labels},
            "spec": {"nodeName": f"node-{number % 999}", "containers": [{"name": "main", "image": "x", "ports": PORTS}]},
            "status": {"podIPs": [{"ip": ip} for ip in ips]}}


def policy(number):
    """Selects a workload of a namespace, and lets another one of it in and out to the outside."""
    def workload(index):
        return {"matchLabels": {"app": f"w{index % REPLICAS}"}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": f"ns-{number:04}", "name": "policy"},
            "spec": {"podSelector": workload(number), "policyTypes": ["Ingress", "Egress"],
                     "ingress": [{"from": [{"podSelector": workload(number + 1)}], "ports": [{"port": "http"}]}],
                     "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}],
                                 "ports": [{"port": 443}]}]}}


def fill_cluster(node, pods, policies):
    """A file for each namespace, and all of it in force."""
    objects = {}
    for number in range(pods):
        objects.setdefault(number // PODS_PER_NAMESPACE, []).append(pod(number))
    for number in range(policies):
        objects.setdefault(number, []).append(policy(number))
    for number, listed in objects.items():
        node.write(f"ns-{number:04}.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": listed}))
    node.settle()


def map_bytes(info):
    """What its entries would take without anything around them."""
    values = info["bytes_value"] * (os.cpu_count() if "percpu" in info["type"] else 1)
    return (info["bytes_key"] + values) * info["max_entries"]


def maps(node):
    """Figures of the pinned maps, the largest first, and their sum."""
    paths = glob.glob(f"{node.bpffs}/v*/maps/*")
    found = [kernel.bpftool("map", "show", "pinned", path) for path in sorted(paths)]
    found.sort(key=lambda info: -int(info["bytes_memlock"]))
    rows = [figure(f"kernel memory, map {info['name']}, {info['max_entries']:,} entries",
                   int(info["bytes_memlock"]) / MIB, "MiB", floor=map_bytes(info) / MIB,
                   floor_name="keys and values", breakdown=True) for info in found]
    return [figure("kernel memory, all maps", sum(row["value"] for row in rows), "MiB",
                   floor=sum(row["floor"] for row in rows), floor_name="keys and values of all entries"), *rows]


def measure(quick):
    here, cluster, policies = (2, 200, 2) if quick else (250, 50000, 250)
    with weir.Node(uplink=False) as node:
        node.manifest("policy", cni.POLICY)
        empty = rss(node)
        found = [figure("agent RSS, no pod", empty, "MiB", value_most=HERE_MOST)]
        plugin = cni.plugins(node)[0]
        with traffic.inside(node.net):
            for each in plugin.pods(here):
                plugin.call("ADD", each)
        beside = {"floor": empty, "floor_name": "no pod"}
        found.append(figure(f"agent RSS, {here} pods on the node", rss(node), "MiB", value_most=HERE_MOST, **beside))
        fill_cluster(node, cluster, policies)
        for what, key in (("", "VmRSS"), (", most ever", "VmHWM")):
            found.append(figure(f"agent RSS, {cluster:,} more pods in the cluster{what}", rss(node, key), "MiB",
                                value_most=CLUSTER_MOST, **beside))
        return found + maps(node)
