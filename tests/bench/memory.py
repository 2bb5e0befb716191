# SPDX-License-Identifier: Apache-2.0
"""Memory: of the agent with pods on its node and in its cluster, and of the kernel for each map."""

import glob
import json
import os
import re

import cni
import fake_api
import kernel
import traffic
import weir
from figures import figure

MIB = 1 << 20
PODS_PER_NAMESPACE = 100
REPLICAS = 10
TEAMS = 10
HERE_MOST, CLUSTER_MOST = 16, 64
PORTS = [{"name": "http", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]


def rss(node, what="VmRSS"):
    """MiB. VmHWM is the most that it ever was."""
    with open(f"/proc/{node.agent.pid}/status", encoding="ascii") as status:
        return int(re.search(rf"^{what}:\s*(\d+)", status.read(), re.MULTILINE)[1]) / 1024


def name_of(number):
    """Namespace and name of a pod."""
    return f"ns-{number // PODS_PER_NAMESPACE:04}", f"w{number % PODS_PER_NAMESPACE // REPLICAS}-{number:05}"


def pod(number, here):
    """With labels as Deployments and StatefulSets give them. here: the name of this node, if it is one of its pods."""
    namespace, workload = number // PODS_PER_NAMESPACE, number % PODS_PER_NAMESPACE // REPLICAS
    in_namespace, name = name_of(number)
    labels = {"app": f"w{workload}", "tier": f"t{workload % 3}", "pod-template-hash": f"{namespace * 31 + workload:08x}"}
    if workload == REPLICAS - 1:
        labels["statefulset.kubernetes.io/pod-name"] = name
    ips = [f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", f"fd00:99::{number + 1:x}"]
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": in_namespace, "name": name, "labels": labels},
            "spec": {"nodeName": here or f"node-{number % 999}", "containers": [{"name": "main", "image": "x", "ports": PORTS}]},
            "status": {"podIPs": [] if here else [{"ip": ip} for ip in ips]}}


def namespace(number):
    labels = {"team": f"t{number % TEAMS}", "env": "prod" if number % 2 else "test"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ns-{number:04}", "labels": labels}}


def policy(namespace, name, pods, ingress, egress):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": f"ns-{namespace:04}", "name": name},
            "spec": {"podSelector": pods, "policyTypes": ["Ingress", "Egress"], "ingress": [ingress], "egress": [egress]}}


def policies(namespace):
    """All pods hear from their own namespace and ask for names; one workload serves a team and goes to the outside."""
    served = {"matchLabels": {"app": f"w{namespace % REPLICAS}"}}
    team = {"namespaceSelector": {"matchLabels": {"team": f"t{namespace % TEAMS}"}},
            "podSelector": {"matchLabels": {"tier": "t0"}}}
    outside = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}
    return [policy(namespace, "all", {}, {"from": [{"podSelector": {}}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}),
            policy(namespace, "served", served, {"from": [team], "ports": [{"port": "http"}]},
                   {"to": [outside], "ports": [{"port": 443}]})]


def here_among(pods, here):
    """Which pods of the cluster are on this node: one of each stretch, and not always of the same workload."""
    every = pods // here
    return {stretch * every + stretch * 13 % every for stretch in range(here)}


def fill_cluster(node, pods, here):
    """A file for each namespace, and all of it in force."""
    for number in range(pods // PODS_PER_NAMESPACE):
        first = number * PODS_PER_NAMESPACE
        listed = [namespace(number), *policies(number)]
        listed += [pod(each, node.name if each in here else None) for each in range(first, first + PODS_PER_NAMESPACE)]
        node.write(f"ns-{number:04}.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": listed}))
    node.settle()


def map_bytes(info):
    """What its entries would take without anything around them."""
    values = info["bytes_value"] * (os.cpu_count() if "percpu" in info["type"] else 1)
    return (info["bytes_key"] + values) * info["max_entries"]


def maps(node):
    """Figures of the pinned maps, the largest first, and their sum."""
    rows = map_rows(node)
    return [figure("kernel memory, all maps", sum(row["value"] for row in rows), "MiB",
                   floor=sum(row["floor"] for row in rows), floor_name="keys and values of all entries"), *rows]


def map_rows(node):
    paths = glob.glob(f"{node.bpffs}/v*/maps/*")
    found = [kernel.bpftool("map", "show", "pinned", path) for path in sorted(paths)]
    found.sort(key=lambda info: -int(info["bytes_memlock"]))
    return [figure(f"kernel memory, map {info['name']}, {info['max_entries']:,} entries",
                   int(info["bytes_memlock"]) / MIB, "MiB", floor=map_bytes(info) / MIB,
                   floor_name="keys and values", breakdown=True) for info in found]


def put(api, item):
    """An object of a manifest, to an API server."""
    plural = next(plural for plural, kind in fake_api.KINDS.items() if kind[1] == item["kind"])
    metadata = item["metadata"]
    api.put(plural, metadata.get("namespace", ""), metadata["name"], labels=metadata.get("labels", {}),
            spec=item.get("spec", {}), status=item.get("status", {}))


def fill_api(api, pods):
    for number in range(pods // PODS_PER_NAMESPACE):
        first = number * PODS_PER_NAMESPACE
        for item in [namespace(number), *policies(number), *map(pod_elsewhere, range(first, first + PODS_PER_NAMESPACE))]:
            put(api, item)
    api.history.clear()


def pod_elsewhere(number):
    return pod(number, None)


def is_settled(node):
    status = node.status()
    return status["healthy"] and status["sources"][0]["synced"]


def measure_api(cluster):
    """The same cluster from an API server, and once more for an agent that begins with the copy of the former."""
    found = []
    with weir.Node(uplink=False, start=False) as node:
        with traffic.inside(node.net):
            api = fake_api.FakeApi()
        with api:
            fill_api(api, cluster)
            node.kubeconfig = fake_api.write_kubeconfig(f"{node.dir}/kubeconfig", api.url)
            for when in ("from an API server", "from a copy and then an API server"):
                node.start()
                weir.wait_for(lambda: is_settled(node), "all objects are in force", deadline_s=600, every_s=0.2)
                for what, key in (("", "VmRSS"), (", most ever", "VmHWM")):
                    found.append(figure(f"agent RSS, {cluster:,} pods {when}{what}", rss(node, key), "MiB",
                                        value_most=CLUSTER_MOST))
                node.kill9()
    return found


def measure(quick):
    count, cluster = (2, 200) if quick else (250, 50000)
    here = here_among(cluster, count)
    with weir.Node(uplink=False) as node:
        node.manifest("policy", cni.POLICY)
        empty = rss(node)
        found = [figure("agent RSS, no pod", empty, "MiB", value_most=HERE_MOST)]
        plugin = cni.plugins(node)[0]
        with traffic.inside(node.net):
            for number in sorted(here):
                plugin.call("ADD", node.new_pod(*name_of(number)))
        beside = {"floor": empty, "floor_name": "no pod"}
        found.append(figure(f"agent RSS, {count} pods on the node", rss(node), "MiB", value_most=HERE_MOST, **beside))
        fill_cluster(node, cluster, here)
        for what, key in (("", "VmRSS"), (", most ever", "VmHWM")):
            found.append(figure(f"agent RSS, {cluster:,} pods in the cluster{what}", rss(node, key), "MiB",
                                value_most=CLUSTER_MOST, **beside))
        found += maps(node)
    return found + measure_api(cluster)
