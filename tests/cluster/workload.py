# SPDX-License-Identifier: Apache-2.0
"""Pods and Services of the cluster's own tests, and a client that counts what does not come through."""

import secrets

import kube
from images import AGNHOST, BUSYBOX
from machine import wait_for

PORT = 8080
# One connection after another; a line each that failed, and the number of those that did not.
CLIENT = """
good=0
while :; do
  if curl -s -o /dev/null -m 20 "$0"; then good=$((good + 1)); echo "$good" >/tmp/good
  else echo "status $? after $good" >>/tmp/failed; fi
  sleep 0.05
done
"""


def server_pod(name, labels, node=None, command=("netexec", f"--http-port={PORT}"), **spec):
    """A pod that answers HTTP, /hostname with its name; on a node, or where the scheduler likes."""
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"terminationGracePeriodSeconds": 1, "tolerations": [{"operator": "Exists"}],
                 **({"nodeName": node} if node else {}), **spec,
                 "containers": [{"name": "main", "image": AGNHOST, "args": list(command),
                                 "ports": [{"containerPort": PORT, "name": "http"}]}]}}


def client_pod(name, labels, node, *command):
    """A pod with a shell that runs a command."""
    pod = server_pod(name, labels, node)
    pod["spec"]["containers"] = [{"name": "main", "image": BUSYBOX, "command": list(command) or
                                  ["sleep", "1000000"]}]
    return pod


def service(name, selector, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": selector, "ports": [{"port": 80, "targetPort": PORT}], **spec}}


class Namespace:
    """A namespace of its own, a context manager."""

    def __init__(self):
        self.name = f"own-{secrets.token_hex(3)}"
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}})
        # No pod can be made before; controllers that have lost the API server come back a minute late.
        wait_for(lambda: kube.get("serviceaccount", "-n", self.name, "default"), f"{self.name} has its account", 180)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        kube.delete("namespace", self.name, "--wait=false")

    def create(self, *objects):
        for item in objects:
            item["metadata"]["namespace"] = self.name
        kube.apply(*objects)

    def pod(self, name):
        return kube.get("pod", "-n", self.name, name)

    def ip(self, name):
        return self.pod(name)["status"]["podIP"]

    def ip_of(self, name, family):
        """The pod's address of a family."""
        ips = [entry["ip"] for entry in self.pod(name)["status"]["podIPs"]]
        return next(ip for ip in ips if (":" in ip) == (family == 6))

    def wait(self, selector, count, deadline_s=180):
        return kube.wait_pods(self.name, selector, count, deadline_s)

    def execute(self, pod, *command, **more):
        return kube.execute(self.name, pod, *command, **more)

    def fetch(self, client, target, timeout_s=10):
        """The answer of http://target/hostname to a pod, None without one."""
        return self.execute(client, "curl", "-s", "-m", timeout_s, f"http://{target}/hostname", check=False,
                            timeout_s=timeout_s + 60) or None

    def reaches(self, client, target, timeout_s=10):
        return self.fetch(client, target, timeout_s) is not None

    def becomes(self, client, target, reached, deadline_s=60):
        """Waits until a pod reaches a target, or does so no more."""
        wait_for(lambda: self.reaches(client, target, 3) == reached,
                 f"{client} reaches {target}: {reached}", deadline_s)


class Traffic:
    """A pod that connects to a URL all the time, and comes through when it is welcome."""

    def __init__(self, namespace, name, node, url, welcome=True):
        self.namespace, self.name = namespace, name
        namespace.create(client_pod(name, {"traffic": name}, node, "/bin/sh", "-c", CLIENT, url))
        namespace.wait(f"traffic={name}", 1)
        if welcome:
            self.progress()

    def _read(self, file):
        return self.namespace.execute(self.name, "cat", f"/tmp/{file}", check=False).strip()

    def count(self):
        return int(self._read("good") or 0)

    def progress(self, count=5):
        """Waits until so many more connections came through."""
        goal = self.count() + count
        wait_for(lambda: self.count() >= goal, f"{self.name} goes on", 120, 0.5)

    def failures(self):
        return self._read("failed").splitlines()
