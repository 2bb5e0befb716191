# SPDX-License-Identifier: Apache-2.0
"""Nodes, pods and probes for the system tests: real programs in network namespaces of their own.

A Node is a network namespace with an agent; an optional uplink leads to a namespace that plays the
outside world. A Pod is a network namespace that weir-cni was asked to connect. Nothing is done to
the machine's own network, and close() takes everything back whatever has happened.
"""

import http.client
import ipaddress
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import yaml

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WEIR_BUILD") or os.path.join(REPO, "build")
AGENT = f"{BUILD}/agent/weir-agent"
AGENT_FORMER = f"{BUILD}/tests/system/weir-agent-former"
PLUGIN = f"{BUILD}/cni/weir-cni"
CLI = f"{BUILD}/agent/weir"
PROBE = f"{BUILD}/tests/probe/weir-probe"

CIDRS = ("10.77.0.0/16", "fd00:77::/112")
NODE_IPS = ("192.0.2.2", "2001:db8::2")
UPLINK_MAC = "0a:00:00:00:00:02"  # and so the link-local address is the same in every life
OUTSIDE_IPS = ("192.0.2.1", "2001:db8::1")
DEADLINE_S = float(os.environ.get("WEIR_DEADLINE_S", "20"))  # for every answer
MARKER = "weir-test-marker"


class Failed(AssertionError):
    """A program or a wait did not end as it should."""


def run(*args, check=True, **more):
    """Text of a program's stdout; Failed with its stderr otherwise."""
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 60, **more}
    done = subprocess.run([str(arg) for arg in args], check=False, **more)
    if check and done.returncode:
        raise Failed(f"{' '.join(map(str, args))}: exit {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def wait_for(condition, what, deadline_s=DEADLINE_S, every_s=0.02):
    """The first true value of condition(); an exception in it counts as "not yet"."""
    until = time.monotonic() + deadline_s
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
        except (OSError, Failed, http.client.HTTPException, KeyError, IndexError) as error:
            last = error
        if time.monotonic() > until:
            raise Failed(f"not within {deadline_s} s: {what}" + (f" ({last})" if last else ""))
        time.sleep(every_s)


def family_of(address):
    return ipaddress.ip_address(str(address).split("/", maxsplit=1)[0]).version


class Netns:
    """A network namespace with `lo` up. Programs run in it with exec() and spawn()."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.processes = []
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")
        # Waiting for duplicates of addresses that nobody else can have takes seconds.
        self.sysctl("ipv6/conf/all/accept_dad", 0)
        self.sysctl("ipv6/conf/default/accept_dad", 0)

    def sysctl(self, path, value):
        self.exec("sh", "-c", f"echo {value} > /proc/sys/net/{path}")

    def ip(self, *args):
        return run("ip", "-n", self.name, *args)

    def ip_json(self, *args):
        return json.loads(run("ip", "-j", "-d", "-n", self.name, *args) or "[]")

    def links(self):
        """Name -> what `ip -j -d link` says."""
        return {link["ifname"]: link for link in self.ip_json("link")}

    def enter(self, *cmd):
        """The command line that runs cmd in here; the process keeps its id."""
        return ["nsenter", f"--net={self.path}", "--", *map(str, cmd)]

    def exec(self, *cmd, **more):
        return run(*self.enter(*cmd), **more)

    def spawn(self, *cmd, **more):
        """A process that close() ends."""
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **more}
        process = subprocess.Popen(self.enter(*cmd), **more)
        self.processes.append(process)
        return process

    def serve(self, *ports, name=None, on=()):
        """Answers on ports like "tcp:80" and "udp:53", of all addresses or of those in on."""
        process = self.spawn(PROBE, "serve", name or self.name, *[f"on:{ip}" for ip in on], *ports)
        if process.stdout.readline() != "ready\n":
            raise Failed(f"weir-probe cannot serve {ports} in {self.name}")
        return process

    def probe(self, *targets, timeout_ms=2000):
        """Results of targets (protocol, address, port[, source]), in their order: "open", "timeout"..."""
        return [result for result, _ in self.probe_answers(*targets, timeout_ms=timeout_ms)]

    def probe_answers(self, *targets, timeout_ms=2000):
        """As probe(), but (result, answer): the answer is the server's name or the error's text."""
        lines = "".join(" ".join(map(str, target)) + "\n" for target in targets)
        out = self.exec(PROBE, "try", timeout_ms, check=False, input=lines, timeout=timeout_ms / 1000 + 30)
        found = [line.split(" ", 5) for line in out.splitlines()]
        if len(found) != len(targets):
            raise Failed(f"weir-probe answered {len(found)} of {len(targets)} targets")
        return [(words[3], words[5] if len(words) > 5 else "") for words in found]

    def reaches(self, proto, address, port=0, timeout_ms=2000):
        return self.probe((proto, address, port), timeout_ms=timeout_ms) == ["open"]

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.processes = []
        run("ip", "netns", "del", self.name, check=False)


class CniError(Failed):
    """A refusal of the plugin, with the object it printed."""

    def __init__(self, verb, error):
        super().__init__(f"{verb}: {error}")
        self.error = error or {}
        self.code = self.error.get("code")


class Pod(Netns):
    """A pod's namespace; add_pod() of the node has connected it."""

    def __init__(self, node, namespace, name, container_id, ifname="eth0"):
        super().__init__(f"{node.tag}-{secrets.token_hex(3)}")
        self.node, self.namespace, self.pod = node, namespace, name
        self.container_id, self.ifname = container_id, ifname
        self.result = None
        self.conf = None

    @property
    def ips(self):
        """Addresses without prefix length, IPv4 first."""
        entries = (self.result or {}).get("ips", [])
        return sorted((entry["address"].split("/")[0] for entry in entries), key=family_of)

    @property
    def ip4(self):
        return next((ip for ip in self.ips if family_of(ip) == 4), None)

    @property
    def ip6(self):
        return next((ip for ip in self.ips if family_of(ip) == 6), None)

    def env(self, verb, **more):
        args = f"IgnoreUnknown=1;K8S_POD_NAMESPACE={self.namespace};K8S_POD_NAME={self.pod};K8S_POD_UID="
        return {"CNI_COMMAND": verb, "CNI_CONTAINERID": self.container_id, "CNI_NETNS": self.path,
                "CNI_IFNAME": self.ifname, "CNI_PATH": "/usr/lib/cni", "CNI_ARGS": args, **more}


class Node:
    """A node: its namespace, directories and agent. A context manager."""

    def __init__(self, name=None, cidrs=CIDRS, uplink=True, options=(), start=True, kubeconfig=None):
        self.tag = f"wt-{secrets.token_hex(3)}"
        self.name = name or self.tag
        self.cidrs, self.options = tuple(cidrs), list(options)
        self.program = AGENT
        self.kubeconfig = kubeconfig  # instead of the manifests
        self.net = self.outside = self.agent = None
        self.pods, self.markers = [], 0
        self.dir = tempfile.mkdtemp(prefix="weir-test-")
        self.state, self.run_dir = f"{self.dir}/state", f"{self.dir}/run"
        self.manifests, self.bpf_mount = f"{self.dir}/manifests", f"{self.dir}/bpf"
        self.bpffs, self.log = f"{self.bpf_mount}/weir", f"{self.dir}/agent.log"
        self.socket = f"{self.run_dir}/weir.sock"
        try:
            self._prepare(uplink)
            if start:
                self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Network and directories

    def _prepare(self, uplink):
        os.mkdir(self.manifests)
        self.mount_bpffs()
        self.make_network(uplink)

    def mount_bpffs(self):
        os.makedirs(self.bpf_mount, exist_ok=True)
        run("mount", "-t", "bpf", "bpf", self.bpf_mount)

    def umount_bpffs(self):
        run("umount", "-l", self.bpf_mount, check=False)

    def make_network(self, uplink=True):
        self.net = Netns(self.tag)
        if not uplink:
            return
        self.outside = Netns(f"{self.tag}-out")
        # Two ends with the same number would wait a second for each other's carrier.
        run("ip", "link", "add", "up0", "netns", self.net.name, "index", "100", "address", UPLINK_MAC,
            "type", "veth", "peer", "name", "wire0", "netns", self.outside.name)
        for netns, link, addresses in ((self.net, "up0", NODE_IPS), (self.outside, "wire0", OUTSIDE_IPS)):
            netns.ip("addr", "add", f"{addresses[0]}/24", "dev", link)
            netns.ip("addr", "add", f"{addresses[1]}/64", "dev", link, "nodad")
            netns.ip("link", "set", link, "up")
        for gateway in OUTSIDE_IPS:
            self.net.ip(f"-{family_of(gateway)}", "route", "add", "default", "via", gateway)

    def route_pods(self):
        """Lets the outside reach pod addresses, as a cluster's fabric does."""
        for cidr in self.cidrs:
            via = NODE_IPS[0] if family_of(cidr) == 4 else NODE_IPS[1]
            self.outside.ip(f"-{family_of(cidr)}", "route", "replace", cidr, "via", via)

    def delete_network(self):
        for netns in [*self.pods, self.outside, self.net]:
            if netns:
                netns.close()
        self.pods, self.outside, self.net = [], None, None

    def close(self):
        steps = (self.kill9, self.cleanup, self.umount_bpffs, self.delete_network)
        for step in steps:
            try:
                step()
            except Exception as error:  # the rest must be taken back all the same
                print(f"{self.tag}: {step.__name__}: {error}")
        if os.path.exists(self.log):
            print(f"--- log of {self.name}\n{self.log_text()[-8000:]}")
        shutil.rmtree(self.dir, ignore_errors=True)

    # The agent

    def command(self, *more, before=()):
        """The agent's command line; before is a program that starts it."""
        cidrs = [f"--pod-cidr={cidr}" for cidr in self.cidrs]
        source = ("--kubeconfig", self.kubeconfig) if self.kubeconfig else ("--manifests", self.manifests)
        return self.net.enter(*before, self.program, "--config", "/dev/null", "--node-name", self.name, *cidrs,
                              *source, "--state-dir", self.state,
                              "--run-dir", self.run_dir, "--bpffs", self.bpffs, *self.options, *more)

    def start(self, wait=True):
        with open(self.log, "a", encoding="utf-8") as log:
            self.agent = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        def ready():
            if self.agent.poll() is not None:
                raise RuntimeError(f"the agent ended with {self.agent.returncode}:\n{self.log_text()[-3000:]}")
            return self.status()
        return wait_for(ready, f"agent of {self.name} answers")

    def stop(self, signum=signal.SIGTERM):
        """Exit status of the agent."""
        if not self.agent:
            return None
        self.agent.send_signal(signum)
        try:
            status = self.agent.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.agent.kill()
            self.agent.wait()
            raise Failed(f"the agent did not end on signal {signum}") from None
        self.agent = None
        return status

    def kill9(self):
        return self.stop(signal.SIGKILL)

    def restart(self, signum=signal.SIGTERM):
        self.stop(signum)
        self.start()

    def cleanup(self):
        """weir-agent --cleanup."""
        if self.net:
            run(*self.command("--cleanup"))

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    # Questions

    def api(self, method, path, body=None):
        """(HTTP status, decoded answer)."""
        link = http.client.HTTPConnection("weir", timeout=DEADLINE_S)
        link.sock = socket.socket(socket.AF_UNIX)
        try:
            link.sock.settimeout(DEADLINE_S)
            link.sock.connect(self.socket)
            link.request(method, path, None if body is None else json.dumps(body))
            answer = link.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            link.close()

    def get(self, path):
        status, answer = self.api("GET", path)
        if status != 200:
            raise Failed(f"GET {path}: {status} {answer}")
        return answer

    def status(self):
        return self.get("/v1/status")

    def problems(self):
        return [problem for source in self.status()["sources"] for problem in source["problems"]]

    def endpoints(self):
        """"namespace/pod" -> endpoint."""
        return {f"{ep['namespace']}/{ep['pod']}": ep for ep in self.get("/v1/endpoints")["endpoints"]}

    def weir(self, *args, check=True):
        """stdout of the weir command."""
        return run(CLI, "--socket", self.socket, *args, check=check)

    def nft(self):
        """The agent's table as nft prints it; "" when there is none."""
        return self.net.exec("nft", "list", "table", "inet", "weir", check=False)

    # Manifests

    def write(self, name, text):
        """Writes a file of the manifests directory the way a careful program does."""
        path = f"{self.manifests}/{name}"
        with open(f"{self.manifests}/.{name}.tmp", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(f"{self.manifests}/.{name}.tmp", path)
        return path

    def manifest(self, name, *objects, wait=True):
        """Writes objects as NAME.yaml and returns when the agent has them in force."""
        path = self.write(f"{name}.yaml", yaml.safe_dump_all(objects, sort_keys=False))
        if wait and self.agent:
            self.settle()
        return path

    def remove_manifest(self, name, wait=True):
        os.unlink(f"{self.manifests}/{name}.yaml")
        if wait and self.agent:
            self.settle()

    def settle(self):
        """Returns when everything that was in the manifests directory is in force.

        A policy that selects nothing, written last, tells when: the agent lists it only after it
        has read all files before. From then on only the step from the objects to the datapath is left.
        """
        self.markers += 1
        name = f"{MARKER}-{self.markers}"
        marker = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                  "metadata": {"name": name, "namespace": MARKER}, "spec": {"podSelector": {}}}
        self.write(f"zz-{MARKER}.yaml", yaml.safe_dump(marker))

        def listed():
            return name in [policy["name"] for policy in self.get("/v1/policies")["policies"]]
        wait_for(listed, f"{self.name} has read its manifests")
        version = self.status()["policy"]["storeVersion"]
        wait_for(lambda: self.status()["policy"]["appliedVersion"] >= version, f"{self.name} applies what it has read")

    def pod_manifest(self, *pods, wait=True):
        """A Pod object for this node: ("shop/front", {labels}[, {port name: number}])."""
        for key, labels, *ports in pods:
            namespace, name = key.split("/")
            declared = [{"name": port, "containerPort": number} for port, number in (ports[0] if ports else {}).items()]
            self.manifest(f"pod-{namespace}-{name}", {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name, "namespace": namespace, "labels": labels},
                "spec": {"nodeName": self.name,
                         "containers": [{"name": "main", "image": "x", "ports": declared}]}}, wait=False)
        if wait and self.agent:
            self.settle()

    # Pods

    def conf(self, version="1.1.0", network="weir", **members):
        return {"cniVersion": version, "name": network, "type": "weir-cni", "socket": self.socket, **members}

    def cni_popen(self, env, program=PLUGIN):
        """The plugin, started in the node's namespace as a runtime does it; stdin and stdout are pipes."""
        return subprocess.Popen(self.net.enter(program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                env={"PATH": os.environ["PATH"], **{k: v for k, v in env.items() if v is not None}})

    def cni(self, env, conf, program=PLUGIN):
        """Result of one call of a plugin (None: it printed nothing); CniError when it refuses."""
        with self.cni_popen(env, program) as process:
            out, _ = process.communicate(conf if isinstance(conf, str) else json.dumps(conf), timeout=60)
        try:
            answer = json.loads(out) if out else None
        except ValueError:
            raise Failed(f"{env['CNI_COMMAND']} printed no JSON: {out!r}") from None
        if process.returncode:
            raise CniError(env["CNI_COMMAND"], answer)
        return answer

    def new_pod(self, namespace, name, container_id=None):
        """A pod's namespace that nobody has connected yet."""
        pod = Pod(self, namespace, name, container_id or secrets.token_hex(16))
        self.pods.append(pod)
        return pod

    def add_pod(self, namespace, name, ips=None, labels=None, ports=None, conf=None, container_id=None, runtime=None):
        """ADD. labels and ports ({name: number}) are written as a Pod manifest before."""
        if labels is not None or ports is not None:
            self.pod_manifest((f"{namespace}/{name}", labels or {}, ports or {}))
        pod = self.new_pod(namespace, name, container_id)
        runtime = {**(runtime or {}), **({"ips": list(ips)} if ips else {})}
        pod.conf = conf or self.conf(**({"runtimeConfig": runtime} if runtime else {}))
        pod.result = self.cni(pod.env("ADD"), pod.conf)
        return pod

    def check_pod(self, pod, **env):
        return self.cni(pod.env("CHECK", **env), {**pod.conf, "prevResult": pod.result})

    def del_pod(self, pod, keep=False, **env):
        """DEL; the pod's namespace is deleted afterwards unless keep."""
        conf = {**pod.conf, "prevResult": pod.result} if pod.result else pod.conf
        self.cni(pod.env("DEL", **env), conf)
        if not keep:
            self.forget_pod(pod)

    def forget_pod(self, pod):
        """Deletes the namespace without a word to the plugin."""
        pod.close()
        if pod in self.pods:
            self.pods.remove(pod)

    # Traces in the kernel

    def pod_links(self):
        """Names of the host sides of pods that exist."""
        return {name for name in self.net.links() if re.fullmatch("weir[a-z2-7]{11}", name)}

    def pins(self):
        path = f"{self.bpffs}/links"
        return set(os.listdir(path)) if os.path.isdir(path) else set()

    def pod_pins(self):
        return {pin for pin in self.pins() if not pin.endswith(("-from_wire", "-to_wire")) and not pin.startswith("cgroup-")}

    def socket_pins(self):
        return {pin for pin in self.pins() if pin.startswith("cgroup-")}

    def state_files(self):
        path = f"{self.state}/endpoints"
        return set(os.listdir(path)) if os.path.isdir(path) else set()

    def wait_gone(self, *pods):
        """Returns when the threads behind DEL have finished with these pods, or with all that is left."""
        names = {f"{pod.namespace}/{pod.pod}" for pod in pods}

        def gone():
            present = set(self.endpoints())
            return not (present & names if pods else present) and (pods or not (self.pod_links() or self.pod_pins()))
        wait_for(gone, f"{names or 'all pods'} leave {self.name}")
