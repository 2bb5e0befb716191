# SPDX-License-Identifier: Apache-2.0
"""The agent dies, is stopped, is started again, is replaced, under traffic: packets do not notice."""

import os
import random
import signal
import subprocess
import time

import pytest

import weir
from busy import Busy
from flows import Echo, Load, check_none_lost, check_none_passed, end_all
from kernel import PROGRAMS, bpf_objects, bpftool, filters, links, pinned_map
from traffic import policy, rule

KILLS = 12
TURNS = 16
# A program that may do everything but load programs.
UNABLE = ("setpriv", "--bounding-set=-bpf,-sys_admin,-perfmon")


@pytest.fixture
def busy(node):
    made = Busy(node)
    yield made
    made.close()


def promoted(node, *pods):
    """Returns when all programs are attached by links."""
    weir.wait_for(lambda: len(node.pod_pins()) == 2 * len(pods), "programs are attached by links", 60)


def test_it_may_be_killed_again_and_again(node, busy):
    busy.begin()
    for _ in range(KILLS):
        node.kill9()
        time.sleep(random.uniform(0, 0.1))  # a time without an agent, not a wait for anything
        node.start()
    busy.end()


def test_it_may_be_stopped_and_what_was_in_force_stays(node, busy):
    busy.begin()
    assert node.stop(signal.SIGTERM) == 0
    time.sleep(0.5)  # as above
    node.start()
    busy.end()


def test_an_agent_takes_over_all_that_is_there(node, busy):
    promoted(node, *busy.pods)

    def look():
        maps = {name: bpftool("map", "show", "pinned", pinned_map(node, name))["id"]
                for name in ("state", "endpoint", "peer4", "peer6", "ct4", "ct6", "metric")}
        # Classes are numbers that every agent chooses anew.
        known = {key: {k: v for k, v in ep.items() if k != "class"} for key, ep in node.endpoints().items()}
        return maps, known, {pin: link for pin, (link, _) in links(node).items()}

    before, generation = look(), node.status()["generation"]
    addresses = [pool["used"] for pool in node.status()["addresses"]]
    for signum in (signal.SIGKILL, signal.SIGTERM):
        node.restart(signum)
        # A link that was detached for a moment would have another number now.
        assert look() == before
        assert [pool["used"] for pool in node.status()["addresses"]] == addresses
        assert node.status()["generation"] > generation
        generation = node.status()["generation"]
    for pod in busy.pods:
        node.check_pod(pod)
    fresh = node.add_pod("shop", "fresh")
    assert not set(fresh.ips) & {ip for pod in busy.pods for ip in pod.ips}


# Changes of policy


def allow(port):
    """The server takes datagrams on this port, and on 82."""
    return policy("shop", "server", {"app": "server"},
                  ingress=[rule("from", labels={"app": "client"}, ports=[f"udp:{port}", "udp:82"])])


class Turning:
    """One of two ports is open, 82 always, 83 never; all are tried in one go again and again."""

    def __init__(self, node):
        node.manifest("policy", allow(80), wait=False)
        server = node.add_pod("shop", "server", labels={"app": "server"})
        client = node.add_pod("shop", "client", labels={"app": "client"})
        self.echo = Echo(server, "udp:80", "udp:81", "udp:82", "udp:83")
        self.load = Load(client, {f"v{weir.family_of(ip)} {port}": ("udp", ip, port)
                                  for ip in server.ips for port in range(80, 84)}, every=0.002, denied=True)

    def end(self, turns):
        """How often each family saw both ports closed, or both open: only while a change took force."""
        results = self.load.end()
        check_none_lost({name: counts for name, counts in results.items() if name.endswith("82")})
        check_none_passed({name: counts for name, counts in results.items() if name.endswith("83")})
        for family in ("v4", "v6"):
            old, new = results[f"{family} 80"], results[f"{family} 81"]
            mixed = [n for n in range(old.sent) if (n in old.numbers) == (n in new.numbers)]
            assert len(mixed) <= turns, f"{family}: {mixed} of {old.sent}, but only {turns} changes"
        return results

    def close(self):
        self.load.kill()
        self.echo.kill()


@pytest.fixture
def turning(node):
    made = Turning(node)
    yield made
    made.close()


def test_a_change_that_came_without_an_agent_takes_force_at_once_and_as_a_whole(node, turning):
    rounds = turning.load.mark
    node.kill9()
    node.manifest("policy", allow(81), wait=False)
    weir.wait_for(lambda: turning.load.mark > rounds + 100, "packets pass without an agent")
    rounds = turning.load.mark
    node.start()
    started = turning.load.mark
    weir.wait_for(lambda: turning.load.mark > started + 100, "packets pass with the next agent")
    results = turning.end(turns=1)
    for family in ("v4", "v6"):
        old, new = results[f"{family} 80"], results[f"{family} 81"]
        assert old.numbers == set(range(len(old.numbers))), "the old policy ended once"
        assert new.numbers == set(range(min(new.numbers), new.sent)), "the new policy began once"
        assert rounds <= max(old.numbers) and min(new.numbers) <= started, "in force when the agent answers"


def test_it_may_be_killed_while_policies_change(node, turning):
    for turn in range(TURNS):
        node.manifest("policy", allow(80 + (turn + 1) % 2), wait=False)
        time.sleep(random.uniform(0, 0.02))  # somewhere in the change, or before or after it
        node.kill9()
        node.start()
    # A change that a killed agent did not get to is the next one's first.
    turning.end(turns=TURNS)


# Another build


def attached(node):
    """Names of the programs that packets meet: those of the links and those of the filters."""
    names = {program["id"]: program.get("name") for program in bpftool("prog", "show")}
    found = {pin: names[program] for pin, (_, program) in links(node).items() if not pin.startswith("cgroup-")}
    return found, {name: filters(node, name) for name in node.pod_links()}


def check_attached(node, from_pod, to_pod, *at_uplink):
    by_links, by_filters = attached(node)
    assert set(by_links.values()) == {from_pod, to_pod, *at_uplink}, by_links
    assert all(names == [from_pod, to_pod] for names in by_filters.values()), by_filters


def test_a_new_build_replaces_the_programs_under_traffic(nodes):
    node = nodes(start=False)
    node.program = weir.AGENT_FORMER
    node.start()
    busy = Busy(node)
    try:
        promoted(node, *busy.pods)
        check_attached(node, "former_from_pod", "former_to_pod", "former_wire", "former_to_wire")
        before = {pin: link for pin, (link, _) in links(node).items()}
        busy.begin()
        for program in (weir.AGENT, weir.AGENT_FORMER, weir.AGENT):
            node.stop()
            node.program = program
            node.start()
        check_attached(node, "from_pod", "to_pod", "from_wire", "to_wire")
        assert {pin: link for pin, (link, _) in links(node).items()} == before
        assert set(bpf_objects(node).programs.values()) == PROGRAMS
        busy.end()
    finally:
        busy.close()


def test_tables_of_another_schema_are_replaced(node):
    """Such an agent cannot read the old ones. Policy holds all the same, and the old ones go."""
    node.manifest("policy", allow(80), wait=False)
    server = node.add_pod("shop", "server", labels={"app": "server"})
    client = node.add_pod("shop", "client", labels={"app": "client"})
    server.serve("udp:80", "udp:81")

    def check():
        for ip in server.ips:
            assert client.probe(("udp", ip, 80), ("udp", ip, 81), timeout_ms=500) == ["open", "timeout"]

    def schemas():
        return [name for name in os.listdir(node.bpffs) if name.startswith("v")]
    check()
    promoted(node, server, client)
    schema, = schemas()
    node.stop()
    os.rename(f"{node.bpffs}/{schema}", f"{node.bpffs}/v99")
    check()
    node.start()
    check()
    assert schemas() == [schema]


def all_fail_to_start(*commands):
    """What agents say that cannot start; they are tried at the same time."""
    pipe = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    tried = [subprocess.Popen(command, **pipe) for command in commands]
    try:
        said = [agent.communicate(timeout=60)[0] for agent in tried]
    finally:
        for agent in tried:
            agent.kill()
    assert [agent.returncode for agent in tried] == [1] * len(tried), said
    return said


def fails_to_start(command):
    return all_fail_to_start(command)[0]


def test_programs_that_cannot_be_loaded_leave_the_old_ones_at_work(node, busy):
    promoted(node, *busy.pods)
    before = attached(node), links(node)
    busy.begin()
    node.kill9()
    said = fails_to_start(node.command(before=UNABLE))
    assert "loading" in said and "Operation not permitted" in said and "stays as it is" in said, said
    # A map of another build, which should have another schema but has not.
    pin = pinned_map(node, "frag")
    os.rename(pin, f"{pin}-kept")
    weir.run("bpftool", "map", "create", pin, "type", "lru_hash", "key", "40", "value", "16", "entries", "16",
             "name", "frag")
    said = fails_to_start(node.command())
    assert "loading pod.bpf.o" in said and "stays as it is" in said, said
    assert "frag" in said, said
    os.rename(f"{pin}-kept", pin)
    assert (attached(node), links(node)) == before
    node.start()
    busy.end()


# Several agents


def test_a_second_agent_on_one_of_its_directories_or_in_its_network_refuses(node, busy):
    used = {"--state-dir": node.state, "--bpffs": node.bpffs, "--run-dir": node.run_dir}
    commands = [[*node.command(), *[f"{option}={node.dir}/not{shared}{option}" for option in used if option != shared]]
                for shared in used]
    other = [*node.command(), *[f"{option}={node.dir}/another{option}" for option in used]]
    busy.begin()
    said = all_fail_to_start(node.command(), *commands, other)
    for text, directory in zip(said, [node.state, *used.values()]):
        assert f"another agent uses {directory}" in text, text
    assert "another agent is at work in this network namespace" in said[-1], said[-1]
    node.check_pod(busy.server)
    busy.end()


def test_agents_of_several_namespaces_do_not_know_each_other(nodes):
    first, second = nodes(), nodes()
    busy = [Busy(node) for node in (first, second)]
    try:
        for one in busy:
            one.begin()
        assert busy[0].server.ips == busy[1].server.ips
        second.restart(signal.SIGKILL)
        second.restart()
        busy[1].end()
        second.kill9()
        second.cleanup()
        first.restart(signal.SIGKILL)
        busy[0].end()
        assert set(bpf_objects(first).programs.values()) == PROGRAMS
    finally:
        for one in busy:
            one.close()
