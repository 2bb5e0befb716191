# SPDX-License-Identifier: Apache-2.0
"""weir in the cluster, as docs/kubernetes/README.md says: the image on the nodes, then weir.yaml."""

import os
import sys

import yaml

import builds
import kube
from machine import DIR, run, wait_for

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MANIFEST = f"{REPO}/docs/kubernetes/weir.yaml"
ARCHIVE = f"{DIR}/weir.tar"
NAMESPACE, LABEL = "kube-system", "app.kubernetes.io/name=weir"


def make_image(say):
    """The archive, made by scripts/image."""
    say("building weir and its image")
    os.makedirs(DIR, exist_ok=True)
    run(f"{REPO}/scripts/image", "--output", ARCHIVE, stdout=sys.stdout, stderr=sys.stderr, timeout=3600)


def manifest(server, config):
    """Objects of weir.yaml for an API server, with more keys in the agent's configuration."""
    with open(MANIFEST, encoding="utf-8") as file:
        objects = [item for item in yaml.safe_load_all(file) if item]
    data = next(item for item in objects if item["kind"] == "ConfigMap")["data"]
    keys = {**yaml.safe_load(data["weir.yaml"]), "api-server": [server], **config}
    data["weir.yaml"] = yaml.safe_dump(keys)
    return objects


def install(control_plane, nodes, mode):
    """Returns when every node is Ready and every agent answers."""
    for node in nodes:
        node.exec("ctr", "-n", "k8s.io", "image", "import", ARCHIVE)
    config = {} if mode == "native" else {"routing-mode": mode}
    if control_plane.families[0] == 6:
        config["health-address"] = "[::]:10256"
    kube.apply(*manifest(control_plane.url, config))
    kube.wait_nodes_ready(len(nodes), 300)
    kube.wait_pods(NAMESPACE, LABEL, len(nodes), 300)


def agent_on(node):
    """Name of the agent's pod on a node."""
    pods = kube.items("pods", "-n", NAMESPACE, "-l", LABEL, "--field-selector", f"spec.nodeName={node.name}")
    return next(pod for pod in pods if "deletionTimestamp" not in pod["metadata"])["metadata"]["name"]


def weir(node, *words):
    """What the weir command prints on a node."""
    return kube.execute(NAMESPACE, agent_on(node), "weir", *words)


def agent_pids(node):
    """Of the agents in the node's network namespace: one, or none while it is started."""
    here = os.readlink(f"/proc/{node.holder.pid}/ns/net")
    pids = [int(pid) for pid in node.exec("pidof", "weir-agent", check=False).split()]
    return [pid for pid in pids if os.readlink(f"/proc/{pid}/ns/net") == here]


def kill_agent(node):
    """kill -9, as the kernel does it when memory ends. The kubelet starts the next one."""
    def restarts():
        pod = kube.get("pod", "-n", NAMESPACE, agent_on(node))
        return pod["status"]["containerStatuses"][0]["restartCount"]
    before = restarts()
    for pid in agent_pids(node):
        os.kill(pid, 9)
    wait_for(lambda: restarts() > before, f"the agent of {node.name} is started again", 180)
    kube.wait_pods(NAMESPACE, LABEL, len(kube.items("nodes")), 300)
