# SPDX-License-Identifier: Apache-2.0
"""Pods come and go while plugin and agent are killed: in the end nothing of them is left."""

import concurrent.futures
import itertools
import json
import queue
import random
import signal
import socket
import threading
import time

import pytest

import weir
from kernel import differences, traces
from traffic import inside, policy, rule, udp

CYCLES = 1000
WORKERS = 4
PLACES = 24
KILLED_PLUGINS = 0.15  # share of the calls
CALL_S = 0.015  # how long a call takes, at which moments a plugin is killed
AGENT_LIVES_S = (0.3, 1.5)


class Churn:
    """Places for pods, and the calls of a runtime that does not give up."""

    def __init__(self, node):
        self.node, self.lock = node, threading.Lock()
        self.numbers, self.places = itertools.count(), queue.Queue()
        self.addresses, self.added, self.killed, self.refused = set(), 0, 0, set()
        for _ in range(PLACES):
            self.places.put(node.new_pod("churn", "pod"))
        # The places stay over all cycles: they are no pods of the node.
        self.namespaces, node.pods = node.pods, []

    def close(self):
        for place in self.namespaces:
            place.close()

    def call(self, env, conf, may_die):
        """The plugin's answer; None: it was killed or it refused."""
        plugin = self.node.cni_popen(env)
        timer = threading.Timer(random.uniform(0, CALL_S), plugin.send_signal, (signal.SIGKILL,))
        dies = may_die and random.random() < KILLED_PLUGINS
        with plugin:
            if dies:
                timer.start()
            out, _ = plugin.communicate(json.dumps(conf), timeout=60)
            timer.cancel()
        if plugin.returncode:
            with self.lock:
                killed = plugin.returncode == -signal.SIGKILL
                self.killed += killed
                self.refused.add("killed" if killed else json.loads(out)["code"])
            return None
        return json.loads(out) if out else {}

    def cycle(self):
        number, place = next(self.numbers), self.places.get()
        env = {**place.env("ADD"), "CNI_CONTAINERID": f"c{number}"}
        ports = [{"hostPort": 20000 + number, "containerPort": 80, "protocol": "tcp"}] if number % 8 == 0 else []
        conf = self.node.conf(**({"runtimeConfig": {"portMappings": ports}} if ports else {}))
        result = self.call(env, conf, True)
        if result:
            self.live(place, [ip["address"].split("/")[0] for ip in result["ips"]])
        # A runtime asks until it is heard; sometimes the namespace is not there any more.
        env.update(CNI_COMMAND="DEL", CNI_NETNS="" if number % 3 == 0 else place.path)
        weir.wait_for(lambda: self.call(env, conf, True) is not None, f"DEL of c{number}", 60)
        weir.wait_for(lambda: self.only_lo(place), f"the link of c{number} goes", 60)
        self.places.put(place)

    def live(self, place, ips):
        with self.lock:
            assert not self.addresses & set(ips), "an address was given twice"
            self.addresses |= set(ips)
            self.added += 1
            others = list(self.addresses)
        for ip in ips:
            with udp(place, family=weir.family_of(ip)) as sock:
                for other in others:
                    if weir.family_of(other) == weir.family_of(ip):
                        sock.sendto(b"x", (other, 9))
        with self.lock:
            self.addresses -= set(ips)

    @staticmethod
    def only_lo(place):
        with inside(place):
            return [name for _, name in socket.if_nameindex()] == ["lo"]


@pytest.fixture
def churn(node):
    node.manifest("policy", policy("churn", "own", {}, ingress=[rule("from", labels={})], egress=[{}]))
    made = Churn(node)
    yield made
    made.close()


def kill_agent(node, over):
    """Kills the agent again and again; how often."""
    kills = 0
    while not over.wait(random.uniform(*AGENT_LIVES_S)):
        node.kill9()
        node.start()
        kills += 1
    return kills


def test_a_thousand_pods_and_random_kills_leave_nothing(node, churn):
    before = traces(node)
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(WORKERS + 1) as pool:
        killer = pool.submit(kill_agent, node, over)
        try:
            for cycle in [pool.submit(churn.cycle) for _ in range(CYCLES)]:
                cycle.result()
        finally:
            over.set()
        kills = killer.result()
    print(f"{churn.added} pods were up; {churn.killed} plugins and {kills} agents were killed")
    assert churn.killed >= CYCLES * KILLED_PLUGINS / 4 and kills >= 5 and churn.added >= CYCLES / 2
    assert churn.refused <= {"killed", 5, 11}, "plugins refuse for no other reason than the agent's death"
    try:
        weir.wait_for(lambda: not differences(before, traces(node)), "all traces go", 30, every_s=0.5)
    except weir.Failed:
        assert not differences(before, traces(node))
    assert "drift in" not in node.log_text(), "what agents write themselves is no drift"


def test_sixteen_at_once(node):
    before = traces(node)
    pods = [node.new_pod("default", f"pod-{number}") for number in range(16)]

    def add(pod):
        pod.conf = node.conf()
        pod.result = node.cni(pod.env("ADD"), pod.conf)
        return pod.ips
    with concurrent.futures.ThreadPoolExecutor(len(pods)) as pool:
        given = [ip for ips in pool.map(add, pods) for ip in ips]
        assert len(set(given)) == 2 * len(pods)
        for pod in pods:
            node.check_pod(pod)
        list(pool.map(lambda pod: node.del_pod(pod, keep=True), pods))
    weir.wait_for(lambda: not differences(before, traces(node)), "all traces go", every_s=0.5)


def test_pods_that_end_without_an_agent_are_forgotten_by_the_next(node):
    before = traces(node)
    ports = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]
    pods = [node.add_pod("default", f"pod-{number}", runtime={"portMappings": ports} if not number else None)
            for number in range(4)]
    node.kill9()
    node.del_pod(pods[0])
    node.del_pod(pods[1], CNI_NETNS="")
    node.forget_pod(pods[2])  # no DEL at all
    weir.wait_for(lambda: len(node.pod_links()) == 1, "the links of three pods go")
    node.start()
    assert set(node.endpoints()) == {"default/pod-3"}
    node.check_pod(pods[3])
    node.del_pod(pods[3])
    weir.wait_for(lambda: not differences(before, traces(node)), "all traces go", every_s=0.5)


def test_a_pod_that_is_back_is_not_ended_by_the_note_of_its_first_end(node):
    pod = node.add_pod("default", "again")
    node.agent.send_signal(signal.SIGSTOP)
    # The agent is there and does not answer: the plugin leaves its note and goes.
    node.del_pod(pod, keep=True)
    node.agent.send_signal(signal.SIGCONT)
    weir.wait_for(lambda: Churn.only_lo(pod), "its link goes")
    pod.result = node.cni(pod.env("ADD"), pod.conf)
    until = time.monotonic() + 5  # twice the time in which notes are looked for
    while time.monotonic() < until:
        node.check_pod(pod)
        time.sleep(0.2)
