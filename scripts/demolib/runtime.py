# SPDX-License-Identifier: Apache-2.0
"""Starts pods: as real containers through podman, or as plain network namespaces."""

import json
import os
import resource
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from demolib.node import Failed, in_netns, run

IMAGE = "localhost/weir-demo"
WORKERS = 4
# What starts containers depends on how the machine arranges its cgroups: the first that can.
KINDS = (("crun", ()), ("runc", ()), ("crun", ("--cgroups=disabled",)))


def conflist(node, namespace, cni_version="1.0.0"):
    """podman gives no Kubernetes names: one network a namespace says which it is."""
    return {"cniVersion": cni_version, "name": f"weir-{namespace}",
            "plugins": [{"type": "weir-cni", "socket": f"{node.run_dir}/weir.sock",
                         "namespace": namespace}]}


def serve_words(pod, ports):
    return ["serve", pod.name, *[f"{protocol.lower()}:{number}" for protocol, number in ports]]


class Podman:
    """podman with its CNI back end, with configuration and storage of its own."""

    name = "podman"

    def __init__(self, node):
        self.node = node
        self.dir = f"{node.dir}/podman"
        self.pids = {}
        self.oci_runtime, self.run_options = KINDS[0]

    def command(self, *words):
        return [*in_netns(self.node.netns), "podman", "--root", f"{self.dir}/root",
                "--runroot", f"{self.dir}/runroot", "--cgroup-manager", "cgroupfs",
                "--runtime", self.oci_runtime, *words]

    def environment(self):
        return dict(os.environ, CONTAINERS_CONF=f"{self.dir}/containers.conf")

    def podman(self, *words, **options):
        return run(*self.command(*words), env=self.environment(), **options).stdout

    def prepare(self, namespaces):
        """Raises Failed when no container can run here."""
        if not shutil.which("podman"):
            raise Failed("podman is not installed")
        os.makedirs(f"{self.dir}/net.d")
        open_files = min(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        processes = min(1024, resource.getrlimit(resource.RLIMIT_NPROC)[1])
        with open(f"{self.dir}/containers.conf", "w", encoding="utf-8") as file:
            # podman asks for more than an unprivileged machine may give.
            file.write('[containers]\ndefault_ulimits = '
                       f'["nofile={open_files}:{open_files}", "nproc={processes}:{processes}"]\n'
                       '[network]\nnetwork_backend = "cni"\n'
                       f'cni_plugin_dirs = ["{self.node.build}/cni", "/usr/lib/cni"]\n'
                       f'network_config_dir = "{self.dir}/net.d"\n'
                       '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        for namespace in namespaces:
            with open(f"{self.dir}/net.d/{namespace}.conflist", "w", encoding="utf-8") as file:
                json.dump(conflist(self.node, namespace), file, indent=1)
        self._import_image()
        self._choose_kind()

    def _choose_kind(self):
        for kind in KINDS:
            self.oci_runtime, self.run_options = kind
            try:
                self.podman("run", "--rm", "--network", "none", *self.options(), IMAGE,
                            "/bin/true")
                return
            except Failed as error:
                last = error
        raise last

    def _import_image(self):
        """busybox and the probe; nothing is pulled."""
        with tempfile.TemporaryDirectory(dir=self.dir) as rootfs:
            os.makedirs(f"{rootfs}/bin")
            shutil.copy("/bin/busybox", f"{rootfs}/bin/busybox")
            shutil.copy(f"{self.node.build}/tests/probe/weir-probe", f"{rootfs}/bin/weir-probe")
            for name in ("sh", "true", "ping", "nc", "wget", "ip", "nslookup"):
                os.symlink("busybox", f"{rootfs}/bin/{name}")
            with subprocess.Popen(["tar", "-C", rootfs, "-c", "."], stdout=subprocess.PIPE) as tar:
                self.podman("import", "-", IMAGE, stdin=tar.stdout)

    def options(self):
        if "--cgroups=disabled" in self.run_options:
            return self.run_options
        return (*self.run_options, "--cgroup-parent", f"/{self.node.prefix}")

    def start(self, pod, ports):
        self.podman("run", "-d", "--name", pod.name, "--hostname", pod.name,
                    "--network", f"weir-{pod.namespace}", *self.options(), IMAGE,
                    "/bin/weir-probe", *serve_words(pod, ports))
        self.pids[pod.name] = self.podman("inspect", "-f", "{{.State.Pid}}", pod.name).strip()

    def enter(self, name):
        return ["nsenter", f"--net=/proc/{self.pids[name]}/ns/net"]

    def stop(self):
        if os.path.exists(f"{self.dir}/containers.conf"):
            self.podman("rm", "-f", "-t", "0", "-a", check=False)
            run("umount", "-R", f"{self.dir}/root/overlay", check=False)
        for parent, names, _ in os.walk("/sys/fs/cgroup"):
            if self.node.prefix in names:
                run("find", f"{parent}/{self.node.prefix}", "-depth", "-type", "d", "-delete",
                    check=False)
                names.remove(self.node.prefix)

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
