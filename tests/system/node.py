# SPDX-License-Identifier: Apache-2.0
"""A node for tests: its own network namespace with an agent, pods made by the plugin, an outside.

Everything has names of its own and goes with close(), also after a failure.
"""

import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import yaml

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("WEIR_BUILD", f"{REPO}/build"))
AGENT = f"{BUILD}/agent/weir-agent"
WEIR = f"{BUILD}/agent/weir"
PLUGIN = f"{BUILD}/cni/weir-cni"
PROBE = f"{BUILD}/tests/probe/weir-probe"
DEBIAN_PLUGINS = "/usr/lib/cni"

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2
_serial = 0


def unique(prefix="w"):
    global _serial
    _serial += 1
    return f"{prefix}{os.getpid()}n{_serial}"


def sh(*args, **kw):
    """A command that must succeed; its standard output."""
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
    if done.returncode:
        raise RuntimeError(f"{' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


def quietly(*args):
    return subprocess.run(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def until(condition, what, seconds=10.0):
    """Wait for the condition; its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s still not: {what}")
        time.sleep(0.01)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("weir", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class CniError(Exception):
    def __init__(self, answer):
        super().__init__(json.dumps(answer))
        self.answer = answer


class Netns:
    """A namespace and what runs in it."""

    def __init__(self, name=None):
        self.name = name or unique()
        self.path = f"/run/netns/{self.name}"
        self.started = []
        sh("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *args):
        return sh("ip", "-n", self.name, *args)

    def prefix(self, args):
        return ["nsenter", f"--net={self.path}", *args]

    def run(self, *args, **kw):
        kw.setdefault("text", True)
        return subprocess.run(self.prefix(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)

    def spawn(self, *args, **kw):
        proc = subprocess.Popen(self.prefix(args), **kw)
        self.started.append(proc)
        return proc

    def serve(self, *ports, name="x"):
        """A server on "tcp:80", "udp:53", ...; returns when it listens."""
        proc = self.spawn(PROBE, "serve", name, *ports, stdout=subprocess.DEVNULL)
        tcp = [p for p in ports if p.startswith("tcp:")]
        flag = "-tln" if tcp else "-uln"
        port = (tcp or list(ports))[0].split(":")[1]
        until(lambda: f":{port} " in self.run("ss", flag).stdout, f"{ports} listens")
        return proc

    def tries(self, targets, timeout_ms=400):
        """[(proto, address, port), ...] -> {target: "open" | "timeout" | ...}, all at once."""
        lines = "".join(f"{p} {a} {port}\n" for p, a, port in targets)
        out = self.run(PROBE, "try", str(timeout_ms), input=lines)
        found = {}
        for line in out.stdout.splitlines():
            words = line.split()
            found[(words[0], words[1], int(words[2]))] = words[3]
        assert len(found) == len(set(targets)), f"{out.stdout}{out.stderr}"
        return found

    def reaches(self, proto, address, port, timeout_ms=400):
        return self.tries([(proto, address, port)], timeout_ms)[(proto, address, port)] == "open"

    def close(self):
        for proc in self.started:
            proc.kill()
            proc.wait()
        self.started = []
        quietly("ip", "netns", "del", self.name)


class Pod(Netns):
    def __init__(self, node, namespace, name, ifname="eth0"):
        super().__init__()
        self.node, self.namespace, self.pod, self.ifname = node, namespace, name, ifname
        self.id = f"{self.name}-{name}"
        self.result = None

    @property
    def addresses(self):
        return [ip["address"].split("/")[0] for ip in self.result["ips"]]

    @property
    def ip4(self):
        return next(a for a in self.addresses if ":" not in a)

    @property
    def ip6(self):
        return next(a for a in self.addresses if ":" in a)


class Node:
    """usage: with Node() as node: a = node.add_pod("shop", "a")"""

    def __init__(self, outside=False, cidrs=("10.71.0.0/24", "fd71::/112"), name="n1", options=()):
        self.netns = Netns(unique("wn"))
        self.dir = tempfile.mkdtemp(prefix="weir-test-")
        self.cidrs, self.name, self.options = cidrs, name, list(options)
        self.manifests = f"{self.dir}/manifests"
        self.run_dir, self.state_dir = f"{self.dir}/run", f"{self.dir}/state"
        self.bpffs = f"{self.dir}/bpf"
        self.socket = f"{self.run_dir}/weir.sock"
        self.log_path = f"{self.dir}/agent.log"
        self.pods, self.agent, self.outside = [], None, None
        os.makedirs(self.manifests)
        os.makedirs(self.bpffs)
        sh("mount", "-t", "bpf", "bpf", self.bpffs)
        if outside:
            self.make_outside()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        if exc[0] and os.path.exists(self.log_path):
            print(open(self.log_path).read()[-4000:])
        self.close()

    def make_outside(self):
        """The world behind the uplink: 192.0.2.2 and 2001:db8:2::2, routes to the pods by the node."""
        self.outside = Netns(unique("wo"))
        self.netns.ip("link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns",
                      self.outside.name)
        for netns, dev, v4, v6 in ((self.netns, "up0", "192.0.2.1", "2001:db8:2::1"),
                                   (self.outside, "eth0", "192.0.2.2", "2001:db8:2::2")):
            # Without duplicate address detection the first packet need not wait a second for it.
            netns.run("sysctl", "-qw", f"net.ipv6.conf.{dev}.accept_dad=0")
            netns.ip("addr", "add", f"{v4}/24", "dev", dev)
            netns.ip("addr", "add", f"{v6}/64", "dev", dev, "nodad")
            netns.ip("link", "set", dev, "up")
        self.netns.ip("route", "add", "default", "via", "192.0.2.2")
        self.netns.ip("-6", "route", "add", "default", "via", "2001:db8:2::2")
        for cidr in self.cidrs:
            via = "2001:db8:2::1" if ":" in cidr else "192.0.2.1"
            self.outside.ip("route", "add", cidr, "via", via)

    # The agent.

    def agent_args(self):
        args = ["--config", "/dev/null", "--manifests", self.manifests, "--node-name", self.name,
                "--state-dir", self.state_dir, "--run-dir", self.run_dir, "--bpffs", self.bpffs]
        for cidr in self.cidrs:
            args += ["--pod-cidr", cidr]
        return args + self.options

    def start(self, wait=True):
        log = open(self.log_path, "a")
        self.agent = subprocess.Popen(self.netns.prefix([AGENT, *self.agent_args()]), stderr=log)
        log.close()
        if wait:
            self.wait_ready()

    def is_ready(self):
        if self.agent.poll() is not None:
            raise RuntimeError(f"agent ended: {open(self.log_path).read()[-2000:]}")
        try:
            return self.api("GET", "/v1/status")[0] == 200
        except OSError:
            return False

    def wait_ready(self):
        until(self.is_ready, "the agent answers")

    def stop(self, sig=signal.SIGTERM):
        if self.agent:
            self.agent.send_signal(sig)
            self.agent.wait(20)
            self.agent = None

    def kill9(self):
        self.stop(signal.SIGKILL)

    def cleanup(self):
        return self.netns.run(AGENT, *self.agent_args(), "--cleanup")

    def api(self, method, path, body=None):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or "null")
        finally:
            connection.close()

    def status(self):
        return self.api("GET", "/v1/status")[1]

    def drops(self, reason):
        """Packets that were dropped for it, both directions."""
        row = next(d for d in self.status()["drops"] if d["reason"] == reason)
        return row["ingress"]["packets"] + row["egress"]["packets"]

    def weir(self, *args):
        return subprocess.run([WEIR, "--socket", self.socket, *args], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)

    # Objects.

    def manifest(self, name, *objects, wait=True):
        """Write-then-rename; returns when the policy that follows from it is in force."""
        before = self.status()["generation"] if wait else 0
        path = f"{self.manifests}/{name}"
        with open(f"{path}.tmp", "w") as f:
            yaml.safe_dump_all(objects, f)
        os.rename(f"{path}.tmp", path)
        if wait:
            until(lambda: self.status()["generation"] != before, f"{name} is in force")

    def remove_manifest(self, name):
        before = self.status()["generation"]
        os.unlink(f"{self.manifests}/{name}")
        until(lambda: self.status()["generation"] != before, f"{name} has gone")

    # Pods.

    def conf(self, **extra):
        return {"cniVersion": "1.0.0", "name": "weir", "type": "weir-cni", "socket": self.socket, **extra}

    def cni(self, command, pod, conf=None, netns=None, plugin=PLUGIN, path=None, args=None, check=True):
        env = {"CNI_COMMAND": command, "CNI_CONTAINERID": pod.id, "CNI_IFNAME": pod.ifname,
               "CNI_NETNS": pod.path if netns is None else netns, "PATH": os.environ["PATH"],
               "CNI_PATH": path or f"{os.path.dirname(PLUGIN)}:{DEBIAN_PLUGINS}",
               "CNI_ARGS": args or f"IgnoreUnknown=1;K8S_POD_NAMESPACE={pod.namespace};K8S_POD_NAME={pod.pod}"}
        done = self.netns.run(plugin, input=json.dumps(conf or self.conf()), env=env)
        answer = json.loads(done.stdout) if done.stdout.strip() else None
        if check and done.returncode:
            raise CniError(answer if answer is not None else done.stderr)
        return answer

    def add_pod(self, namespace, name, conf=None):
        pod = Pod(self, namespace, name)
        self.pods.append(pod)
        pod.result = self.cni("ADD", pod, conf)
        return pod

    def del_pod(self, pod, conf=None):
        self.cni("DEL", pod, conf)
        pod.close()
        self.pods.remove(pod)

    def close(self):
        self.stop(signal.SIGKILL)
        self.cleanup()
        for netns in self.pods + [self.outside, self.netns]:
            if netns:
                netns.close()
        while LIBC.umount2(self.bpffs.encode(), MNT_DETACH) == 0:
            pass
        shutil.rmtree(self.dir, ignore_errors=True)


# Objects as people write them.

def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod_object(ns, name, labels=None, ports=None, node="n1", ips=None):
    """ports: {name: (number, protocol)}; ips: for a pod of another node."""
    ports = [{"name": n, "containerPort": p[0], "protocol": p[1]} for n, p in (ports or {}).items()]
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": ns, "labels": labels or {}},
            "spec": {"nodeName": node, "containers": [{"name": "c", "ports": ports}]},
            "status": {"podIPs": [{"ip": ip} for ip in ips or []]}}


def policy(ns, name, pods=None, **spec):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": ns},
            "spec": {"podSelector": {"matchLabels": pods or {}}, **spec}}


def deny_all(ns, name="deny-all"):
    return policy(ns, name, policyTypes=["Ingress", "Egress"])
