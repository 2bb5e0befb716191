# SPDX-License-Identifier: Apache-2.0
"""CNI ADD and DEL as the runtime sees them, beside the bridge plugin, and the agent's memory at 250 pods."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

BRIDGE_DIR = "/usr/lib/cni"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def sh(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Bench:
    """A node namespace with an agent; every pod is a fresh namespace."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.dir = tempfile.mkdtemp(prefix="weir-bench-")
        self.node = f"wb{os.getpid()}"
        self.pods = []
        self.agent = None
        sh("ip", "netns", "add", self.node)
        sh("ip", "-n", self.node, "link", "set", "lo", "up")

    def start_agent(self):
        manifests = f"{self.dir}/manifests"
        os.makedirs(manifests)
        with open(f"{manifests}/policy.yaml", "w") as f:
            f.write("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
                    "metadata: {name: one, namespace: default}\n"
                    "spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}\n")
        self.log = open(f"{self.dir}/agent.log", "w")
        self.agent = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.node}", f"{self.build}/agent/weir-agent",
             "--config", "/dev/null",
             "--manifests", manifests, "--node-name", "bench", "--pod-cidr", "10.77.0.0/16",
             "--pod-cidr", "fd00:77::/112", "--state-dir", f"{self.dir}/state",
             "--run-dir", f"{self.dir}/run", "--bpffs", f"/sys/fs/bpf/{self.node}"],
            stderr=self.log)
        deadline = time.monotonic() + 20
        while not os.path.exists(f"{self.dir}/run/weir.sock"):
            if time.monotonic() > deadline or self.agent.poll() is not None:
                raise RuntimeError(open(f"{self.dir}/agent.log").read()[-2000:])
            time.sleep(0.02)
        time.sleep(0.3)

    def agent_rss_kib(self):
        with open(f"/proc/{self.agent.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def enter(self):
        """This thread goes into the node's namespace, and so does what it starts."""
        node = os.open(f"/run/netns/{self.node}", os.O_RDONLY | os.O_CLOEXEC)
        if LIBC.setns(node, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(node)

    def pod(self, n):
        name = f"{self.node}p{n}"
        sh("ip", "netns", "add", name)
        self.pods.append(name)
        return name

    def call(self, plugin, verb, name, conf):
        """Milliseconds of one call in the node's namespace; raises on failure."""
        env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": f"{name}x", "CNI_NETNS": f"/run/netns/{name}",
               "CNI_IFNAME": "eth0", "CNI_PATH": f"{self.build}/cni:{BRIDGE_DIR}",
               "PATH": os.environ["PATH"],
               "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={name}"}
        start = time.monotonic()
        proc = subprocess.run([plugin], input=json.dumps(conf).encode(), env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        took = (time.monotonic() - start) * 1000
        if proc.returncode:
            raise RuntimeError(f"{plugin} {verb}: {proc.stdout.decode()} {proc.stderr.decode()}")
        return took

    def close(self):
        if self.agent:
            self.agent.send_signal(signal.SIGTERM)
            self.agent.wait(10)
            subprocess.run(["nsenter", f"--net=/run/netns/{self.node}",
                            f"{self.build}/agent/weir-agent", "--config", "/dev/null",
                            "--state-dir", f"{self.dir}/state", "--run-dir", f"{self.dir}/run",
                            "--bpffs", f"/sys/fs/bpf/{self.node}", "--cleanup"],
                           stderr=subprocess.DEVNULL, check=False)
            self.log.close()
        for name in self.pods + [self.node]:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


def block(bench, plugin, conf, names, times):
    """ADD all, then DEL all, then wait until the kernel has deleted the links: nobody pays for another."""
    pods = [bench.pod(name) for name in names]
    times[0].extend(bench.call(plugin, "ADD", pod, conf) for pod in pods)
    times[1].extend(bench.call(plugin, "DEL", pod, conf) for pod in pods)
    time.sleep(0.3)


def at_rate(bench, plugin, conf, pods, per_second):
    """Start an ADD every 1/per_second seconds, whatever the others do; how long each took from its due time."""
    start = time.monotonic() + 0.1

    def one(item):
        number, pod = item
        due = start + number / per_second
        time.sleep(max(0, due - time.monotonic()))
        bench.call(plugin, "ADD", pod, conf)
        return (time.monotonic() - due) * 1000

    with ThreadPoolExecutor(32, initializer=bench.enter) as pool:
        return list(pool.map(one, enumerate(pods)))


def compare(name, mine, floor):
    rows = []
    for q, label, budget in ((0.5, "p50", "<= 10 ms"), (0.99, "p99", "<= 50 ms")):
        value, base = quantile(mine, q), quantile(floor, q)
        rows.append({"name": f"{name} {label}", "value": value, "unit": "ms", "floor": base,
                     "floor_name": "bridge plugin", "ratio": value / base, "budget": budget})
    return rows


def measure(build, rounds=5, per_round=10):
    """Rows of {name, value, unit, floor, ratio, budget}."""
    bench = Bench(build)
    rows = []
    try:
        bench.start_agent()
        bench.enter()
        weir = f"{bench.build}/cni/weir-cni"
        conf = {"cniVersion": "1.0.0", "name": "weir", "type": "weir-cni",
                "socket": f"{bench.dir}/run/weir.sock"}
        bridge = f"{BRIDGE_DIR}/bridge"
        bridge_conf = {"cniVersion": "1.0.0", "name": "benchbr", "type": "bridge", "bridge": "wbbr0",
                       "ipam": {"type": "host-local", "dataDir": f"{bench.dir}/ipam",
                                "ranges": [[{"subnet": "10.88.0.0/16"}]],
                                "routes": [{"dst": "0.0.0.0/0"}]}}
        mine, floor = ([], []), ([], [])
        for n in range(rounds):  # in turn, so that a drift of the machine hits both
            block(bench, weir, conf, [f"w{n}-{i}" for i in range(per_round)], mine)
            block(bench, bridge, bridge_conf, [f"b{n}-{i}" for i in range(per_round)], floor)
        rows += compare("CNI ADD", mine[0], floor[0])
        rows += compare("CNI DEL", mine[1], floor[1])
        rows.append({"name": "agent RSS, no pods", "value": bench.agent_rss_kib() / 1024, "unit": "MiB"})
        spread = at_rate(bench, weir, conf, [bench.pod(f"m{n}") for n in range(250)], 100)
        rows.append({"name": "CNI ADD at 100 per second, p50", "value": quantile(spread, 0.5),
                     "unit": "ms", "budget": "<= 10 ms"})
        rows.append({"name": "CNI ADD at 100 per second, p99", "value": quantile(spread, 0.99),
                     "unit": "ms", "budget": "<= 50 ms"})
        rows.append({"name": "agent RSS, 250 pods", "value": bench.agent_rss_kib() / 1024, "unit": "MiB",
                     "budget": "<= 16 MiB"})
    finally:
        bench.close()
    return rows
