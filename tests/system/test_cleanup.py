# SPDX-License-Identifier: Apache-2.0
"""weir-agent --cleanup: afterwards the machine is what it was before the first agent."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

import weir
from chain import Chain, needs_plugins
from kernel import bpf_objects, bpftool, filters
from traffic import policy, rule

PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]
OTHER_CIDRS = ("10.78.0.0/24", "fd00:78::/112")
# What forwarding changes stays, because others may have come to need it. "*" is any interface.
SYSCTLS_THAT_STAY = {"ipv4/ip_forward", "ipv4/conf/*/forwarding", "ipv4/conf/*/accept_redirects",
                     "ipv6/conf/*/forwarding", "ipv6/conf/*/accept_ra"}
# A filter that is there for its own sake: it lets everything pass.
SOMEBODYS_FILTER = ("bpf", "bytecode", "1,6 0 0 4294967295")


def qdiscs(node, ifname):
    return sorted(qdisc["kind"] for qdisc in json.loads(
        node.net.exec("tc", "-j", "qdisc", "show", "dev", ifname) or "[]"))


def files(node):
    found = {os.path.relpath(os.path.join(path, name), node.dir)
             for path, directories, names in os.walk(node.dir) for name in directories + names}
    return found - {"agent.log", "bpf/maps.debug", "bpf/progs.debug"}


def routes(node):
    """Without those that the kernel makes of itself where it forwards IPv6."""
    return sorted(line for family in ("-4", "-6") for line in
                  node.net.ip(family, "route", "show", "table", "all").splitlines() if not line.startswith("anycast"))


def machine(node):
    """Everything that an agent could have made in its network namespace and its directories."""
    net, links = node.net, node.net.links()
    return {"links": {name: (link["ifindex"], link.get("address"), link["mtu"], link["flags"], link.get("group"))
                      for name, link in links.items()},
            "addresses": sorted((link["ifname"], a["local"], a["prefixlen"])
                                for link in net.ip_json("addr") for a in link["addr_info"]),
            "routes": routes(node),
            "rules": [net.ip(family, "rule", "show") for family in ("-4", "-6")],
            "neighbours": net.ip("neigh", "show", "nud", "permanent") + net.ip("neigh", "show", "proxy"),
            "nft": net.exec("nft", "list", "ruleset"),
            "qdiscs": {name: qdiscs(node, name) for name in links},
            "filters": {name: [net.exec("tc", "filter", "show", "dev", name, side, check=False)
                               for side in ("ingress", "egress")] for name in links},
            "files": files(node),
            "mounts": [line for line in open("/proc/mounts", encoding="utf-8") if node.dir in line]}


def settled(node):
    """The same of a machine at which the agent has done what it does later: links of new pods are pinned."""
    seen = [machine(node)]

    def stays():
        seen.append(machine(node))
        return seen[-1] == seen[-2]
    weir.wait_for(stays, "nothing changes any more", every_s=0.5)
    return seen[-1]


def sysctls(node):
    roots = "ipv4/conf ipv6/conf ipv4/ip_forward"
    text = node.net.exec("sh", "-c", f"cd /proc/sys/net; grep -rs . {roots}", check=False)
    return dict(line.split(":", 1) for line in text.splitlines())


def changed_sysctls(before, after):
    """Names of those that are there at both times and differ, without the interfaces' names."""
    changed = [name for name in before if after.get(name, before[name]) != before[name]]
    return {re.sub("/conf/[^/]+/", "/conf/*/", name) for name in changed}


def check_same(before, after):
    different = {what: (before[what], after[what]) for what in before if before[what] != after[what]}
    assert not different, different


def cleanup(node, *more):
    """(exit status, what it said)."""
    done = subprocess.run(node.command("--cleanup", *more), check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def clean(node, *more):
    status, said = cleanup(node, *more)
    assert status == 0 and not said, said


def use(node):
    """A node in use: pods with ports and policies, one that has left, and a link whose ADD never came to an end."""
    node.manifest("policy", policy("shop", "only", {}, ingress=[rule("from", labels={})]))
    pods = [node.add_pod("shop", f"pod-{number}", runtime={"portMappings": PORTS} if not number else None)
            for number in range(3)]
    node.del_pod(pods.pop())
    assert pods[1].reaches("icmp", weir.OUTSIDE_IPS[0]) and node.pod_links()
    node.net.ip("link", "add", "weirabcdefghijk", "type", "veth", "peer", "name", "peer0")
    return pods


def test_the_machine_is_what_it_was(nodes):
    node = nodes(start=False)
    before, values = machine(node), sysctls(node)
    for end in (signal.SIGTERM, signal.SIGKILL):
        node.start()
        pods = use(node)
        node.restart()
        node.stop(end)
        objects = bpf_objects(node)
        assert objects and machine(node) != before
        clean(node)
        os.unlink(f"{node.manifests}/policy.yaml")
        os.unlink(f"{node.manifests}/zz-{weir.MARKER}.yaml")
        check_same(before, machine(node))
        weir.wait_for(lambda objects=objects: not objects.alive(), "the kernel lets programs and maps go")
        for pod in pods:
            assert set(pod.links()) == {"lo"}
            node.del_pod(pod)  # the runtime may still come with it
        clean(node)
        check_same(before, machine(node))
    stayed = changed_sysctls(values, sysctls(node))
    assert "ipv4/ip_forward" in stayed and stayed <= SYSCTLS_THAT_STAY, stayed
    with open(f"{weir.REPO}/docs/operations.md", encoding="utf-8") as file:
        text = file.read()
    assert all(f"`{name.replace('*', '<interface>').replace('/', '.')}`" in text for name in SYSCTLS_THAT_STAY)


def test_a_machine_without_weir_is_left_alone(nodes):
    node = nodes(start=False)
    before, values = machine(node), sysctls(node)
    for _ in range(2):
        clean(node)
        check_same(before, machine(node))
        assert sysctls(node) == values


def test_it_refuses_while_an_agent_runs(node):
    pod = use(node)[0]
    node.net.ip("link", "del", "weirabcdefghijk")
    before = settled(node)
    status, said = cleanup(node)
    assert status == 1 and "another agent uses" in said, said
    elsewhere = [f"--{option}={node.dir}/none" for option in ("state-dir", "run-dir", "bpffs")]
    status, said = cleanup(node, *elsewhere)
    assert status == 1 and "another agent is at work in this network namespace" in said, said
    check_same(before, machine(node))
    node.check_pod(pod)
    node.stop()
    clean(node)


def test_what_others_keep_in_its_directories_stays(node):
    pod = use(node)[0]
    table = bpf_objects(node).maps.pop()
    kept = [f"{directory}/somebodys" for directory in (node.state, node.run_dir)]
    for path in kept:
        with open(path, "w", encoding="utf-8"):
            pass
    weir.run("bpftool", "map", "pin", "id", table, f"{node.bpffs}/somebodys")
    node.stop()
    clean(node)
    assert sorted(path for path in files(node) if path.count("/")) == sorted(
        os.path.relpath(path, node.dir) for path in [*kept, node.bpffs, f"{node.bpffs}/somebodys"]
        + [f"{node.manifests}/{name}" for name in os.listdir(node.manifests)])
    node.forget_pod(pod)


def test_former_pod_cidrs_go_after_their_last_pod(nodes):
    node = nodes(start=False)
    before = machine(node)
    node.start()
    pod = node.add_pod("shop", "pod")
    node.stop()
    node.cidrs = OTHER_CIDRS
    node.start()

    def lo():
        return {a["local"] for link in node.net.ip_json("addr", "show", "dev", "lo") for a in link["addr_info"]}
    assert {"10.77.0.1", "fd00:77::1", "10.78.0.1", "fd00:78::1"} <= lo(), "the pod's way back needs it"
    node.check_pod(pod)
    node.del_pod(pod)
    node.wait_gone()
    node.restart()
    assert lo() == {"127.0.0.1", "::1", "10.78.0.1", "fd00:78::1"}
    assert not [line for line in routes(node) if "10.77." in line or "fd00:77:" in line]
    # A CIDR that only becomes wider keeps its gateway.
    node.stop()
    node.cidrs = ("10.78.0.0/16", "fd00:78::/64")
    node.start()
    assert lo() == {"127.0.0.1", "::1", "10.78.0.1", "fd00:78::1"}
    assert len([line for line in routes(node) if "blackhole" in line]) == 2
    other = node.add_pod("shop", "other")
    assert other.probe(*[("icmp", ip, 0) for ip in (*weir.OUTSIDE_IPS, "10.78.0.1")]) == ["open"] * 3
    node.kill9()
    node.cidrs = ()
    clean(node)  # whose configuration knows of none of them
    check_same(before, machine(node))


# Other people's links


def two_by_two(node):
    """Four pods of the bridge plugin behind weir: with a qdisc of somebody else, and without; a filter comes later."""
    chain, pods, hosts = Chain(node), {}, {}
    for name in ("plain", "empty", "used", "used-later"):
        pod = node.new_pod("shop", name)
        result = node.cni(pod.env("ADD"), chain.bridge, "/usr/lib/cni/bridge")
        hosts[name] = next(i["name"] for i in result["interfaces"] if i["name"].startswith("veth"))
        if name in ("empty", "used"):
            node.net.exec("tc", "qdisc", "add", "dev", hosts[name], "clsact")
        if name == "used":
            node.net.exec("tc", "filter", "add", "dev", hosts[name], "ingress", *SOMEBODYS_FILTER)
        pod.conf = node.conf("1.0.0", prevResult=result)
        pod.result = result
        pods[name] = pod
    before = {name: (qdiscs(node, host), filters(node, host)) for name, host in hosts.items()}
    for pod in pods.values():
        node.cni(pod.env("ADD"), pod.conf)
    node.net.exec("tc", "filter", "add", "dev", hosts["used-later"], "egress", *SOMEBODYS_FILTER)
    return pods, hosts, before


def check_left(node, hosts, before):
    for name, host in hosts.items():
        qdisc, found = before[name]
        if name == "used-later":
            qdisc = sorted([*qdisc, "clsact"])
        assert qdiscs(node, host) == qdisc, name
        assert not {"from_pod", "to_pod"} & set(filters(node, host)) and filters(node, host)[:1] == found[:1], name
    for name, side in (("used", "ingress"), ("used-later", "egress")):
        assert "1,6 0 0 4294967295" in node.net.exec("tc", "filter", "show", "dev", hosts[name], side), name


@needs_plugins
@pytest.mark.parametrize("state", ["there", "lost"])
def test_links_of_another_plugin_stay_without_weir(node, state):
    pods, hosts, before = two_by_two(node)
    assert all("from_pod" in filters(node, host) for host in hosts.values())
    node.kill9()
    if state == "lost":
        shutil.rmtree(node.state)
    clean(node)
    check_left(node, hosts, before)
    assert pods["plain"].reaches("icmp", pods["used"].ips[0]), "they are connected still"


@needs_plugins
def test_the_same_holds_when_a_pod_leaves(node):
    pods, hosts, before = two_by_two(node)
    for pod in pods.values():
        node.del_pod(pod, keep=True)
    node.wait_gone()
    check_left(node, hosts, before)
    assert node.pod_pins() == set()


def test_filters_on_the_uplink_go_as_on_kernels_without_tcx(node):
    """There the uplink's program is a filter; here the same is made by hand."""
    program = next(i for i, name in bpf_objects(node).programs.items() if name == "from_wire")
    node.net.exec("tc", "qdisc", "add", "dev", "up0", "clsact")
    weir.run("bpftool", "prog", "pin", "id", program, f"{node.bpf_mount}/wire")
    node.net.exec("tc", "filter", "add", "dev", "up0", "ingress", "prio", "1", "handle", "0x77", "bpf", "da",
                  "object-pinned", f"{node.bpf_mount}/wire")
    os.unlink(f"{node.bpf_mount}/wire")
    os.makedirs(f"{node.bpffs}/clsact/{node.net.links()['up0']['ifindex']}")
    assert filters(node, "up0") == ["from_wire"]
    node.stop()
    objects = bpf_objects(node)
    clean(node)
    assert filters(node, "up0") == [] and "clsact" not in qdiscs(node, "up0")
    weir.wait_for(lambda: not objects.alive(), "the kernel lets programs and maps go")
    assert not [link for link in bpftool("link", "show") if link["id"] in objects.links]
