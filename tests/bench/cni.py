# SPDX-License-Identifier: Apache-2.0
"""CNI ADD and DEL as a runtime sees them, from the start of the plugin to its end, beside Debian's bridge plugin."""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import traffic
import weir
from figures import figure, quantile

BRIDGE_DIR = "/usr/lib/cni"
AT_ONCE = 16
PER_SECOND = 100
SHARES = ((0.5, "p50"), (0.99, "p99"))
RATE_MOST_MS = (10, 50)
POLICY = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
          "metadata": {"namespace": "bench", "name": "one"},
          "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}}


class Plugin:
    """A plugin with its configuration, on a node. What starts it is in the node's namespace already."""

    def __init__(self, name, program, conf, node):
        self.name, self.program, self.conf, self.node = name, program, conf, node

    def call(self, verb, pod):
        """Milliseconds."""
        env = {**pod.env(verb), "PATH": os.environ["PATH"], "CNI_PATH": BRIDGE_DIR}
        start = time.monotonic()
        done = subprocess.run([self.program], input=json.dumps(self.conf).encode(), env=env, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        took = (time.monotonic() - start) * 1000
        if done.returncode:
            raise weir.Failed(f"{self.name} {verb}: {done.stdout.decode()} {done.stderr.decode()}")
        return took

    def pods(self, count):
        return [self.node.new_pod("bench", f"{self.name}-{number}") for number in range(count)]

    def forget(self, pods):
        """Their links are gone before anything else is measured: nobody pays for another."""
        for pod in pods:
            self.node.forget_pod(pod)

        def gone():
            return not [name for name in self.node.net.links() if name.startswith(("veth", "weir"))]
        weir.wait_for(gone, f"links of {self.name} are gone")


def plugins(node):
    bridge = {"cniVersion": "1.0.0", "name": "bench", "type": "bridge", "bridge": "wbbr0",
              "ipam": {"type": "host-local", "dataDir": f"{node.dir}/ipam", "routes": [{"dst": "0.0.0.0/0"}],
                       "ranges": [[{"subnet": "10.88.0.0/16"}]]}}
    return (Plugin("weir", weir.PLUGIN, node.conf("1.0.0"), node),
            Plugin("bridge", f"{BRIDGE_DIR}/bridge", bridge, node))


def compare(name, mine, floor, most=(), **more):
    """most: milliseconds, of each share."""
    limits = [{"value_most": limit} for limit in most] or [{}] * len(SHARES)
    return [figure(f"{name}, {label}", quantile(mine, share), "ms", floor=quantile(floor, share),
                   floor_name="bridge, host-local", **limit, **more)
            for (share, label), limit in zip(SHARES, limits)]


def one_by_one(both, rounds, count):
    """ADD and DEL, plugin after plugin in each round, so that a drift of the machine hits both."""
    times = {(plugin.name, verb): [] for plugin in both for verb in ("ADD", "DEL")}
    for _ in range(rounds):
        for plugin in both:
            pods = plugin.pods(count)
            for verb in ("ADD", "DEL"):
                times[plugin.name, verb] += [plugin.call(verb, pod) for pod in pods]
            plugin.forget(pods)
    return [row for verb in ("ADD", "DEL")
            for row in compare(f"CNI {verb}", times["weir", verb], times["bridge", verb], ratio_most=0.5)]


def at_once(both, rounds):
    """So many ADDs at the same time as a node that starts has."""
    times = {plugin.name: [] for plugin in both}
    for _ in range(rounds):
        for plugin in both:
            pods = plugin.pods(AT_ONCE)
            with ThreadPoolExecutor(AT_ONCE, initializer=traffic.enter, initargs=(plugin.node.net,)) as pool:
                times[plugin.name] += pool.map(lambda pod, by=plugin: by.call("ADD", pod), pods)
            for pod in pods:
                plugin.call("DEL", pod)
            plugin.forget(pods)
    return compare(f"CNI ADD, {AT_ONCE} at once", times["weir"], times["bridge"])


def at_rate(plugin, count):
    """An ADD is due every hundredth of a second, whatever the others do; how long each takes from then on."""
    pods = plugin.pods(count)
    start = time.monotonic() + 0.1

    def one(item):
        number, pod = item
        due = start + number / PER_SECOND
        time.sleep(max(0, due - time.monotonic()))
        plugin.call("ADD", pod)
        return (time.monotonic() - due) * 1000

    with ThreadPoolExecutor(32, initializer=traffic.enter, initargs=(plugin.node.net,)) as pool:
        times = list(pool.map(one, enumerate(pods)))
    for pod in pods:
        plugin.call("DEL", pod)
    plugin.forget(pods)
    return times


def measure(quick):
    with weir.Node(uplink=False) as node:
        node.manifest("policy", POLICY)
        both = plugins(node)
        with traffic.inside(node.net):
            found = one_by_one(both, 1 if quick else 10, 2 if quick else 10)
            found += at_once(both, 1 if quick else 4)
            spread = [at_rate(plugin, 4 if quick else 200) for plugin in both]
    return found + compare(f"CNI ADD, {PER_SECOND} a second", *spread, most=RATE_MOST_MS)
