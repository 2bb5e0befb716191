# SPDX-License-Identifier: Apache-2.0
"""What changes all the time: pods, policies, services and agents, by chance. Everything can be taken back."""

import collections
import signal
import socket
import time

from flows import Echo
from services import service
from traffic import make, policy, rule
from weir import Failed, family_of, wait_for

from cluster import pod_ips
from steady import PORTS, SERVER, named, slices

PLACES = range(100, 104)  # of each node: addresses that are used again and again
SERVICES = POLICIES = 6
DRAIN_S = 1.5
PATIENCE_S, DENIED_S = 60, 0.3
APPS = ("client", "stranger", "web")


def echoes(pod, kind, address, timeout):
    """Does the server at the address answer the pod?"""
    with make(kind, pod, family=family_of(address), timeout=timeout) as sock:
        try:
            sock.connect((address, 80))
            sock.send(b"?")
            return sock.recv(1) == b"?"
        except TimeoutError:
            return False


class Churn:
    """Actions on a Cluster with Steady pods. kept: how many nodes at the end keep their agent the whole time."""

    def __init__(self, cluster, steady, chance, kept=1):
        self.cluster, self.steady, self.random = cluster, steady, chance
        self.mortal = cluster.nodes[:len(cluster.nodes) - kept]
        self.pods = {}  # (node, place) -> (pod, app, echo)
        self.done = collections.Counter()
        self.actions = {self.pod_comes: 6, self.pod_goes: 5, self.policy_changes: 4, self.service_changes: 4,
                        self.restarts: 1, self.dies: 1, self.dies_meanwhile: 2}

    def act(self):
        """One of them; its name."""
        action = self.random.choices(list(self.actions), list(self.actions.values()))[0]
        action()
        self.done[action.__name__] += 1
        return action.__name__

    # Pods

    def pod_comes(self):
        free = [(number, place) for number in range(len(self.cluster.nodes)) for place in PLACES
                if (number, place) not in self.pods]
        if not free:
            return
        number, place = self.random.choice(free)
        app = self.random.choice(APPS)
        pod = self.cluster.add_pod(number, f"churn-{number}-{place}", place, {"app": app})
        self.pods[number, place] = pod, app, Echo(pod, *PORTS) if app == "web" else None
        self.check(pod, app)
        if app == "web":
            self.move()

    def check(self, pod, app):
        """Whoever had its address before, this pod has its own policy."""
        other = self.random.randrange(len(self.cluster.nodes))
        timeout = PATIENCE_S if app == "client" else DENIED_S
        found = {(kind.name, ip): echoes(pod, kind, ip, timeout) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
                 for ip in pod_ips(other, SERVER)}
        if set(found.values()) != {app == "client"}:
            raise Failed(f"{pod.pod} is a {app}; does the server of node {other} answer it? {found}")

    def move(self, leaving=()):
        """Behind the service `moving` are all pods that are `web`; those that leave serve on while they terminate."""
        self.steady.move([(ip, pod.node, {"ready": key not in leaving, "serving": True, "terminating": key in leaving})
                          for key, (pod, app, _) in self.pods.items() if app == "web" for ip in pod.ips])

    def pod_goes(self):
        if self.pods:
            self.take(self.random.choice(list(self.pods)))

    def take(self, key):
        """As a cluster does it: terminating, then out of the slices, then the end."""
        pod, app, echo = self.pods[key]
        if app == "web":
            self.move(leaving=(key,))
            time.sleep(DRAIN_S)
        del self.pods[key]
        if app == "web":
            self.move()
            time.sleep(DRAIN_S)
            wait_for(lambda: not self.connections(pod), f"connections to {pod.pod} end", PATIENCE_S)
            echo.end()
        self.cluster.del_pod(pod)

    @staticmethod
    def connections(pod):
        """Those that somebody still talks by."""
        return [line for line in pod.exec("ss", "-Htn").splitlines() if not line.startswith("TIME-WAIT")]

    # Policies and services

    def any_policy(self, name):
        """Of servers only what they allow already."""
        if self.random.random() < 0.5:
            return policy("soak", name, {"app": "server"}, ingress=[rule("from", labels={"app": "client"})])
        net = self.random.randrange(256)
        return policy("soak", name, {"app": self.random.choice(("web", "stranger"))}, ingress=[
            rule("from", labels={"app": "client"}),
            rule("from", cidrs=(f"10.{net}.0.0/16", f"fd00:{net:x}::/32"), ports=(f"tcp:{1 + net}",))])

    def policy_changes(self):
        name = f"churn-policy-{self.random.randrange(POLICIES)}"
        if self.cluster.has(name) and self.random.random() < 0.5:
            self.cluster.remove(name)
        else:
            self.cluster.put(name, self.any_policy(name))

    def service_changes(self):
        number = self.random.randrange(SERVICES)
        name = f"other-{number}"
        if self.cluster.has(name) and self.random.random() < 0.4:
            self.cluster.remove(name)
            return
        vips = f"10.96.1.{1 + number}", f"fd00:96::1:{1 + number:x}"
        made = service(f"soak/{name}", *named(*PORTS), vips=vips, type=self.random.choice(("ClusterIP", "NodePort")),
                       sessionAffinity=self.random.choice(("None", "ClientIP")))
        for port in made["spec"]["ports"] if made["spec"]["type"] == "NodePort" else ():
            port["nodePort"] = 31000 + 10 * number + (port["name"] == "udp")
        behind = [each for each in self.steady.endpoints if self.random.random() < 0.6]
        self.cluster.put(name, made, *slices(f"soak/{name}", behind))

    # Agents

    def some_node(self):
        return self.random.choice(self.mortal)

    def restarts(self):
        self.some_node().restart()

    def dies(self):
        self.some_node().restart(signal.SIGKILL)

    def dies_meanwhile(self):
        """The world goes on without an agent."""
        node = self.some_node()
        node.kill9()
        for _ in range(self.random.randrange(1, 4)):
            self.random.choice((self.policy_changes, self.service_changes))()
        node.start()
        node.settle()

    # Back to the beginning

    def undo(self):
        for key in list(self.pods):
            self.take(key)
        names = [f"churn-policy-{n}" for n in range(POLICIES)] + [f"other-{n}" for n in range(SERVICES)]
        for name in filter(self.cluster.has, names):
            self.cluster.remove(name)
        self.move()
