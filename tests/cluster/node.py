# SPDX-License-Identifier: Apache-2.0
"""A node: containerd and kubelet in a network, a mount and a host name namespace of their own.

Paths of the machine that kubelet, containerd and weir use are the node's own inside, so that the
DaemonSet finds what it finds on a machine.
"""

import json
import os

import builds
from control_plane import DNS_IPS, LOGS
from machine import DIR, make_cgroup, make_node_network, node_ips, run, spawn, wait_for

ZONES = 3  # as many as some of upstream's specs want, with six nodes for others
SOCKET = "/run/containerd/containerd.sock"
HOLDER = """set -e
echo "$2" >/proc/sys/kernel/hostname
mount --bind "$1/run" /run
mount --bind "$1/lib" /var/lib
mount --bind "$1/log" /var/log
mount --bind "$1/cni" /etc/cni
mount -t tmpfs weir-tc /opt
mkdir -p /opt/cni/bin
cp /usr/lib/cni/loopback /opt/cni/bin/
mount -t bpf bpf /sys/fs/bpf
mount --make-rshared /
: >"$1/ready"
exec sleep infinity
"""
CONTAINERD = """version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
"""


class KubeNode:
    """families as of the control plane, whose kubeconfig it uses."""

    def __init__(self, number, control_plane):
        self.number, self.name = number, f"node{number}"
        self.control_plane, self.families = control_plane, control_plane.families
        self.dir = f"{DIR}/{self.name}"
        self.ips = node_ips(number)
        self.cgroup = self.holder = None
        self.processes = {}

    def prepare(self, pause):
        for name in ("run", "lib/kubelet", "log", "cni/net.d"):
            os.makedirs(f"{self.dir}/{name}")
        self.cgroup = make_cgroup(self.name)
        netns = make_node_network(self.name, self.number)
        with open(f"{self.dir}/containerd.toml", "w", encoding="ascii") as file:
            file.write(CONTAINERD.format(socket=SOCKET, pause=pause))
        with open(f"{self.dir}/resolv.conf", "w", encoding="ascii") as file:
            file.write(f"nameserver {self.control_plane.ip}\n")
        with open(f"{self.dir}/kubelet.json", "w", encoding="ascii") as file:
            json.dump(self._kubelet_config(), file)
        self.holder = spawn("control", f"{LOGS}/{self.name}.log", "sh", "-c", HOLDER, "sh", self.dir, self.name, enter=(
            "nsenter", f"--net={netns}", "unshare", "--uts", "--mount", "--propagation", "private"))
        wait_for(lambda: os.path.exists(f"{self.dir}/ready"), f"the mounts of {self.name} are there")

    def _kubelet_config(self):
        nothing = {"imagefs.available": "1%", "memory.available": "1%", "nodefs.available": "1%",
                   "nodefs.inodesFree": "1%", "imagefs.inodesFree": "1%"}
        return {
            "kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"}, "cgroupDriver": "cgroupfs", "cgroupRoot": self.cgroup,
            "enforceNodeAllocatable": ["pods"], "failCgroupV1": False, "failSwapOn": False, "oomScoreAdj": 0,
            "containerRuntimeEndpoint": f"unix://{SOCKET}", "resolvConf": f"{self.dir}/resolv.conf",
            "clusterDomain": "cluster.local", "clusterDNS": [DNS_IPS[self.families[0]]], "maxPods": 200,
            "serializeImagePulls": False, "evictionHard": nothing, "imageGCHighThresholdPercent": 100,
            "nodeStatusUpdateFrequency": "5s", "makeIPTablesUtilChains": False}

    def enter(self, *command):
        """The command line that runs a command on the node."""
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "-u", *map(str, command)]

    def exec(self, *command, **more):
        return run(*self.enter(*command), **more)

    def _spawn(self, name, *command):
        self.processes[name] = spawn("control", f"{LOGS}/{self.name}-{name}.log", *command,
                                     enter=self.enter())

    def start_containerd(self, archives):
        self._spawn("containerd", "containerd", "--config", f"{self.dir}/containerd.toml")
        wait_for(lambda: self.exec("ctr", "version"), f"containerd of {self.name} answers")
        for archive in archives:
            self.exec("ctr", "-n", "k8s.io", "image", "import", archive)

    def start_kubelet(self):
        addresses = ",".join(self.ips[family] for family in self.families)
        self._spawn("kubelet", f"{builds.BIN}/kubelet", f"--config={self.dir}/kubelet.json",
                    f"--kubeconfig={self.control_plane.kubeconfig(self.name)}",
                    f"--hostname-override={self.name}", f"--node-ip={addresses}",
                    f"--node-labels=topology.kubernetes.io/zone=zone{(self.number - 1) % ZONES + 1}")
