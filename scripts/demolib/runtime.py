# SPDX-License-Identifier: Apache-2.0
"""Starts pods: as real containers through podman, or as plain network namespaces."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

from demolib import podman
from demolib.node import Failed, in_netns, run, stop_processes

WORKERS = 4


def conflist(node, namespace, cni_version="1.0.0"):
    """podman gives no Kubernetes names: one network a namespace says which it is."""
    return {"cniVersion": cni_version, "name": f"weir-{namespace}",
            "plugins": [{"type": "weir-cni", "socket": f"{node.run_dir}/weir.sock",
                         "namespace": namespace}]}


def serve_words(pod, ports):
    return ["serve", pod.name, *[f"{protocol.lower()}:{number}" for protocol, number in ports]]


class Podman(podman.Podman):
    """The demonstration's pods through podman."""

    def __init__(self, node):
        super().__init__(node.netns, f"{node.dir}/podman", node.build, node.prefix)
        self.node = node
        self.pids = {}

    def prepare(self, namespaces):
        super().prepare([conflist(self.node, namespace) for namespace in namespaces])

    def start(self, pod, ports):
        self.pids[pod.name] = self.run(pod.name, f"weir-{pod.namespace}", "/bin/weir-probe",
                                       *serve_words(pod, ports))

    def stop_pod(self, pod):
        self.podman("rm", "-f", "-t", "0", pod.name)

    def enter(self, name):
        return ["nsenter", f"--net=/proc/{self.pids[name]}/ns/net"]

    def hint(self, name):
        """How a person runs the probe in a pod."""
        return (f"CONTAINERS_CONF={self.dir}/containers.conf {' '.join(self.command())} "
                f"exec {name} weir-probe")


class Plain:
    """No runtime: the plugin is executed as one would execute it, on plain namespaces."""

    name = "plain network namespaces"

    def __init__(self, node):
        self.node = node
        self.configs = {}

    def prepare(self, namespaces):
        for namespace in namespaces:
            config = conflist(self.node, namespace)
            self.configs[namespace] = json.dumps(dict(
                config["plugins"][0], cniVersion=config["cniVersion"], name=config["name"]))

    def _netns(self, name):
        return f"{self.node.prefix}-pod-{name}"

    def _plugin(self, verb, pod):
        env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": f"demo{pod.namespace}{pod.name}",
               "CNI_NETNS": f"/run/netns/{self._netns(pod.name)}", "CNI_IFNAME": "eth0",
               "CNI_PATH": f"{self.node.build}/cni", "PATH": os.environ["PATH"],
               "CNI_ARGS": "IgnoreUnknown=1;"
                           f"K8S_POD_NAMESPACE={pod.namespace};K8S_POD_NAME={pod.name}"}
        run(*in_netns(self.node.netns), f"{self.node.build}/cni/weir-cni", env=env,
            input=self.configs[pod.namespace])

    def start(self, pod, ports):
        run("ip", "netns", "add", self._netns(pod.name))
        run("ip", "-n", self._netns(pod.name), "link", "set", "lo", "up")
        self._plugin("ADD", pod)
        self.node.serve(self._netns(pod.name), pod.name, serve_words(pod, ports)[2:])

    def stop_pod(self, pod):
        """In the order of a runtime: the container, its network, its namespace."""
        stop_processes(self._netns(pod.name))
        self._plugin("DEL", pod)
        run("ip", "netns", "del", self._netns(pod.name))

    def enter(self, name):
        return in_netns(self._netns(name))

    def stop(self):
        """The namespaces go with the node's; here only what runs in them."""

    def hint(self, name):
        return f"{' '.join(self.enter(name))} {self.node.build}/tests/probe/weir-probe"


def choose(node, namespaces, wanted, say):
    """podman where it can run, plain namespaces otherwise, and why."""
    if wanted == "plain":
        runtime = Plain(node)
    else:
        runtime = Podman(node)
        try:
            runtime.prepare(namespaces)
            return runtime
        except (Failed, OSError) as error:
            if wanted == "podman":
                raise
            runtime.stop()
            say(f"podman cannot run containers here ({str(error).splitlines()[-1]});"
                " plain network namespaces are used, and weir-cni is executed directly")
            runtime = Plain(node)
    runtime.prepare(namespaces)
    return runtime


def start_all(runtime, pods, ports_of, said):
    """@said is called with the number of pods that have been started."""
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(runtime.start, pod, ports_of[pod.name]) for pod in pods]
        for i, job in enumerate(jobs, 1):
            job.result()
            said(i)
