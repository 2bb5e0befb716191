# SPDX-License-Identifier: Apache-2.0
"""A containerd of its own on a node, with an image made from local files.

It runs in the node's network namespace and in a mount namespace, where /etc/cni/net.d and
/opt/cni/bin, which `ctr run --cni` insists on, are the node's.
"""

import hashlib
import json
import os
import secrets
import subprocess
import tarfile

import runtimes
import weir
from cri import Cri, Sandbox, decode
from demolib.podman import make_rootfs, remove_cgroups

IMAGE = "localhost/weir-test:latest"
CONFIG = """version = 2
root = "{dir}/root"
state = "{dir}/state"
oom_score = 0
[grpc]
  address = "{dir}/sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{dir}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
"""
# The image's files of the machine stay; only where CNI looks is replaced.
MOUNTS = """set -e
mount -t tmpfs weir-test /opt && mkdir -p /opt/cni/bin
mount --bind "$1/bin" /opt/cni/bin
mount --bind "$1/etc" /etc/cni
mount --bind "$1/cache" /var/lib/cni
exec containerd --config "$1/config.toml"
"""


def _blob(directory, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{directory}/blobs/sha256/{digest}", "wb") as file:
        file.write(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def make_archive(directory):
    """Path of an OCI archive of one layer; what it starts is a pause."""
    layout, media = f"{directory}/layout", "application/vnd.oci.image."
    os.makedirs(f"{layout}/blobs/sha256")
    make_rootfs(f"{directory}/rootfs", weir.BUILD)
    with tarfile.open(f"{directory}/layer.tar", "w") as tar:
        tar.add(f"{directory}/rootfs", ".")
    with open(f"{directory}/layer.tar", "rb") as file:
        layer = _blob(layout, file.read())
    config = _blob(layout, json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/bin/sleep", "1000000"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
    manifest = _blob(layout, json.dumps({
        "schemaVersion": 2, "config": {"mediaType": f"{media}config.v1+json", **config},
        "layers": [{"mediaType": f"{media}layer.v1.tar", **layer}]}).encode())
    index = {"schemaVersion": 2, "manifests": [{
        "mediaType": f"{media}manifest.v1+json", **manifest, "annotations": {"io.containerd.image.name": IMAGE}}]}
    for name, content in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(f"{layout}/{name}", "w", encoding="ascii") as file:
            json.dump(content, file)
    with tarfile.open(f"{directory}/image.tar", "w") as tar:
        tar.add(layout, ".")
    return f"{directory}/image.tar"


class Containerd:
    def __init__(self, node):
        self.node, self.dir = node, f"{node.dir}/containerd"
        self.daemon = self.cri = None
        for name in ("bin", "etc/net.d", "cache", "logs"):
            os.makedirs(f"{self.dir}/{name}")
        os.symlink(weir.PLUGIN, f"{self.dir}/bin/weir-cni")
        os.symlink("/usr/lib/cni/loopback", f"{self.dir}/bin/loopback")
        with open(f"{self.dir}/config.toml", "w", encoding="ascii") as file:
            file.write(CONFIG.format(dir=self.dir, image=IMAGE))

    def start(self):
        with open(f"{self.dir}/log", "w", encoding="ascii") as log:
            self.daemon = subprocess.Popen(
                self.node.net.enter("unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTS, "sh",
                                    self.dir), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        weir.wait_for(lambda: self.ctr("version"), "containerd answers")
        archive = make_archive(self.dir)
        for namespace in ("k8s.io", "default"):
            self.ctr("-n", namespace, "image", "import", "--snapshotter", "native", archive)
        self.cri = Cri(f"{self.dir}/sock")

    def write_conflist(self):
        with open(f"{self.dir}/etc/net.d/10-weir.conflist", "w", encoding="ascii") as file:
            json.dump(runtimes.conflist(self.node), file)

    def remove_conflist(self):
        os.unlink(f"{self.dir}/etc/net.d/10-weir.conflist")

    def ctr(self, *words, **options):
        return weir.run("nsenter", "-t", self.daemon.pid, "-m", "-n", "ctr", "-a", f"{self.dir}/sock", *words,
                        **options)

    def _run(self, name, command, ports=()):
        sandbox = self.cri.run_sandbox(runtimes.NAMESPACE, name, f"/{self.node.tag}", f"{self.dir}/logs", ports)
        sandbox.container = self.cri.run_container(sandbox, IMAGE, *command)
        return sandbox

    def run_pod(self, name, *serve, ports=()):
        """A sandbox with a container that serves."""
        return self._run(name, ("/bin/weir-probe", "serve", name, *serve), ports)

    def run_script(self, name, script):
        """A sandbox with a container that runs a shell script."""
        return self._run(name, ("/bin/sh", "-c", f"{script}"))

    def replace_container(self, sandbox, name, *serve):
        """What a kubelet does with a container that ended."""
        self.cri.remove_container(sandbox.container)
        sandbox.container = self.cri.run_container(sandbox, IMAGE, "/bin/weir-probe", "serve", name, *serve)

    def read(self, sandbox, path):
        """A file of a sandbox's container."""
        return self.ctr("-n", "k8s.io", "task", "exec", "--exec-id", secrets.token_hex(4), sandbox.container,
                        "/bin/busybox", "cat", path)

    def netns_of(self, task, namespace="k8s.io"):
        """Path of a task's network namespace; the task is a sandbox's or a container's of ctr."""
        lines = [line.split() for line in self.ctr("-n", namespace, "task", "ls").splitlines()]
        return next(f"/proc/{words[1]}/ns/net" for words in lines if words[0] == task)

    def probe(self, sandbox, *targets, timeout_ms=2000):
        """As Netns.probe(), from inside a sandbox."""
        return self.probe_in(self.netns_of(sandbox.id), *targets, timeout_ms=timeout_ms)

    def probe_in(self, netns, *targets, timeout_ms=2000):
        return runtimes.probe_results(weir.run(
            "nsenter", f"--net={netns}", weir.PROBE, "try", timeout_ms, check=False,
            input=runtimes.probe_input(targets)))

    def run_ctr(self, name, *command):
        """A container of `ctr run --cni`, for which nobody will ever send DEL."""
        self.ctr("run", "-d", "--cni", "--snapshotter", "native", "--cgroup", f"/{self.node.tag}/{name}", IMAGE,
                 name, *command)

    def lose_netns(self, sandbox):
        """Ends its processes and unmounts its network namespace behind containerd's back."""
        answer = self.cri.call("PodSandboxStatus", [(1, sandbox.id), (2, 1)])
        pairs = {entry[1][0]: entry[2][0] for entry in map(decode, answer[2])}
        namespaces = json.loads(pairs[b"info"])["runtimeSpec"]["linux"]["namespaces"]
        path = next(namespace["path"] for namespace in namespaces if namespace["type"] == "network")
        for task in (sandbox.container, sandbox.id):
            self.ctr("-n", "k8s.io", "task", "kill", "-s", "SIGKILL", task)
        for step in (("umount", "-l"), ("rm",)):
            weir.run("nsenter", "-t", self.daemon.pid, "-m", *step, path)

    def _end_all(self):
        for sandbox_id in self.cri.sandboxes() if self.cri else ():
            sandbox = Sandbox(sandbox_id, None)
            self.cri.stop_sandbox_as_kubelet(sandbox)
            self.cri.remove_sandbox(sandbox)
        for name in self.ctr("task", "ls", "-q").split():
            self.ctr("task", "rm", "-f", name)

    def stop(self):
        if not self.daemon:
            return
        try:
            self._end_all()
        finally:
            if self.cri:
                self.cri.close()
            self.daemon.terminate()
            self.daemon.wait(timeout=weir.DEADLINE_S)
            remove_cgroups(self.node.tag)
