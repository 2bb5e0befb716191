# SPDX-License-Identifier: Apache-2.0
"""A cluster under steady traffic while everything else changes; what must hold is looked at the whole time."""

import random
import time

from churn import Churn
from cluster import Cluster
from measure import grown, log_faults, measure
from steady import Steady
from weir import Failed, wait_for

# From what a node took when it was warm, so much more is allowed later: nothing but pages of the allocator.
GROWTH = 0.01
WARM_SHARE = 0.4  # of the time
REST_S = 60  # in which what has left the maps has left them
EVERY_S = 90  # from one look at what nodes take to the next
MEMORY_FROM_S = 300  # a shorter run is over before allocators are warm


class Soak:
    def __init__(self, cluster, seconds, seed, say):
        self.seconds, self.say = seconds, say
        self.cluster, self.steady = cluster, Steady(cluster)
        self.churn = Churn(cluster, self.steady, random.Random(seed))
        self.started = time.monotonic()
        self.bases, self.looks = [None] * len(cluster.nodes), 0

    @property
    def elapsed(self):
        return time.monotonic() - self.started

    def watch(self):
        """Raises Failed when something is wrong."""
        wrong = self.steady.faults()
        for node in self.cluster.nodes:
            wrong += [f"{node.name} has no agent"] if node.agent.poll() is not None else []
            wrong += [f"{node.name}: {line}" for line in log_faults(node)]
        if wrong:
            raise Failed(f"after {self.elapsed:.0f} s:\n" + "\n".join(wrong))

    def look(self):
        """What nodes take when nothing is left of what came: not more than when they were warm."""
        self.churn.undo()
        for number, node in enumerate(self.cluster.nodes):
            kept = node not in self.churn.mortal

            def rested(number=number, node=node, kept=kept):
                # Links come when the kernel has a quiet moment.
                if len(node.pod_pins()) != 2 * len(node.pod_links()):
                    return False
                now = self.figures(node, kept)
                return not self.bases[number] or self.elapsed < WARM_SHARE * self.seconds or \
                    not grown(self.bases[number], now, GROWTH)
            try:
                wait_for(rested, "nodes take what they took", REST_S, every_s=1)
            except Failed:
                raise Failed(f"{node.name} after {self.elapsed:.0f} s: "
                             f"{grown(self.bases[number], self.figures(node, kept), GROWTH)}") from None
            now = self.figures(node, kept)
            self.say(f"    {node.name}: {now}")
            if not self.bases[number] or self.elapsed < WARM_SHARE * self.seconds:
                before = self.bases[number] or now
                self.bases[number] = {what: max(before[what], now[what]) for what in now}
        self.looks += 1

    def figures(self, node, kept):
        """Memory only of an agent that has lived as long as the test."""
        found = measure(node)
        if not kept or self.seconds < MEMORY_FROM_S:
            del found["memory of the agent, KiB"]
        return found

    def run(self):
        """(messages answered, messages denied)."""
        self.look()
        self.started = looked = time.monotonic()
        while self.elapsed < self.seconds:
            self.churn.act()
            self.watch()
            if time.monotonic() > looked + EVERY_S:
                self.look()
                looked = time.monotonic()
                self.say(f"{self.elapsed:.0f} s: {dict(self.churn.done)}")
        self.look()
        self.watch()
        passed, denied, wrong = self.steady.end()
        if wrong:
            raise Failed("\n".join(wrong))
        return passed, denied


def soak(seconds, nodes=2, seed=1, say=print):
    """One whole run; Failed says what is wrong. A line of text says what was done."""
    with Cluster(nodes) as cluster:
        running = Soak(cluster, seconds, seed, say)
        try:
            passed, denied = running.run()
        finally:
            running.steady.close()
        return f"{running.elapsed:.0f} s, {nodes} nodes, seed {seed}: {passed} messages answered, none lost; " \
               f"{denied} denied, none passed; {running.looks} looks; {dict(running.churn.done)}"
