# SPDX-License-Identifier: Apache-2.0
"""What changes in a large cluster all the time: pods come and go, their Services follow, nodes say that they live.

A pod's life is six events, as its scheduler, kubelet and owner make them; with each that begins an older one
ends. Each touches the EndpointSlice of a Service twice.
"""

import asyncio
import collections
import time

import flood_world
import memory

TICK_S = 0.01
ALIVE = 200  # pods that have come and are not gone yet
HEARTBEAT_S = 300  # each node says so often how it is


class Churn:
    """api: put(), delete() and tell() of the server."""

    def __init__(self, api, size):
        self.api, self.size = api, size
        self.rate = 0
        self.born = self.due = self.beats = 0
        self.alive = collections.deque()

    async def run(self):
        """As many as are due, every tick: a server that is late catches up."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            self.due += self.rate * (now - last)
            self.beats += self.size.nodes / HEARTBEAT_S * (now - last) if self.rate else 0
            last = now
            while self.due >= 1:
                self.due -= 1
                self.turn()
            while self.beats >= 1:
                self.beats -= 1
                self.heartbeat()

    async def set_rate(self, rate):
        """0: also what is left is gone, and the cluster is as it was."""
        self.rate = rate
        if rate:
            return
        self.due = 0
        while self.alive:
            self.end(*self.alive.popleft())
            await asyncio.sleep(0)

    def turn(self):
        self.alive.append(self.begin(self.born))
        self.born += 1
        if len(self.alive) > ALIVE:
            self.end(*self.alive.popleft())

    def place(self, number):
        """Namespace, name, labels, node and addresses: near other pods, and never those of another one."""
        like = memory.pod(number * 7919 % self.size.pods, None)["metadata"]
        node = number * 104729 % self.size.nodes
        ips = [f"10.{flood_world.CHURN_SECOND_OCTET + (number >> 16 & 63)}.{number >> 8 & 255}.{number & 255}",
               f"fd00:99:0:{node:x}::c:{number & 0xffff:x}"]
        return like["namespace"], f"churn-{number:06}", like["labels"], flood_world.node_name(node), ips

    def begin(self, number):
        namespace, name, labels, node, ips = self.place(number)
        self.api.put("pods", flood_world.pod_named(namespace, name, labels, "", []))
        self.api.put("pods", flood_world.pod_named(namespace, name, labels, node, []))
        item = flood_world.pod_named(namespace, name, labels, node, ips)
        self.api.put("pods", item)
        self.touch_slice(number, 1)
        return number, item

    def end(self, number, item):
        item["metadata"]["deletionTimestamp"] = flood_world.WHEN
        self.api.put("pods", item)
        item["status"]["phase"] = "Succeeded"
        self.api.put("pods", item)
        self.touch_slice(number, 0)
        self.api.delete("pods", item)

    def touch_slice(self, number, more):
        """An endpoint more or less than the Service has by itself; its own slice, which is on a page, stays the same one."""
        if not self.size.services:
            return
        at = number % self.size.services
        _, _, behind = flood_world.service_place(at, self.size)
        pods = [*behind, (behind[0] + 50) % self.size.pods][:len(behind) + more]
        self.api.tell("MODIFIED", "endpointslices", flood_world.endpoint_slice(at, self.size, pods))

    def heartbeat(self):
        number = int(time.monotonic() * 1000) % self.size.nodes
        self.api.tell("MODIFIED", "nodes", flood_world.node(number))
