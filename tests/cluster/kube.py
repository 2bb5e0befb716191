# SPDX-License-Identifier: Apache-2.0
"""Asking the cluster: kubectl with the administrator's kubeconfig, answers as objects."""

import json
import os

import builds
from machine import DIR, run, wait_for

KUBECONFIG = f"{DIR}/admin.kubeconfig"


def kubectl(*words, **more):
    """What kubectl prints."""
    return run(f"{builds.BIN}/kubectl", "--kubeconfig", KUBECONFIG, *words, **more)


def get(*words):
    """An object, or a list of them, as kubectl get names it."""
    return json.loads(kubectl("get", *words, "-o", "json"))


def items(*words):
    return get(*words)["items"]


def apply(*objects):
    """Creates or changes objects."""
    kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def delete(*words):
    kubectl("delete", "--ignore-not-found", *words)


def condition(item, kind):
    """Whether an object has a condition that is True."""
    return any(c["type"] == kind and c["status"] == "True" for c in item["status"].get("conditions", []))


def wait_nodes_ready(count, deadline_s=180):
    def ready():
        nodes = items("nodes")
        return len(nodes) == count and all(condition(node, "Ready") for node in nodes)
    wait_for(ready, f"{count} nodes are Ready", deadline_s)


def wait_pods(namespace, selector, count, deadline_s=180):
    """Pods with labels, once so many are Ready and none besides."""
    def ready():
        pods = items("pods", "-n", namespace, "-l", selector)
        return len(pods) == count and all(condition(pod, "Ready") for pod in pods) and pods
    return wait_for(ready, f"{count} pods of {namespace} with {selector} are Ready", deadline_s, 0.5)


def execute(namespace, pod, *command, check=True, timeout_s=60):
    """What a command in a pod prints."""
    return kubectl("exec", "-n", namespace, pod, "--", *command, check=check, timeout=timeout_s)


def write_kubeconfig(path, server, authority, user, token):
    """For a program that proves itself with a token."""
    text = json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": user, "user": {"token": token}}]})
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    return path
