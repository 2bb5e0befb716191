#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The story that scripts/demo tells; see there."""

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from demolib import matrix, policy, runtime  # noqa: E402
from demolib.node import (Failed, NODE_ADDRESSES, Node, addresses_in, in_netns, remove,  # noqa: E402
                          run)

# Every pod also serves two ports that no policy and no Pod object mentions.
UNDECLARED = [("TCP", 22), ("UDP", 7)]
# Hosts outside: the payment provider, and a host in the network that the policies except.
OUTSIDE = {
    "customer": ("198.51.100.10", "2001:db8:51::10"),
    "bad-net": ("198.51.100.70", "2001:db8:51:bad::10"),
}
OUTSIDE_PORTS = [("TCP", 443), ("TCP", 22), ("UDP", 7)]
NODE_PORTS = [("TCP", 10250), ("UDP", 7)]
IN_FORCE_SECONDS = 10
CHANGE_TIMEOUT_MS = 20  # of one attempt while waiting for it


class Demo:
    def __init__(self, args):
        self.args = args
        self.started = time.monotonic()
        self.node = Node(args.name, args.build, f"/run/{args.name}")
        self.runtime = None
        self.parties = {}
        self.served = {}

    def say(self, text):
        try:
            print(f"[{time.monotonic() - self.started:5.1f} s] {text}", flush=True)
        except BrokenPipeError:
            # Nobody listens any more; what was made must be removed all the same.
            sys.stdout = open(os.devnull, "w", encoding="ascii")

    def command_of(self, name):
        kind = self.parties[name].kind
        if kind == "pod":
            return self.runtime.enter(name)
        return in_netns(self.node.netns if kind == "node" else self.node.outside)

    # --- setting up

    def make_node(self):
        self.say("a node of its own: network namespaces for the node and for the outside")
        self.node.make_namespaces(OUTSIDE.values())
        self.say(f"weir-agent starts with the manifests of {self.args.examples}/shop")
        self.node.start_agent(f"{self.args.examples}/shop")
        self.say("the agent is ready")

    def start_pods(self, cluster):
        namespaces = sorted(cluster.namespaces)
        self.runtime = runtime.choose(self.node, namespaces, self.args.runtime, self.say)
        self.say(f"{len(cluster.pods)} pods in {len(namespaces)} namespaces start through "
                 f"{self.runtime.name} and weir-cni")
        self.served = {pod.name: sorted({(p.protocol, p.number) for p in pod.ports} |
                                        set(UNDECLARED)) for pod in cluster.pods}
        runtime.start_all(self.runtime, cluster.pods, self.served, self.count_pods)
        for pod in cluster.pods:
            self.parties[pod.name] = pod
            pod.addresses = addresses_in(self.runtime.enter(pod.name))
            if set(pod.addresses) != set(matrix.FAMILIES):
                raise Failed(f"pod {pod.name} has no address of each family: {pod.addresses}")

    def count_pods(self, count):
        if count % 4 == 0:
            self.say(f"    {count} pods run")

    def add_others(self):
        """The ends of connections that are no pods."""
        self.parties["node"] = policy.Party("node", "node", addresses=NODE_ADDRESSES)
        self.served["node"] = NODE_PORTS
        self.node.serve(self.node.netns, "node", ["tcp:10250", "udp:7"])
        for name, (v4, v6) in OUTSIDE.items():
            self.parties[name] = policy.Party(name, "outside", addresses={4: v4, 6: v6})
            self.served[name] = OUTSIDE_PORTS

    def serve_outside(self):
        """One server for both hosts cannot answer two names: each binds its own addresses."""
        for name, addresses in OUTSIDE.items():
            ports = [f"{protocol.lower()}:{number}" for protocol, number in OUTSIDE_PORTS]
            self.node.serve(self.node.outside, name, ports, addresses)

    def show_status(self):
        for words in (["status"], ["endpoint", "list"]):
            command = self.node.weir_command(*words)
            self.say(f"weir {' '.join(words)}")
            process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     text=True)
            for line in process.stdout.splitlines():
                print(f"    {line}")

    # --- the matrix

    def everybody(self):
        return list(self.parties.values())

    def wanted(self):
        return matrix.probes(self.everybody(), self.everybody(), self.served)

    def measure(self, probes, timeout_ms=matrix.TIMEOUT_MS):
        return matrix.measure(probes, self.parties, self.command_of,
                              f"{self.node.build}/tests/probe/weir-probe", timeout_ms)

    def wait_for_servers(self):
        """The node may always reach its pods: once all answer it, the matrix means something."""
        wanted = matrix.probes([self.parties["node"]], self.everybody(), self.served)
        deadline = time.monotonic() + 15
        while True:
            silent = [probe for probe, open_ in self.measure(wanted).items() if not open_]
            if not silent:
                return
            if time.monotonic() > deadline:
                raise Failed("the node does not reach everybody: " + "; ".join(
                    matrix.describe(probe, self.parties) for probe in silent[:10]))

    def compare(self, cluster, title):
        wanted = self.wanted()
        self.say(f"{title}: {len(wanted)} probes of {len(self.parties)} parties, "
                 "TCP, UDP and ICMP, IPv4 and IPv6")
        measured = self.measure(wanted)
        expected = matrix.expected(cluster, self.parties, wanted)
        return measured, expected

    def judge(self, measured, expected):
        """The verdict in one line; True when they agree."""
        wrong = matrix.differences(measured, expected)
        for probe in wrong[:40]:
            print(f"    DIFFERS: {matrix.describe(probe, self.parties)}: "
                  f"{'reached' if measured[probe] else 'did not arrive'}, the policies "
                  f"{'allow' if expected[probe] else 'deny'} it")
        opened = sum(measured.values())
        if wrong:
            self.say(f"{len(wrong)} of {len(measured)} probes differ from what the policies say")
        else:
            self.say(f"measured and policies agree: {opened} connections allowed, "
                     f"{len(measured) - opened} denied, {len(measured)} as they should be")
        return not wrong

    # --- the change

    def change_and_wait(self, path, allowed):
        """Exchanges the file, probes what it newly allows until that works; milliseconds."""
        start = time.monotonic()
        self.node.replace_manifest(path)
        while time.monotonic() - start < IN_FORCE_SECONDS:
            if self.measure([allowed], CHANGE_TIMEOUT_MS)[allowed]:
                return (time.monotonic() - start) * 1000
        raise Failed(f"the changed policy was not in force after {IN_FORCE_SECONDS} seconds: "
                     + matrix.describe(allowed, self.parties))

    def change_policy(self, before):
        path = f"{self.args.examples}/shop-change/50-backup-policy.yaml"
        self.say("a policy changes while everything runs: the backup loses the database, the log "
                 "host gets it")
        diff = run("diff", "-U0", f"{self.args.examples}/shop/50-backup-policy.yaml", path,
                   check=False)
        for line in diff.stdout.splitlines()[2:]:
            if not line.startswith(("@@", "+#", "-#")):
                print(f"    {line}")
        cluster = policy.load(self.node.manifests, instead=path)
        expected = matrix.expected(cluster, self.parties, before)
        allowed = next(probe for probe in before if expected[probe] and not before[probe])
        took = self.change_and_wait(path, allowed)
        self.say(f"in force after at most {took:.0f} ms")
        measured, expected = self.compare(cluster, "the same matrix again")
        moved = [probe for probe in before if before[probe] != measured[probe]]
        print("    What changed (all other cells are what they were):")
        for probe in moved:
            print(f"      {'now allowed' if measured[probe] else 'now denied '}  "
                  f"{matrix.describe(probe, self.parties)}")
        return self.judge(measured, expected)

    # --- the whole

    def tell(self):
        cluster = policy.load(f"{self.args.examples}/shop")
        self.make_node()
        self.start_pods(cluster)
        self.add_others()
        self.serve_outside()
        self.wait_for_servers()
        self.show_status()
        measured, expected = self.compare(cluster, "who reaches whom")
        matrix.show(measured, expected, self.everybody(), self.everybody())
        print()
        agreed = self.judge(measured, expected)
        return self.change_policy(measured) and agreed

    def explain(self):
        weir = shlex.join(self.node.weir_command())
        name = "" if self.args.name == "weir-demo" else f" --name {self.args.name}"
        front, catalog, queue = (self.parties.get(pod) for pod in ("front", "catalog", "queue"))
        print(f"\nIt keeps running. What the agent knows:\n    {weir} status\n"
              f"    {weir} policy get shop/checkout\n    {weir} conntrack list")
        if front and catalog and queue and queue.addresses:
            probe = self.runtime.hint(front.name)
            print("What the policies allow, and what they do not:\n"
                  f"    {probe} try tcp {catalog.addresses[4]} 8081 1000\n"
                  f"    {probe} try tcp {queue.addresses[6]} 9000 1000")
        print(f"Policies: edit the files in {self.node.manifests}\n"
              f"Log:      {self.node.dir}/agent.log\n"
              f"Remove:   sudo scripts/demo --remove{name}")

    def clean_up(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.say("everything is removed again")
        if self.runtime is None:
            self.runtime = runtime.Podman(self.node)
        self.runtime.stop()
        problems = remove(self.node)
        for problem in problems:
            self.say(f"left behind: {problem}")
        return not problems


def parse_args():
    parser = argparse.ArgumentParser(
        prog="scripts/demo", usage="scripts/demo [--keep | --remove] [--runtime podman|plain] "
                                   "[--name NAME]")
    parser.add_argument("--build", required=True)
    parser.add_argument("--examples", required=True)
    parser.add_argument("--check-only", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--remove", action="store_true")
    parser.add_argument("--runtime", choices=("podman", "plain"), default="")
    parser.add_argument("--name", default="weir-demo")
    args = parser.parse_args()
    if not args.name.replace("-", "").isalnum() or len(args.name) > 32:
        parser.error("--name: letters, digits and dashes, at most 32")
    return args


def lock(name):
    """One demonstration of a name at a time: a name in the kernel, which dies with its process."""
    held = socket.socket(socket.AF_UNIX)
    try:
        held.bind(f"\0weir-demo/{name}")
    except OSError:
        sys.exit(f"scripts/demo: another one with the name {name} is running; use --name")
    return held


def clear_away(demo, only):
    """What an earlier run has left; with @only that was all there is to do."""
    clean = demo.clean_up()
    if only or not clean:
        sys.exit(0 if clean else 1)


def main():
    args = parse_args()
    if args.check_only:
        return
    held = lock(args.name)
    demo = Demo(args)
    if os.path.exists(demo.node.dir) or args.remove:
        clear_away(demo, args.remove)
        demo = Demo(args)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    os.makedirs(demo.node.dir, mode=0o700)
    good = False
    try:
        good = demo.tell()
    except (Failed, matrix.WrongAnswer) as error:
        demo.say(f"FAILED: {error}")
        print(demo.node.agent_log(), end="")
    except KeyboardInterrupt:
        demo.say("interrupted")
    finally:
        if args.keep and demo.runtime:
            demo.explain()
        else:
            good = demo.clean_up() and good
    demo.say("done" if good else "it did not go as it should")
    held.close()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
