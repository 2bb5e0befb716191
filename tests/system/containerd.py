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
import sys
import tarfile

import weir
from cri import Cri, Sandbox, decode

sys.path.insert(0, f"{weir.REPO}/scripts")
from demolib.podman import make_rootfs  # noqa: E402

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
        conflist = {"cniVersion": "1.0.0", "name": "weir", "plugins": [
            {"type": "weir-cni", "socket": self.node.socket, "namespace": "shop",
             "capabilities": {"portMappings": True}}]}
        with open(f"{self.dir}/etc/net.d/10-weir.conflist", "w", encoding="ascii") as file:
            json.dump(conflist, file)

    def remove_conflist(self):
        os.unlink(f"{self.dir}/etc/net.d/10-weir.conflist")

    def ctr(self, *words, **options):
        return weir.run("nsenter", "-t", self.daemon.pid, "-m", "-n", "ctr", "-a", f"{self.dir}/sock", *words,
                        **options)

    def _run(self, name, command, ports=()):
        sandbox = self.cri.run_sandbox("shop", name, f"/{self.node.tag}", f"{self.dir}/logs", ports)
        sandbox.container = self.cri.run_container(sandbox, IMAGE, *command)
        return sandbox

    def run_pod(self, name, *serve, ports=()):
        """A sandbox with a container that serves."""
        return self._run(name, ("/bin/weir-probe", "serve", name, *serve), ports)

    def run_script(self, name, script):
        """A sandbox with a container that runs a shell script."""
        return self._run(name, ("/bin/sh", "-c", f"mkdir -p /tmp; {script}"))

    def read(self, sandbox, path):
        """A file of a sandbox's container."""
        return self.ctr("-n", "k8s.io", "task", "exec", "--exec-id", secrets.token_hex(4), sandbox.container,
                        "/bin/busybox", "cat", path)

    def probe(self, sandbox, *targets, timeout_ms=2000):
        """As Netns.probe(), from inside a sandbox."""
        lines = [line.split() for line in self.ctr("-n", "k8s.io", "task", "ls").splitlines()]
        pid = next(words[1] for words in lines if words[0] == sandbox.id)
        out = weir.run("nsenter", f"--net=/proc/{pid}/ns/net", weir.PROBE, "try", timeout_ms, check=False,
                       input="".join(" ".join(map(str, target)) + "\n" for target in targets))
        return [line.split(" ")[3] for line in out.splitlines()]

    def lose_netns(self, sandbox):
        """Ends its processes and unmounts its network namespace behind containerd's back."""
        pairs = [decode(item) for item in self.cri.call("PodSandboxStatus", [(1, sandbox.id), (2, 1)])[2]]
        info = next(json.loads(pair[2][0]) for pair in pairs if pair[1] == [b"info"])
        paths = [ns["path"] for ns in info["runtimeSpec"]["linux"]["namespaces"] if ns["type"] == "network"]
        for task in self.ctr("-n", "k8s.io", "task", "ls", "-q").split():
            self.ctr("-n", "k8s.io", "task", "kill", "-s", "SIGKILL", task, check=False)
        weir.run("nsenter", "-t", self.daemon.pid, "-m", "umount", "-l", paths[0])
        weir.run("nsenter", "-t", self.daemon.pid, "-m", "rm", paths[0])

    def _end_all(self):
        for sandbox_id in self.cri.sandboxes() if self.cri else ():
            sandbox = Sandbox(sandbox_id, None)
            self.cri.stop_sandbox(sandbox)
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
            for parent, names, _ in os.walk("/sys/fs/cgroup"):
                if self.node.tag in names:
                    weir.run("find", f"{parent}/{self.node.tag}", "-depth", "-type", "d", "-delete", check=False)
                    names.remove(self.node.tag)
