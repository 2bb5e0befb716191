# SPDX-License-Identifier: Apache-2.0
"""After a reboot, or with state files that are not what an agent wrote: nothing wrong is believed."""

import json
import os
import shutil

import pytest

import weir
from chain import Chain, needs_plugins
from kernel import differences, filters, neighbours, traces
from traffic import policy, rule

SMALL_CIDRS = ("10.77.0.0/29", "fd00:77::/125")
SMALL_PODS = 5  # as many as SMALL_CIDRS have room for
PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]


def reboot(node, start=True):
    """What a machine loses: processes, namespaces, BPF objects, what lies in memory. The state directory stays."""
    node.kill9()
    node.delete_network()
    node.umount_bpffs()
    shutil.rmtree(node.run_dir)
    node.mount_bpffs()
    node.make_network()
    if start:
        node.start()


def veth(node, name, index, peer="peer0"):
    """A link that some other program made."""
    node.net.ip("link", "add", "name", name, "index", str(index), "type", "veth", "peer", "name", peer)
    return node.net.links()[name]


def state_path(node, pod):
    return f"{node.state}/endpoints/{pod.container_id}@{pod.ifname}.json"


def read_state(node, pod):
    with open(state_path(node, pod), encoding="utf-8") as file:
        return json.load(file)


def write_state(node, name, text):
    path = f"{node.state}/endpoints/{name}.json"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text if isinstance(text, str) else json.dumps(text))
    return path


def check_reported(node, *what):
    """One line of the log has all of it."""
    assert any(all(text in line for text in what) for line in node.log_text().splitlines()), what


def check_cut_off(node, *pods):
    """They have no link, no state, and nobody takes them for pods."""
    for pod in pods:
        weir.wait_for(lambda pod=pod: set(pod.links()) == {"lo"}, f"the link of {pod.pod} goes")
        assert not os.path.lexists(state_path(node, pod)), pod.pod
        assert f"{pod.namespace}/{pod.pod}" not in node.endpoints()
        assert not [entry for entry in neighbours(node.net) if entry[1] in pod.ips], pod.pod


def unnumbered(node):
    """The traces of pods, without what an agent chooses anew and what a thread does later."""
    found = traces(node)
    peers = {name: len(entries) for name, entries in found["peers"].items()}
    slots = sorted((slot["ifindex"], slot["flags"], slot["mac"]) for slot in found["slots"])
    for what in ("pins", "links held", "open"):
        del found[what]
    return {**found, "peers": peers, "slots": slots, "rule sets": len(found["rule sets"])}


# A reboot


def test_after_a_reboot_nothing_of_the_former_life_is_left(nodes):
    node = nodes(cidrs=SMALL_CIDRS)
    node.manifest("policy", policy("shop", "only", {}, ingress=[rule("from", labels={})]))
    before = traces(node)
    old = [node.add_pod("shop", f"pod-{number}", runtime={"portMappings": PORTS} if not number else None)
           for number in range(SMALL_PODS)]
    given = {ip for pod in old for ip in pod.ips}
    assert "8080" in node.nft() and len(node.state_files()) == SMALL_PODS
    reboot(node)
    assert not differences(before, traces(node))
    for pod in old:
        check_reported(node, f"shop/{pod.pod}", "is gone")
    new = [node.add_pod("shop", f"new-{number}", runtime={"portMappings": PORTS} if not number else None)
           for number in range(SMALL_PODS)]
    assert {ip for pod in new for ip in pod.ips} == given
    new[0].serve("tcp:80")
    assert new[1].probe(*[("tcp", ip, 80) for ip in new[0].ips]) == ["open"] * 2
    assert node.outside.probe(("tcp", weir.NODE_IPS[0], 8080), timeout_ms=500) == ["timeout"], "policy holds"


def test_a_pod_that_the_runtime_deletes_after_the_reboot_is_no_error(node):
    pod = node.add_pod("shop", "pod")
    env, conf = pod.env("DEL", CNI_NETNS=""), pod.conf
    reboot(node)
    assert node.cni(env, conf) is None
    again = node.new_pod("shop", "pod", container_id=pod.container_id)
    again.conf = conf
    again.result = node.cni(again.env("ADD"), conf)
    node.check_pod(again)


def test_links_that_only_look_like_those_of_before_are_not_adopted(node):
    number, name, both = (node.add_pod("shop", what) for what in ("number", "name", "both"))
    of = {pod: read_state(node, pod) for pod in (number, name, both)}
    reboot(node, start=False)
    # Another program's link with the number of a pod's; a link with the name of a pod's.
    stranger = veth(node, "other0", of[number]["ifindex"])
    veth(node, of[name]["hostIfname"], of[name]["ifindex"] + 1, peer="peer1")
    node.start()
    assert node.endpoints() == {} and node.state_files() == set()
    weir.wait_for(lambda: not node.pod_links(), "the link that is named like a pod's goes")
    assert node.net.links()["other0"]["address"] == stranger["address"]
    assert filters(node, "other0") == [] and node.pod_pins() == set()


@needs_plugins
def test_a_link_of_another_plugin_is_not_known_by_name_and_number_alone(node):
    pod = Chain(node).add("pod")
    state = read_state(node, pod)
    assert state["chained"] and filters(node, state["hostIfname"]) == ["from_pod", "to_pod"]
    reboot(node, start=False)
    veth(node, state["hostIfname"], state["ifindex"])
    node.start()
    check_reported(node, "shop/pod", state["hostIfname"], "not adopted")
    assert node.endpoints() == {} and node.state_files() == set()
    assert filters(node, state["hostIfname"]) == [] and node.pod_pins() == set()
    assert state["hostIfname"] in node.net.links(), "it is not weir's to delete"


# State files that no agent wrote


def changed(**members):
    return lambda node, pod: write_state(node, f"{pod.container_id}@eth0", {**read_state(node, pod), **members})


def replaced(text):
    return lambda node, pod: write_state(node, f"{pod.container_id}@eth0", text)


def without(member):
    def damage(node, pod):
        state = read_state(node, pod)
        del state[member]
        write_state(node, f"{pod.container_id}@eth0", state)
    return damage


def cut_in_half(node, pod):
    os.truncate(state_path(node, pod), os.path.getsize(state_path(node, pod)) // 2)


def as_something_else(make):
    def damage(node, pod):
        os.unlink(state_path(node, pod))
        make(state_path(node, pod))
    return damage


NOT_ALL = "not a state file of weir, or not all of it"
# What a pod's file becomes, and what the agent says about it.
DAMAGES = {
    "empty": (replaced(""), NOT_ALL),
    "truncated": (cut_in_half, NOT_ALL),
    "no-json": (replaced("\x00\xff\xfe{"), NOT_ALL),
    "a-list": (replaced("[1]"), NOT_ALL),
    "deep": (replaced("[" * 100000), NOT_ALL),
    "large": (replaced(" " * (2 << 20)), "File too large"),
    "newer": (changed(version=2, more={}), "of a version of weir that this one does not know"),
    "no-version": (without("version"), NOT_ALL),
    "no-address": (without("ips"), NOT_ALL),
    "text-number": (changed(ifindex="65536"), NOT_ALL),
    "no-number": (changed(ifindex=0), NOT_ALL),
    "large-number": (changed(ifindex=1 << 40), NOT_ALL),
    "wrong-family": (changed(ips=["fd00:77::77", "10.77.0.77"]), NOT_ALL),
    "path": (changed(containerID="../../../../etc/passwd"), NOT_ALL),
    "zero": (changed(namespace="shop\x00other"), NOT_ALL),
    "other-container": (changed(containerID="somebody-else"), NOT_ALL),
    "fifo": (as_something_else(os.mkfifo), NOT_ALL),
    "device": (as_something_else(lambda path: os.symlink("/dev/zero", path)), NOT_ALL),
    "directory": (as_something_else(os.mkdir), NOT_ALL),
    # Well formed, and not true.
    "loopback": (changed(ifindex=1, hostIfname="lo"), "not adopted"),
    "uplink": (changed(ifindex=100, hostIfname="up0"), "not adopted"),
    "uplink-chained": (changed(ifindex=100, hostIfname="up0", chained=True), "not adopted"),
    "made-chained": (changed(chained=True), "not adopted"),
    "address-outside": (changed(ips=["8.8.8.8", "::"]), "not adopted"),
    "address-of-node": (changed(ips=[weir.NODE_IPS[0], "::"]), "not adopted"),
    "address-of-gateway": (changed(ips=["10.77.0.1", "fd00:77::1"]), "not adopted"),
    "address-free": (changed(ips=["10.77.9.9", "::"]), "not adopted"),
    "other-mac": (changed(mac="02:00:00:00:00:01"), "not adopted"),
    "no-addresses": (changed(ips=["::", "::"]), "not adopted"),
}


class Witnesses:
    """Two pods with sound files; what is done to others must not touch them."""

    def __init__(self, node):
        self.node = node
        node.manifest("policy", policy("shop", "server", {"app": "server"}, ingress=[
            rule("from", labels={"app": "client"}, ports=["tcp:80"])]))
        self.server = node.add_pod("shop", "server", labels={"app": "server"})
        self.client = node.add_pod("shop", "client", labels={"app": "client"})
        self.stranger = node.add_pod("shop", "stranger", labels={"app": "stranger"})
        self.server.serve("tcp:80", "tcp:81")

    @property
    def names(self):
        return {f"shop/{pod.pod}" for pod in (self.server, self.client, self.stranger)}

    def check(self):
        for pod in (self.server, self.client, self.stranger):
            self.node.check_pod(pod)
        asked = [("tcp", ip, port) for ip in self.server.ips for port in (80, 81)]
        assert self.client.probe(*asked, timeout_ms=700) == ["open", "timeout"] * 2
        assert self.stranger.probe(*asked, timeout_ms=700) == ["timeout"] * 4
        assert self.client.probe(*[("icmp", ip, 0) for ip in weir.OUTSIDE_IPS]) == ["open"] * 2


def damage_all(node):
    """A pod for each damage, which has happened to its file when the next agent starts."""
    pods = {name: node.add_pod("shop", name) for name in DAMAGES}
    node.kill9()
    for name, (damage, _) in DAMAGES.items():
        damage(node, pods[name])
    return pods


def test_damaged_state_files_cut_off_their_pods_and_nobody_else(node):
    witnesses = Witnesses(node)
    uplink = filters(node, "up0"), node.pins() - node.pod_pins()
    before = unnumbered(node)
    pods = damage_all(node)
    for name, state in {"of-the-server": read_state(node, witnesses.server),
                        "of-the-client": {**read_state(node, witnesses.server), "ifname": "eth1",
                                          "ifindex": read_state(node, witnesses.client)["ifindex"]}}.items():
        write_state(node, f"{name}@{state['ifname']}", {**state, "containerID": name, "pod": name})
    node.start()
    assert set(node.endpoints()) == witnesses.names
    check_cut_off(node, *pods.values())
    for name, (_, said) in DAMAGES.items():
        check_reported(node, pods[name].container_id if said != "not adopted" else f"shop/{name}", said)
    check_reported(node, "shop/of-the-server", "not adopted")
    check_reported(node, "shop/of-the-client", "is gone")
    assert not differences(before, unnumbered(node))
    assert (filters(node, "up0"), node.pins() - node.pod_pins()) == uplink
    witnesses.check()
    # The runtime does not know of it: its DEL comes, and its next ADD.
    for pod in list(pods.values())[:3]:
        node.del_pod(pod, keep=True)
        pod.result = node.cni(pod.env("ADD"), pod.conf)
        node.check_pod(pod)


@needs_plugins
def test_a_link_of_another_plugin_stays_and_nothing_passes_without_its_file(node):
    chain = Chain(node)
    broken, forged, sound = (chain.add(name) for name in ("broken", "forged", "sound"))
    state = read_state(node, forged)
    weir.wait_for(lambda: len(node.pod_pins()) == 6, "programs are attached by links", 60)
    node.kill9()
    cut_in_half(node, broken)
    changed(ips=["10.9.0.200", "::"])(node, forged)
    node.start()
    assert set(node.endpoints()) == {"shop/sound"}
    check_reported(node, "shop/forged", "not adopted")
    assert state["hostIfname"] in node.net.links()
    sound.serve("tcp:80")
    assert node.net.probe(*[("tcp", ip, 80) for ip in sound.ips]) == ["open"] * 2
    for pod in (broken, forged):
        assert pod.probe(*[("tcp", ip, 80) for ip in sound.ips], timeout_ms=500) == ["timeout"] * 2
        chain.delete(pod)


def test_a_lost_bpf_file_system_is_made_anew_for_the_pods_that_live(node):
    witnesses = Witnesses(node)
    thief, owner, node_like, gateway = (node.add_pod("shop", what) for what in ("thief", "owner", "node", "gateway"))
    node.kill9()
    node.umount_bpffs()
    node.mount_bpffs()
    # No slot in the kernel says any more who had which address.
    changed(ips=read_state(node, owner)["ips"])(node, thief)
    changed(ips=[weir.NODE_IPS[0], "::"])(node, node_like)
    changed(ips=["10.77.255.255", "::"])(node, gateway)
    node.start()
    left = set(node.endpoints()) - witnesses.names
    assert len(left) == 1 and left < {"shop/thief", "shop/owner"}, left
    check_reported(node, "shop/", "belongs to shop/", "not adopted")
    check_cut_off(node, node_like, gateway)
    witnesses.check()
