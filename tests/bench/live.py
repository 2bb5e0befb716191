# SPDX-License-Identifier: Apache-2.0
"""Real traffic from pod to pod, weir beside plain routing: frames and TCP."""

import contextlib
import functools
import json
import subprocess

import node_pairs
import pairs
import weir


def figures_of(program, *args, **more):
    """What a benchmark program has to say; it is silent while it runs."""
    path = f"{weir.BUILD}/tests/bench/{program}"
    done = subprocess.run([path, *args], check=False, stdout=subprocess.PIPE, text=True, **more)
    if done.returncode:
        raise weir.Failed(f"{program}: exit {done.returncode}")
    return json.loads(done.stdout)


def between(program, ways, quick):
    """The program's figures for these ways, which are pairs that close afterwards."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(way()) for way in ways]
        before = pairs.drops(opened[0])
        found = figures_of(program, *(["--quick"] if quick else []), input=json.dumps([way.describe() for way in opened]))
        refused = {reason: count for reason, count in pairs.drops(opened[0]).items()
                   if reason != "MULTICAST" and count != before.get(reason, 0)}
    # What is refused costs less: it would make the figures better. No flow is to a group, but links that
    # are new look for routers and neighbours.
    if refused:
        raise weir.Failed(f"{program}: weir refused packets: {refused}")
    return found


def frames(quick):
    return between("bench-frames", (pairs.WeirPair, pairs.PlainPair, pairs.MinimalPair), quick)


def stream(quick):
    return between("bench-stream", (pairs.WeirPair, pairs.PlainPair), quick)


def nodes(quick):
    """From a pod of one node to one of another."""
    found = []
    for mode in node_pairs.MODES:
        ways = [functools.partial(kind, mode) for kind in (node_pairs.WeirNodes, node_pairs.KernelNodes)]
        found += [{**made, "name": f"{mode}: {made['name']}"} for made in between("bench-stream", ways, quick)]
    return found
