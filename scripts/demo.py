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
from demolib import matrix, policy, removal, runtime, services  # noqa: E402
from demolib.node import (Failed, NODE_ADDRESSES, NODE_NAME, Node,  # noqa: E402
                          addresses_in, remove, run)
from demolib.reach import Reach  # noqa: E402

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
# Who asks whom while who is taken away.
REMOVAL = ("front", "shop/catalog", "catalog-3")


class Demo:
    def __init__(self, args):
        self.args = args
        self.started = time.monotonic()
        self.node = Node(args.name, args.build, f"/run/{args.name}")
        self.reach = Reach(self.node, self.say)
        self.slices = None

    def say(self, text):
        try:
            print(f"[{time.monotonic() - self.started:5.1f} s] {text}", flush=True)
        except BrokenPipeError:
            # Nobody listens any more; what was made must be removed all the same.
            sys.stdout = open(os.devnull, "w", encoding="ascii")

    # --- setting up

    def make_node(self):
        self.say("a node of its own: network namespaces for the node and for the outside")
        self.node.make_namespaces(OUTSIDE.values())
        self.say(f"weir-agent starts with the manifests of {self.args.examples}/shop")
        self.node.start_agent(f"{self.args.examples}/shop")
        self.say("the agent is ready")

    def start_pods(self, cluster):
        namespaces = sorted(cluster.namespaces)
        pods, reach = cluster.pods, self.reach
        reach.runtime = runtime.choose(self.node, namespaces, self.args.runtime, self.say)
        self.say(f"{len(pods)} pods in {len(namespaces)} namespaces start through "
                 f"{reach.runtime.name} and weir-cni")
        for pod in pods:
            reach.add(pod, sorted({(p.protocol, p.number) for p in pod.ports} | set(UNDECLARED)))
        runtime.start_all(reach.runtime, pods, reach.served, self.count_pods)
        for pod in pods:
            pod.addresses = addresses_in(reach.runtime.enter(pod.name))
            if set(pod.addresses) != set(matrix.FAMILIES):
                raise Failed(f"pod {pod.name} has no address of each family: {pod.addresses}")

    def count_pods(self, count):
        if count % 4 == 0:
            self.say(f"    {count} pods run")

    def add_others(self):
        """The ends of connections that are no pods; each a server, for it answers one name."""
        self.reach.add(policy.Party("node", "node", addresses=NODE_ADDRESSES), NODE_PORTS)
        self.node.serve(self.node.netns, "node", ["tcp:10250", "udp:7"])
        for name, (v4, v6) in OUTSIDE.items():
            self.reach.add(policy.Party(name, "outside", addresses={4: v4, 6: v6}), OUTSIDE_PORTS)
            ports = [f"{protocol.lower()}:{number}" for protocol, number in OUTSIDE_PORTS]
            self.node.serve(self.node.outside, name, ports, (v4, v6))

    def write_slices(self, cluster):
        """What the cluster's EndpointSlice controller would do, now that pods have addresses."""
        self.slices = services.SliceWriter(self.node, cluster.services, cluster.pods, NODE_NAME)
        took = self.slices.write()
        self.say(f"no cluster is here to write EndpointSlices, so the demonstration does: "
                 f"{len(self.slices.slices())} of them, in force after at most {took:.0f} ms")
        for service in cluster.services:
            self.add_service(service, cluster.pods)

    def add_service(self, service, pods):
        if not services.addresses_of(service):
            return
        own = services.choices(service, "port", pods)
        self.reach.add(services.party(service), list(own), own)
        doors = services.choices(service, "nodePort", pods)
        if doors:
            self.reach.add(policy.Party(f"{service['metadata']['name']}'s door", "door",
                                        addresses=NODE_ADDRESSES), list(doors), doors)

    def show(self, *words):
        process = subprocess.run(self.node.weir_command(*words), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
        self.say(f"weir {' '.join(words)}")
        for line in process.stdout.splitlines():
            print(f"    {line}")

    # --- the change

    def change_and_wait(self, path, allowed):
        """Exchanges the file, probes what it newly allows until that works; milliseconds."""
        start = time.monotonic()
        self.node.replace_manifest(path)
        while time.monotonic() - start < IN_FORCE_SECONDS:
            if self.reach.measure([allowed], CHANGE_TIMEOUT_MS)[allowed]:
                return (time.monotonic() - start) * 1000
        raise Failed(f"the changed policy was not in force after {IN_FORCE_SECONDS} seconds: "
                     + matrix.describe(allowed, self.reach.parties))

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
        expected = self.reach.expected(cluster, before)
        allowed = next(probe for probe in before
                       if matrix.is_open(expected[probe]) and not before[probe])
        took = self.change_and_wait(path, allowed)
        self.say(f"in force after at most {took:.0f} ms")
        measured, expected = self.reach.compare(cluster, "the same once more")
        print("    What changed (all other cells are what they were):")
        for probe in matrix.moved(before, measured, expected):
            print(f"      {'now allowed' if measured[probe] else 'now denied '}  "
                  f"{matrix.describe(probe, self.reach.parties)}")
        return self.reach.judge(measured, expected)

    # --- a backend goes

    def take_away(self):
        source, service, pod = (self.reach.parties[name] for name in REMOVAL)
        self.say(f"one of {service.name}'s pods is taken away, while {source.name} opens "
                 "connections to the Service all the time")
        return removal.tell(self.reach, self.slices, source, service, pod, self.say)

    # --- the whole

    def tell(self):
        cluster = policy.load(f"{self.args.examples}/shop")
        self.make_node()
        self.start_pods(cluster)
        self.add_others()
        self.reach.wait_for_servers()
        self.write_slices(cluster)
        for words in (("status",), ("endpoint", "list"), ("service", "list")):
            self.show(*words)
        measured, expected = self.reach.compare(cluster, "who reaches whom")
        self.reach.show(measured, expected)
        print()
        self.reach.tell_doors(measured)
        agreed = self.reach.judge(measured, expected)
        agreed = self.change_policy(measured) and agreed
        return self.take_away() and agreed

    def explain(self):
        weir = shlex.join(self.node.weir_command())
        name = "" if self.args.name == "weir-demo" else f" --name {self.args.name}"
        parties = self.reach.parties
        print(f"\nIt keeps running. What the agent knows:\n    {weir} status\n"
              f"    {weir} policy get shop/checkout\n    {weir} service get shop/catalog\n"
              f"    {weir} conntrack list")
        if "shop/catalog" in parties:
            probe = self.reach.runtime.hint("front")
            print("What the policies allow, and what they do not:\n"
                  f"    {probe} try tcp {parties['shop/catalog'].addresses[4]} 80 1000\n"
                  f"    {probe} try tcp {parties['queue'].addresses[6]} 9000 1000\n"
                  f"Endpoints: {self.slices.path}; nobody else writes them now")
        print(f"Policies:  edit the files in {self.node.manifests}\n"
              f"Log:       {self.node.dir}/agent.log\n"
              f"Remove:    sudo scripts/demo --remove{name}")

    def clean_up(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.say("everything is removed again")
        if self.reach.runtime is None:
            self.reach.runtime = runtime.Podman(self.node)
        self.reach.runtime.stop()
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
    except Failed as error:
        demo.say(f"FAILED: {error}")
        print(demo.node.agent_log(), end="")
    except KeyboardInterrupt:
        demo.say("interrupted")
    finally:
        if args.keep and demo.reach.runtime:
            demo.explain()
        else:
            good = demo.clean_up() and good
    demo.say("done" if good else "it did not go as it should")
    held.close()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
