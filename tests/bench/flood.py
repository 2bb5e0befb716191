# SPDX-License-Identifier: Apache-2.0
"""Large clusters from an API server: how soon an agent is ready, what it takes, and how soon a change is in force.

A change counts from the moment in which the API server writes it to the agent's watch, until the packets
of a pod meet it: datagrams go from a pod to another one of the node all the time, and the first that passes,
or is the first that does not, tells when.
"""

import json
import os
import re
import socket
import sys
import time
import urllib.request
import zlib

import fake_api
import flood_world
import memory
import traffic
import weir
from figures import figure, quantile

SIZES = (flood_world.Size(10, 100, 20), flood_world.Size(1000, 10000, 2000), flood_world.Size(5000, 50000, 10000))
QUICK = (flood_world.Size(10, 200, 20),)
STORE_MOST = 64  # MiB, of 50,000 pods
SMALL_PODS, SMALL_MOST = 250, 16
CHANGE_MOST_MS = {10000: 10}  # by the number of pods: the p99 of a policy that changes
CHURN, CHURN_QUICK = 100, 5  # pods that come, and as many that go, a second
PACE_S = 0.0002  # between two datagrams
SILENCE_S, SILENCE_SENDS = 0.05, 40  # of so long, and of so many, none came
PORT, SERVICE = 8080, ("10.110.0.1", 80)
HOME = ("172.30.250.250", "fd00:172:30::fafa")
HOME_CIDRS = ("10.90.0.0/24", "fd00:90::/64")
SHARES = ((0.5, "p50"), (0.99, "p99"))


class Server:
    """The API server's process, in the network namespace of the node."""

    def __init__(self, node, size):
        here = os.path.dirname(os.path.abspath(__file__))
        self.process = node.net.spawn(sys.executable, f"{here}/flood_server.py", *size, stdin=-1, stderr=None)
        self.url = f"http://127.0.0.1:{self._read()['port']}"

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise weir.Failed("the API server of the benchmark has ended")
        return json.loads(line)

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._read()

    def put(self, plural, item):
        return self.ask(put=plural, object=item)["at"]

    def cpu_s(self):
        return cpu_s(self.process.pid)


def cpu_s(pid):
    """Seconds of processor time."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Stream:
    """Datagrams of one flow out of a pod, and which of them came to another one."""

    def __init__(self, sender, receiver, address):
        self.address = address
        self.out = traffic.udp(sender)
        self.into = traffic.udp(receiver, port=PORT)
        self.into.setblocking(False)
        self.sent = []  # when

    def close(self):
        self.out.close()
        self.into.close()

    def _came(self):
        """Numbers of what came since."""
        while True:
            try:
                yield int(self.into.recv(64))
            except BlockingIOError:
                return

    def send(self):
        """A datagram. The number of the last one that came since, or None."""
        self.sent.append(time.monotonic())
        self.out.sendto(b"%d" % (len(self.sent) - 1), self.address)
        return max(self._came(), default=None)

    def until_open(self, deadline):
        """When the first one was sent that came."""
        first = len(self.sent)
        while time.monotonic() < deadline:
            came = self.send()
            if came is not None and came >= first:
                return self.sent[came]
            time.sleep(PACE_S)
        raise weir.Failed("a change that shall open the way does not take force")

    def until_shut(self, deadline):
        """When the first one was sent that did not come, as none did after it."""
        last = len(self.sent) - 1
        while time.monotonic() < deadline:
            came = self.send()
            last = last if came is None else came
            if len(self.sent) - last > SILENCE_SENDS and self.sent[-1] - self.sent[last + 1] > SILENCE_S:
                return self.sent[last + 1]
            time.sleep(PACE_S)
        raise weir.Failed("a change that shall shut the way does not take force")


class Bench:
    """A node with two pods in a cluster, and what is changed there."""

    def __init__(self, size):
        self.size = size
        self.node = weir.Node(cidrs=(), start=False, options=["--routing-mode=auto"])
        try:
            self.server = Server(self.node, size)
            self._prepare()
        except BaseException:
            self.node.close()
            raise

    def _prepare(self):
        for address, bits in zip(HOME, (16, 64)):
            self.node.net.ip("addr", "add", f"{address}/{bits}", "dev", "up0", *(("nodad",) if ":" in address else ()))
        self.node.kubeconfig = fake_api.write_kubeconfig(f"{self.node.dir}/kubeconfig", self.server.url)
        self.server.put("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench", "labels": {}}})
        for name in ("front", "back"):
            self.server.put("pods", self.pod(name, name))
        self.server.put("networkpolicies", self.gate(True))
        self.server.put("services", flood_world.service_object("bench", "back", SERVICE[0], "UDP"))
        self.server.put("endpointslices", self.slice())

    def register(self):
        """The Node object, as the kubelet makes it anew: without the condition."""
        self.server.put("nodes", flood_world.node_object(self.node.name, HOME, HOME_CIDRS, {}))

    @staticmethod
    def pod(name, app, node=None, ips=()):
        return flood_world.pod_named("bench", name, {"app": app}, node or "", list(ips))

    def here(self, name, app):
        pod = next(pod for pod in self.node.pods if pod.pod == name)
        return self.pod(name, app, self.node.name, pod.ips)

    @staticmethod
    def gate(is_open):
        peers = {"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"namespace": "bench", "name": "gate"},
                "spec": {"podSelector": {"matchLabels": {"app": "back"}}, "policyTypes": ["Ingress"],
                         "ingress": [peers] if is_open else []}}

    def slice(self, *pods):
        return flood_world.slice_object("bench", "back", [(pod.ip4, self.node.name, pod.pod) for pod in pods], "UDP")

    def close(self):
        self.node.close()

    # The agent

    def is_settled(self):
        status = self.node.status()
        return status["healthy"] and status["sources"][0]["synced"] and \
            status["policy"]["appliedVersion"] == status["policy"]["storeVersion"]

    def check(self):
        """Nothing of the cluster was refused: it would cost less, or more."""
        problems = self.node.problems() + self.node.status()["services"]["problems"]
        if problems:
            raise weir.Failed(f"the agent has problems with the cluster: {problems[:3]}")

    def start(self):
        """Seconds from the agent's start: until all is in force, until pods may come, until the Node says so."""
        self.register()
        before = self.server.ask(state={})["ready"].get(self.node.name)
        began = time.monotonic()
        self.node.start(wait=False)
        weir.wait_for(lambda: self.node.api("GET", "/v1/cni/status")[0] == 200, "pods may come", 300, 0.01)
        pods = time.monotonic() - began
        weir.wait_for(self.is_settled, "all is in force", 300, 0.01)
        settled = time.monotonic() - began

        def ready():
            at = self.server.ask(state={})["ready"].get(self.node.name)
            return at if at != before else None
        return settled, pods, weir.wait_for(ready, "the Node is ready", 300, 0.01) - began

    def add_pods(self):
        """The two pods; from now on their objects have their addresses."""
        pods = [self.node.add_pod("bench", name) for name in ("front", "back")]
        for pod in pods:
            self.server.put("pods", self.here(pod.pod, pod.pod))
        return pods

    # Changes

    def changes(self, back):
        """Name -> (whereto, what is put to open the way, what is put to shut it)."""
        return {"a policy": ((back.ip4, PORT), ("networkpolicies", self.gate(True)), ("networkpolicies", self.gate(False))),
                "labels of a pod": ((back.ip4, PORT), ("pods", self.here("front", "front")), ("pods", self.here("front", "other"))),
                "an endpoint of a Service": (SERVICE, ("endpointslices", self.slice(back)), ("endpointslices", self.slice()))}

    def latencies(self, front, back, count):
        """Milliseconds by the name of the change."""
        return {name: self._latencies(Stream(front, back, address), puts, count)
                for name, (address, *puts) in self.changes(back).items()}

    def _latencies(self, stream, puts, count):
        times = []
        try:
            self.server.put(*puts[0])
            stream.until_open(time.monotonic() + 60)
            for number in range(count):
                shuts = number % 2 == 0
                at = self.server.put(*puts[1 if shuts else 0])
                until = stream.until_shut if shuts else stream.until_open
                times.append((until(at + 60) - at) * 1000)
            self.server.put(*puts[0])
            stream.until_open(time.monotonic() + 60)
        finally:
            stream.close()
        return [max(took, 0) for took in times]


class Load:
    """How much processor time a process takes in the time of this context."""

    def __init__(self, node, server):
        self.pids = node.agent.pid, server.process.pid
        self.percent = []

    def _now(self):
        return [time.monotonic(), *map(cpu_s, self.pids)]

    def __enter__(self):
        self.before = self._now()
        return self

    def __exit__(self, *_):
        took, *used = [now - before for now, before in zip(self._now(), self.before)]
        self.percent = [100 * cpu / took for cpu in used]


def inflated_s(url):
    """Seconds that it takes to fetch all lists and to inflate them, without a look at what they say."""
    start, size = time.thread_time(), 0
    wall = time.monotonic()
    for plural in flood_world.PLURALS:
        at = "0"
        while at:
            request = urllib.request.Request(f"{url}{fake_api.KINDS[plural][0]}/{plural}?limit=500&continue={at}",
                                             headers={"Accept-Encoding": "gzip"})
            with urllib.request.urlopen(request) as answer:
                text = zlib.decompress(answer.read(), 31)
            size += len(text)
            found = re.search(rb'"continue":"(\d+)"', text[:300])
            at = found and found[1].decode()
    return time.monotonic() - wall, time.thread_time() - start, size


def named(size):
    return f"{size.nodes:,} nodes, {size.pods:,} pods, {size.services:,} Services"


def changed(size, quiet, churned):
    """Figures of changes, alone and among others."""
    for name, times in quiet.items():
        for share, label in SHARES:
            is_judged = name == "a policy" and label == "p99" and size.pods in CHANGE_MOST_MS
            yield figure(f"{named(size)}: {name} changes, {label}", quantile(times, share), "ms",
                         **({"value_most": CHANGE_MOST_MS[size.pods]} if is_judged else {}))
        for share, label in SHARES if churned else ():
            yield figure(f"{named(size)}, churn: {name} changes, {label}", quantile(churned[name], share), "ms",
                         floor=quantile(times, share), floor_name="without churn")


def measure_churn(bench, pods, rate, count):
    """Latencies by the name of the change, and figures of the load."""
    bench.server.ask(churn=rate)
    with Load(bench.node, bench.server) as load:
        began = time.monotonic()
        churned = bench.latencies(*pods, count)
        bench.check()
        took = time.monotonic() - began
    events = bench.server.ask(churn=0)["events"] / took
    agent, server = load.percent
    title = f"{named(bench.size)}, churn"
    return churned, [figure(f"{title}: events", events, "/s", breakdown=True),
                     figure(f"{title}: processor time of the agent", agent, "%", floor=server,
                            floor_name="the API server of the benchmark")]


def memory_of(bench, what):
    most = SMALL_MOST if bench.size.pods <= SMALL_PODS else STORE_MOST
    return [figure(f"{named(bench.size)}{what}: agent RSS{label}", memory.rss(bench.node, key), "MiB", value_most=most)
            for label, key in (("", "VmRSS"), (", most ever", "VmHWM"))]


def started(bench, what, beside):
    """Figures of a start, with the lists from the API server."""
    settled, pods, ready = bench.start()
    took = cpu_s(bench.node.agent.pid)
    title = f"{named(bench.size)}{what}"
    wall, cpu, size = beside
    name = f"{size / memory.MIB:,.0f} MiB of lists only fetched and inflated"
    return [figure(f"{title}: start until pods may come", pods, "s"),
            figure(f"{title}: start until all is in force", settled, "s", floor=wall, floor_name=name),
            figure(f"{title}: start until the Node is ready", ready, "s"),
            figure(f"{title}: processor time of the start", took, "s", floor=cpu, floor_name=name)]


def measure_size(size, quick, with_churn):
    bench = Bench(size)
    try:
        with traffic.inside(bench.node.net):
            beside = inflated_s(bench.server.url)
        found = started(bench, "", beside) + memory_of(bench, "")
        pods = bench.add_pods()
        weir.wait_for(bench.is_settled, "the pods are in force", 60)
        bench.check()
        quiet, churned = bench.latencies(*pods, 2 if quick else 40), {}
        if with_churn:
            churned, load = measure_churn(bench, pods, CHURN_QUICK if quick else CHURN, 2 if quick else 60)
            found += load + memory_of(bench, ", churn")
        found += changed(size, quiet, churned)
        bench.node.kill9()
        return found + started(bench, ", with a copy", beside)
    finally:
        bench.close()


def measure(quick):
    sizes = QUICK if quick else SIZES
    return [made for size in sizes for made in measure_size(size, quick, size is sizes[-1])]
