# SPDX-License-Identifier: Apache-2.0
"""A node of its own inside this machine: network namespaces, the outside, and an agent."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time

POD_CIDRS = ("10.99.0.0/24", "fd00:99::/112")
NODE_NAME = "demo-node"
# Both ends of the wire between the node and the outside.
NODE_ADDRESSES = {4: "192.0.2.1", 6: "2001:db8:2::1"}
ROUTER_ADDRESSES = {4: "192.0.2.2", 6: "2001:db8:2::2"}
WIRE_BITS = {4: 24, 6: 64}
CONMON_ENDS_S = 10
UNMOUNT_S = 5


class Failed(Exception):
    """Something that a person must be told in one sentence."""


def run(*command, check=True, **options):
    """In a session of its own: Ctrl-C stops the story, not podman in the middle of a container."""
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             start_new_session=True, **options)
    if check and process.returncode:
        raise Failed(f"{' '.join(command[:6])} failed: "
                     f"{(process.stderr or process.stdout).strip() or process.returncode}")
    return process


def in_netns(name):
    """Only the network changes: /sys and mounts stay, unlike with `ip netns exec`."""
    return ["nsenter", f"--net=/run/netns/{name}"]


class Node:
    def __init__(self, prefix, build, directory):
        self.prefix, self.build, self.dir = prefix, build, directory
        self.netns, self.outside = f"{prefix}-node", f"{prefix}-outside"
        self.manifests = f"{directory}/manifests"
        self.bpffs = f"{directory}/bpf"
        self.run_dir = f"{directory}/run"
        self.agent = None
        self.servers = []

    def agent_command(self, *more):
        return [*in_netns(self.netns), f"{self.build}/agent/weir-agent", "--config", "/dev/null",
                "--manifests", self.manifests, "--node-name", NODE_NAME,
                "--pod-cidr", POD_CIDRS[0], "--pod-cidr", POD_CIDRS[1],
                "--state-dir", f"{self.dir}/state", "--run-dir", self.run_dir,
                "--bpffs", self.bpffs, *more]

    def weir_command(self, *words):
        return [f"{self.build}/agent/weir", "--socket", f"{self.run_dir}/weir.sock", *words]

    def _ip(self, netns, *words):
        run("ip", "-n", netns, *words)

    def make_namespaces(self, hosts):
        """@hosts: (v4, v6) pairs of the hosts outside."""
        for name in (self.netns, self.outside):
            run("ip", "netns", "add", name)
            self._ip(name, "link", "set", "lo", "up")
        self._ip(self.netns, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
                 "netns", self.outside)
        for name, own, peer in ((self.netns, NODE_ADDRESSES, ROUTER_ADDRESSES),
                                (self.outside, ROUTER_ADDRESSES, NODE_ADDRESSES)):
            for family, bits in WIRE_BITS.items():
                nodad = ("nodad",) if family == 6 else ()
                self._ip(name, "address", "add", f"{own[family]}/{bits}", "dev", "eth0", *nodad)
            self._ip(name, "link", "set", "eth0", "up")
            for family in WIRE_BITS:
                # The outside knows the way to the pods; the node leaves by its default route.
                targets = ["default"] if name == self.netns else [POD_CIDRS[family == 6]]
                for target in targets:
                    self._ip(name, f"-{family}", "route", "add", target, "via", peer[family])
        for addresses in hosts:
            for family, address in zip((4, 6), addresses):
                nodad = ("nodad",) if family == 6 else ()
                self._ip(self.outside, "address", "add", address, "dev", "lo", *nodad)

    def start_agent(self, manifests):
        for path in (self.bpffs, self.run_dir, f"{self.dir}/state"):
            os.makedirs(path, exist_ok=True)
        shutil.copytree(manifests, self.manifests)
        run("mount", "-t", "bpf", "weir-demo", self.bpffs)
        with open(f"{self.dir}/agent.log", "w", encoding="utf-8") as log:
            self.agent = subprocess.Popen(self.agent_command(), stdout=log, stderr=log,
                                          start_new_session=True)
        deadline = time.monotonic() + 30
        while not self.healthy():
            if self.agent.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the agent did not start:\n{self.agent_log()}")
            time.sleep(0.05)
        with open(f"{self.dir}/agent.pid", "w", encoding="utf-8") as file:
            file.write(f"{self.agent.pid}\n")

    def healthy(self):
        """Does the agent answer on its socket that pods can be added?"""
        connection = http.client.HTTPConnection("weir", timeout=5)
        try:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.connect(f"{self.run_dir}/weir.sock")
            connection.request("GET", "/v1/cni/status")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def agent_log(self, lines=30):
        try:
            with open(f"{self.dir}/agent.log", encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError:
            return ""

    def serve(self, netns, name, ports, addresses=()):
        """A server outside of any container; @addresses: only on these."""
        with open(f"{self.dir}/serve-{name}.log", "w", encoding="utf-8") as log:
            self.servers.append(subprocess.Popen(
                [*in_netns(netns), f"{self.build}/tests/probe/weir-probe", "serve", name,
                 *[f"on:{address}" for address in addresses], *ports],
                stdout=log, stderr=log, start_new_session=True))

    def replace_manifest(self, path):
        """As a careful program does it: readers see the old file or the new one."""
        target = f"{self.manifests}/{os.path.basename(path)}"
        shutil.copyfile(path, f"{target}.new~")
        os.rename(f"{target}.new~", target)


def _stop(pid):
    try:
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            if _is_zombie(pid):
                return
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def processes_of(netns):
    """Process ids inside the named namespace; none if it is not there."""
    return [int(pid) for pid in run("ip", "netns", "pids", netns, check=False).stdout.split()]


def stop_processes(netns):
    for pid in processes_of(netns):
        _stop(pid)


def _namespaces(node):
    """Not by the prefix alone: another demonstration's may go on with a dash."""
    names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    return [name for name in names
            if name in (node.netns, node.outside) or name.startswith(f"{node.prefix}-pod-")]


def mounts_under(directory):
    """The last one first: its BPF file system, and what an interrupted podman has left."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        paths = [line.split()[4] for line in file]
    return [path for path in reversed(paths) if path.startswith(f"{directory}/")]


def unmount_under(directory):
    """A little later what somebody looks into at this moment; what could not be done."""
    deadline = time.monotonic() + UNMOUNT_S
    while paths := mounts_under(directory):
        problems = [run("umount", path, check=False).stderr.strip() for path in paths]
        if any(problems) and time.monotonic() > deadline:
            return [problem for problem in problems if problem]
        time.sleep(0.05 if any(problems) else 0)
    return []


def addresses_in(command):
    """The global addresses of eth0 where @command runs: what the pod itself sees."""
    links = json.loads(run(*command, "ip", "-j", "address", "show", "dev", "eth0").stdout)
    infos = [info for link in links for info in link.get("addr_info", [])
             if info.get("scope") == "global"]
    return {4 if info["family"] == "inet" else 6: info["local"] for info in infos}


def _cgroups(name):
    """Directories of that name, one for each hierarchy."""
    found = []
    for parent, names, _ in os.walk("/sys/fs/cgroup"):
        if name in names:
            found.append(f"{parent}/{name}")
            names.remove(name)
    return found


def remove_cgroups(name):
    """Of containers that are gone; what is left. conmon, which watched one, ends after it."""
    deadline = time.monotonic() + CONMON_ENDS_S
    while (left := _cgroups(name)) and time.monotonic() < deadline:
        for path in left:
            run("find", path, "-depth", "-type", "d", "-delete", check=False)
        time.sleep(0.05)
    return left


def remove(node):
    """Everything of a node, also one that an earlier run left; says what could not be removed."""
    problems = []
    # The agent last: a pod without a runtime is no more than a process in a namespace.
    for name in sorted(_namespaces(node), key=lambda name: name == node.netns):
        stop_processes(name)
    if os.path.ismount(node.bpffs):
        cleanup = run(*node.agent_command("--cleanup"), check=False)
        if cleanup.returncode:
            problems.append(f"weir-agent --cleanup: {cleanup.stderr.strip()}")
    problems += unmount_under(node.dir)
    for name in _namespaces(node):
        deleted = run("ip", "netns", "del", name, check=False)
        if deleted.returncode:
            problems.append(deleted.stderr.strip())
    shutil.rmtree(node.dir, ignore_errors=True)
    left = remove_cgroups(node.prefix) + [path for path in (node.dir,) if os.path.exists(path)]
    return problems + [f"{path} could not be removed" for path in left]
