# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes cluster on this machine with weir in it, and the suites against it; see scripts/test-cluster."""

import argparse
import ipaddress
import re
import signal
import sys
import time

import builds
import control_plane
import cyclonus
import deploy
import images
import kube
import machine
import own
import policy_api
import report
import upstream
from node import KubeNode

FAMILIES = {"ipv4": (4,), "ipv6": (6,), "dual": (4, 6)}
SUITES = ("own", *upstream.SUITES, "policy-api", "cyclonus")
DEFAULT = ("own", "netpol", "services", "network")


class Cluster:
    """The running cluster, as the own tests see it."""

    weir = staticmethod(deploy.weir)
    kill_agent = staticmethod(deploy.kill_agent)
    agent_pids = staticmethod(deploy.agent_pids)

    def __init__(self, families, mode, count):
        self.families, self.mode = families, mode
        numbers = range(1, count + 1)
        self.control_plane = control_plane.ControlPlane(families, [f"node{number}" for number in numbers])
        self.nodes = [KubeNode(number, self.control_plane) for number in numbers]

    @staticmethod
    def contains(cidr, address):
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)

    def start(self):
        machine.make_bridge()
        self.control_plane.prepare()
        self.control_plane.start()
        say("the API server is ready")
        archives = images.make()
        for node in self.nodes:
            node.prepare(images.PAUSE)
            node.start_containerd(archives)
            node.start_kubelet()
        self.control_plane.start_dns()
        machine.wait_for(lambda: len(kube.items("nodes")) == len(self.nodes), "the nodes are known", 180)
        self._route_pods()
        say("the nodes are known; installing weir")
        deploy.install(self.control_plane, self.nodes, self.mode)

    def _route_pods(self):
        """This machine is the router that knows the pods of each node, for webhooks and the like."""
        def cidrs(node):
            return kube.get("node", node.name)["spec"]["podCIDRs"]
        for node in self.nodes:
            for cidr in machine.wait_for(lambda at=node: cidrs(at), "the node has pod CIDRs"):
                family = ipaddress.ip_network(cidr).version
                machine.run("ip", f"-{family}", "route", "add", cidr, "via", node.ips[family])


def say(text):
    print(f"==> {time.strftime('%H:%M:%S')} {text}", flush=True)


def _pattern(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/test-cluster")
    parser.add_argument("--only", choices=(*SUITES, "none"), action="append")
    parser.add_argument("--family", choices=FAMILIES, default="ipv4")
    parser.add_argument("--mode", choices=("native", "vxlan"), default="native")
    parser.add_argument("--nodes", type=int, choices=range(2, 10), default=2)
    parser.add_argument("--procs", type=int, default=4, help="specs of upstream at a time")
    parser.add_argument("--focus", type=_pattern, default="", metavar="REGEX")
    parser.add_argument("--time", type=int, default=360, metavar="MINUTES")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--remove", action="store_true")
    parser.add_argument("pytest", nargs="*", help="more arguments for pytest, after --")
    args = parser.parse_args(argv)
    args.only = args.only or list(DEFAULT)
    return args


def run_suites(cluster, args):
    results = []
    for suite in args.only:
        say(f"suite {suite}")
        if suite == "own":
            results += own.run(cluster, args.pytest)
        elif suite == "policy-api":
            results += policy_api.run(args.focus, args.time)
        elif suite == "cyclonus":
            results += cyclonus.run(args.time)
        elif suite != "none":
            results += upstream.run(cluster, suite, args.procs, args.focus, args.time)
    return report.print_table(results) if results else 0


def work(args):
    """Exit status."""
    builds.build(say, args.only)
    deploy.make_image(say)
    cluster = Cluster(FAMILIES[args.family], args.mode, args.nodes)
    cluster.start()
    say(f"{args.nodes} nodes are Ready, with weir ({args.family}, {args.mode})")
    failed = run_suites(cluster, args)
    if args.keep:
        say(f"it is left running: export KUBECONFIG={kube.KUBECONFIG}; scripts/test-cluster --remove ends it")
    return 1 if failed else 0


def main(argv):
    args = parse(argv)
    # An end by kill takes everything back like one by the keyboard.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    held = None
    try:
        held = machine.lock()
        machine.remove_all()
        if args.remove:
            return 0
        done = False
        try:
            status = work(args)
            done = True
            return status
        finally:
            if not (args.keep and done):
                machine.remove_all()
    except (machine.Failed, builds.BuildFailed, KeyboardInterrupt) as error:
        print(f"scripts/test-cluster: {error or 'interrupted'}", file=sys.stderr)
        return 2
    finally:
        if held:
            held.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
