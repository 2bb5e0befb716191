# SPDX-License-Identifier: Apache-2.0
"""The CNI verbs with everything real: plugin, agent, datapath, delegated plugins, packets."""

import contextlib
import json
import os
import secrets

import pytest

import weir
from chain import Chain, host_local, needs_plugins
from traffic import udp
from weir import CniError, NODE_IPS, OUTSIDE_IPS, family_of, wait_for

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
FIRST_POOL_IPS = {"10.77.0.2", "fd00:77::2"}


@pytest.fixture
def pod(shared_node):
    """A function that adds a pod and takes it away after the test, also when ADD is what fails."""
    before = list(shared_node.pods)

    def add(name=None, **options):
        return shared_node.add_pod("shop", name or f"pod-{secrets.token_hex(3)}", **options)
    yield add
    for left in [pod for pod in shared_node.pods if pod not in before]:
        left.conf = left.conf if left.result else shared_node.conf()
        shared_node.del_pod(left)
    shared_node.wait_gone()


def refused(code, call, *args, **options):
    with pytest.raises(CniError) as caught:
        call(*args, **options)
    assert caught.value.code == code, caught.value.error
    assert caught.value.error["msg"]
    return caught.value.error


def addresses(netns, link):
    return {f"{a['local']}/{a['prefixlen']}" for a in netns.ip_json("addr", "show", "dev", link)[0]["addr_info"]
            if a["scope"] == "global"}


# ADD

@pytest.mark.parametrize("version", VERSIONS)
def test_add_answers_in_the_asked_version(shared_node, pod, version):
    result = pod(conf=shared_node.conf(version)).result
    assert result["cniVersion"] == version
    assert ("ip4" in result) == (version in ("0.1.0", "0.2.0"))
    if "ip4" in result:
        assert result["ip4"]["ip"].endswith("/32") and result["ip6"]["ip"].endswith("/128")
        return
    assert [link["name"] for link in result["interfaces"]][1] == "eth0"
    assert {entry["interface"] for entry in result["ips"]} == {1}
    versions = {entry.get("version") for entry in result["ips"]}
    assert versions == ({"4", "6"} if version < "1" else {None})
    assert all(("mtu" in link) == (version == "1.1.0") for link in result["interfaces"])


def test_add_gives_what_the_result_says(shared_node, pod):
    added = pod()
    host, eth0 = added.result["interfaces"]
    inside, outside = added.links()["eth0"], shared_node.net.links()[host["name"]]
    assert (inside["address"], inside["mtu"]) == (eth0["mac"], 1500)
    assert (outside["address"], outside["mtu"]) == (host["mac"], 1500)
    assert "UP" in inside["flags"] and "UP" in outside["flags"]
    assert addresses(added, "eth0") == {f"{added.ip4}/32", f"{added.ip6}/128"}
    for family, ip in ((4, added.ip4), (6, added.ip6)):
        routes = {route["dst"] for route in shared_node.net.ip_json(f"-{family}", "route", "show", "dev", host["name"])}
        assert ip in routes


def test_a_pod_talks_to_pods_the_node_and_the_outside(shared_node, pod):
    one, two = pod(), pod()
    two.serve("tcp:80", "udp:53")
    shared_node.outside.serve("tcp:80")
    targets = [(proto, ip, port) for ip in two.ips for proto, port in (("tcp", 80), ("udp", 53), ("icmp", 0))]
    targets += [("tcp", ip, 80) for ip in OUTSIDE_IPS] + [("icmp", ip, 0) for ip in NODE_IPS]
    assert one.probe(*targets) == ["open"] * len(targets)
    assert shared_node.net.reaches("tcp", two.ip4, 80) and shared_node.net.reaches("tcp", two.ip6, 80)


def test_add_for_the_same_container_replaces(shared_node, pod):
    first = pod("twice")
    again = weir.Pod(shared_node, "shop", "twice", first.container_id)
    shared_node.pods.append(again)
    again.conf = shared_node.conf()
    again.result = shared_node.cni(again.env("ADD"), again.conf)
    wait = [ep for ep in shared_node.get("/v1/endpoints")["endpoints"]
            if ep["containerID"] == first.container_id and ep["state"] == "ready"]
    assert len(wait) == 1 and set(wait[0]["ips"]) == set(again.ips)
    assert again.reaches("icmp", NODE_IPS[0])
    shared_node.check_pod(again)


def test_add_where_the_interface_exists_fails_and_leaves_nothing(shared_node, pod):
    blocked = shared_node.new_pod("shop", "blocked")
    blocked.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth9")
    before = shared_node.pod_links()
    with pytest.raises(CniError):
        shared_node.cni(blocked.env("ADD"), shared_node.conf())
    weir.wait_for(lambda: shared_node.pod_links() == before, "the host side is taken back")
    ready = [ep for ep in shared_node.endpoints().values() if ep["containerID"] == blocked.container_id]
    assert [ep for ep in ready if ep["state"] != "leaving"] == []


def give_a_default_route(netns):
    """As another plugin would: an interface of its own, and everything through it."""
    netns.ip("link", "add", "other0", "type", "veth", "peer", "name", "other1")
    netns.ip("link", "set", "other1", "up")
    netns.ip("link", "set", "other0", "up")
    netns.ip("route", "add", "default", "dev", "other0")


def test_a_second_way_out_is_refused_and_the_first_one_stays(shared_node, pod):
    first = pod("both")
    before = first.ip("route") + first.ip("-6", "route")
    env = first.env("ADD", CNI_IFNAME="net1")
    with pytest.raises(CniError, match="cannot add the route"):
        shared_node.cni(env, shared_node.conf())
    shared_node.cni({**env, "CNI_COMMAND": "DEL"}, shared_node.conf())
    assert first.ip("route") + first.ip("-6", "route") == before
    assert first.reaches("icmp", NODE_IPS[0])


@pytest.mark.parametrize("members, code", [
    ({"runtimeConfig": {"bandwidth": {"ingressRate": 1000, "ingressBurst": 1000}}}, 2),
    ({"runtimeConfig": {"bandwidth": {"egressRate": 1}}}, 2),
    ({"runtimeConfig": {"ips": ["no address"]}}, 7),
    ({"runtimeConfig": {"mac": "ff:ff:ff:ff:ff:ff"}}, 7),
    ({"runtimeConfig": {"portMappings": [{"hostPort": 1, "containerPort": 1, "protocol": "icmp"}]}}, 7),
    ({"ipam": {"type": "../evil"}}, 7),
    ({"name": "no/name"}, 7),
    ({"cniVersion": "9.0.0"}, 1),
])
def test_add_refuses_what_it_cannot_keep(shared_node, pod, members, code):
    before = shared_node.pod_links()
    refused(code, pod, conf={**shared_node.conf(), **members})
    assert shared_node.pod_links() == before


def test_bandwidth_of_zero_is_no_limit(shared_node, pod):
    pod(runtime={"bandwidth": {"ingressRate": 0, "egressRate": 0}})


# Wishes

@pytest.mark.parametrize("suffix", ["", "/16"])
def test_wanted_addresses_are_given(pod, suffix):
    wanted = ("10.77.9.9", "fd00:77::99")
    bits = (suffix, suffix and "/112")
    assert pod(ips=[ip + end for ip, end in zip(wanted, bits)]).ips == list(wanted)


@pytest.mark.parametrize("ip", ["10.99.0.1", "10.77.0.1", "10.77.0.0", "10.77.255.255", "fd01::1"])
def test_wanted_addresses_that_cannot_be_given_are_refused(pod, ip):
    with pytest.raises(CniError):
        pod(ips=[ip])


def test_a_wanted_address_of_another_pod_is_refused(pod):
    taken = pod(ips=["10.77.9.10"])
    with pytest.raises(CniError):
        pod(ips=["10.77.9.10"])
    assert taken.reaches("icmp", NODE_IPS[0])


def test_the_wanted_mac_is_given(pod):
    added = pod(runtime={"mac": "02:00:00:12:34:56"})
    assert added.links()["eth0"]["address"] == "02:00:00:12:34:56"
    assert added.reaches("icmp", NODE_IPS[0])


MAPPING_STYLES = {
    "camel": lambda host, inner, proto: {"hostPort": host, "containerPort": inner, "protocol": proto},
    "go": lambda host, inner, proto: {"HostPort": host, "ContainerPort": inner, "Protocol": proto.upper(),
                                      "HostIP": ""},
}


@pytest.mark.parametrize("style", MAPPING_STYLES)
def test_a_host_port_reaches_the_pod_from_outside_and_from_the_node(shared_node, pod, style):
    mapping = MAPPING_STYLES[style]
    added = pod(runtime={"portMappings": [mapping(8080, 80, "tcp"), mapping(5353, 53, "udp")]})
    other = pod()
    added.serve("tcp:80", "udp:53")
    targets = [target for ip in NODE_IPS for target in (("tcp", ip, 8080), ("udp", ip, 5353))]
    for client in (shared_node.outside, shared_node.net, other, added):
        assert client.probe_answers(*targets) == [("open", added.name)] * 4, client.name
    shared_node.del_pod(added)
    assert "open" not in shared_node.outside.probe(*targets, timeout_ms=500)


def test_a_host_port_of_one_address_is_no_other_addresses(shared_node, pod):
    mapping = {"hostPort": 8081, "containerPort": 80, "protocol": "tcp", "hostIP": NODE_IPS[0]}
    pod(runtime={"portMappings": [mapping]}).serve("tcp:80")
    assert shared_node.outside.probe(("tcp", NODE_IPS[0], 8081), ("tcp", NODE_IPS[1], 8081)) == ["open", "refused"]


def test_one_number_is_a_host_port_of_each_address_and_protocol(shared_node, pod):
    wanted = [("tcp", NODE_IPS[0]), ("tcp", NODE_IPS[1]), ("udp", NODE_IPS[0])]
    owners = []
    for proto, ip in wanted:
        mapping = {"hostPort": 8083, "containerPort": 80, "protocol": proto, "hostIP": ip}
        owners.append(pod(runtime={"portMappings": [mapping]}))
        owners[-1].serve(f"{proto}:80")
    assert shared_node.outside.probe_answers(*((proto, ip, 8083) for proto, ip in wanted)) == \
        [("open", owner.name) for owner in owners]


def test_a_host_port_in_use_is_refused(pod):
    mapping = {"hostPort": 8082, "containerPort": 80, "protocol": "tcp"}
    pod(runtime={"portMappings": [mapping]})
    with pytest.raises(CniError):
        pod(runtime={"portMappings": [mapping]})


def test_datagrams_from_one_port_find_the_next_pod_of_a_host_port(shared_node, pod):
    """The kernel remembers who they went to, as long as they come."""
    mapping = {"hostPort": 5354, "containerPort": 53, "protocol": "udp"}
    for ip, own in zip(NODE_IPS, OUTSIDE_IPS):
        with udp(shared_node.outside, own, 5355) as client:
            client.settimeout(0.3)
            for _ in range(2):
                added = pod(runtime={"portMappings": [mapping]})
                with udp(added, next(a for a in added.ips if family_of(a) == family_of(ip)), 53) as server:
                    def asked(sock=server):
                        client.sendto(b"question", (ip, 5354))
                        sock.settimeout(0.3)
                        with contextlib.suppress(TimeoutError):
                            return sock.recv(64) == b"question"
                        return False
                    wait_for(asked, "the pod of now is asked")
                shared_node.del_pod(added)
                with contextlib.suppress(TimeoutError, OSError):
                    client.sendto(b"nobody", (ip, 5354))
                    client.recv(64)


# CHECK

@pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "1.1.0"])
def test_check_agrees_right_after_add(shared_node, pod, version):
    shared_node.check_pod(pod(conf=shared_node.conf(version)))


def test_check_is_not_a_verb_of_old_versions(shared_node, pod):
    refused(1, shared_node.check_pod, pod(conf=shared_node.conf("0.3.1")))


@pytest.mark.parametrize("damage", [
    lambda node, pod: pod.ip("addr", "del", f"{pod.ip4}/32", "dev", "eth0"),
    lambda node, pod: pod.ip("-6", "addr", "del", f"{pod.ip6}/128", "dev", "eth0"),
    lambda node, pod: pod.ip("link", "set", "eth0", "down"),
    lambda node, pod: pod.ip("route", "del", "default"),
    lambda node, pod: pod.ip("-6", "route", "del", "default"),
    lambda node, pod: node.net.ip("link", "set", pod.result["interfaces"][0]["name"], "down"),
    lambda node, pod: node.net.ip("link", "del", pod.result["interfaces"][0]["name"]),
    lambda node, pod: pod.result["ips"][0].update(address="10.77.200.200/32"),
], ids=["no IPv4", "no IPv6", "down", "no IPv4 route", "no IPv6 route", "host side down", "host side gone", "another result"])
def test_check_sees_damage(shared_node, pod, damage):
    added = pod()
    damage(shared_node, added)
    with pytest.raises(CniError):
        shared_node.check_pod(added)


def test_check_of_an_unknown_container(shared_node, pod):
    added = pod()
    with pytest.raises(CniError):
        shared_node.check_pod(added, CNI_CONTAINERID="unknown")


# DEL

def test_del_any_number_of_times(shared_node, pod):
    added = pod()
    for _ in range(3):
        shared_node.del_pod(added, keep=True)
    assert "eth0" not in added.links()
    assert added.result["interfaces"][0]["name"] not in shared_node.net.links()


@pytest.mark.parametrize("netns", ["", "/run/netns/no-such-namespace", None])
def test_del_without_a_namespace(shared_node, pod, netns):
    added = pod()
    shared_node.del_pod(added, keep=True, CNI_NETNS=netns)
    weir.wait_for(lambda: added.result["interfaces"][0]["name"] not in shared_node.net.links(), "the link goes")


def test_del_of_what_was_never_added(shared_node):
    env = weir.Pod.env
    stranger = shared_node.new_pod("shop", "stranger")
    shared_node.cni(env(stranger, "DEL"), shared_node.conf())
    shared_node.forget_pod(stranger)


def test_a_late_del_of_the_old_sandbox_leaves_the_new_one(shared_node, pod):
    old, new = pod("front"), pod("front")
    shared_node.del_pod(old)
    assert new.reaches("icmp", NODE_IPS[0])
    shared_node.check_pod(new)


def test_a_deleted_pod_can_send_nothing(shared_node, pod):
    added = pod()
    shared_node.outside.serve("udp:7")
    sender = added.spawn(weir.PROBE, "try", "udp", OUTSIDE_IPS[0], 7, 300)
    shared_node.del_pod(added, keep=True)
    sender.wait(timeout=10)
    assert added.probe(("udp", OUTSIDE_IPS[0], 7), timeout_ms=300) != ["open"]


def test_del_without_an_agent_is_replayed(node):
    gone, stays = node.add_pod("shop", "gone"), node.add_pod("shop", "stays")
    node.stop()
    node.del_pod(gone, keep=True)
    assert "eth0" not in gone.links(), "the plugin deletes the link itself"
    note = f"{node.run_dir}/deleted/{gone.container_id}@eth0"
    assert os.path.exists(note)
    node.start()
    weir.wait_for(lambda: not os.path.exists(note), "the note is replayed")
    assert [ep["pod"] for ep in node.endpoints().values() if ep["state"] != "leaving"] == ["stays"]
    assert node.state_files() == {f"{stays.container_id}@eth0.json"}
    assert stays.reaches("icmp", NODE_IPS[0])
    weir.wait_for(lambda: node.status()["addresses"][0]["used"] == 1, "the address is free again")


def test_a_note_that_comes_while_the_agent_runs_is_replayed(node):
    pod = node.add_pod("shop", "one")
    os.makedirs(f"{node.run_dir}/deleted", exist_ok=True)
    with open(f"{node.run_dir}/deleted/{pod.container_id}@eth0", "w", encoding="ascii"):
        pass
    weir.wait_for(lambda: not node.endpoints() and not node.pod_links(), "the pod leaves")


# STATUS, VERSION, GC

def verb(node, name, conf=None, **env):
    return node.cni({"CNI_COMMAND": name, "CNI_PATH": "/usr/lib/cni", **env}, node.conf() if conf is None else conf)


def test_status_with_and_without_an_agent(node):
    verb(node, "STATUS")
    node.stop()
    refused(50, verb, node, "STATUS")
    pod = node.new_pod("shop", "early")
    assert refused(11, node.cni, pod.env("ADD"), node.conf())
    assert list(pod.links()) == ["lo"]


@pytest.mark.parametrize("conf", ["", "{}", '{"cniVersion": "1.1.0"}', '{"cniVersion": "0.4.0"}'])
def test_version_lists_all(shared_node, conf):
    answer = verb(shared_node, "VERSION", conf)
    assert answer["supportedVersions"] == list(VERSIONS)
    asked = json.loads(conf or "{}").get("cniVersion")
    assert answer["cniVersion"] == asked or asked is None


@pytest.mark.parametrize("env, code", [({"CNI_COMMAND": "EXPLODE"}, 4), ({"CNI_COMMAND": None}, 4),
                                       ({"CNI_COMMAND": "ADD"}, 4)])
def test_a_wrong_environment_is_refused(shared_node, env, code):
    refused(code, shared_node.cni, env, shared_node.conf())


def test_gc_removes_what_is_not_listed(node):
    pods = [node.add_pod("shop", f"pod-{i}") for i in range(4)]
    other = node.add_pod("shop", "other", conf=node.conf(network="another"))
    valid = [{"containerID": pod.container_id, "ifname": "eth0"} for pod in pods[:2]]
    verb(node, "GC", node.conf(**{"cni.dev/valid-attachments": valid}))
    node.wait_gone(*pods[2:])
    assert set(node.endpoints()) == {"shop/pod-0", "shop/pod-1", "shop/other"}
    assert all(pod.reaches("icmp", NODE_IPS[0]) for pod in (*pods[:2], other))
    refused(7, verb, node, "GC")
    assert len(node.endpoints()) == 3, "a list that is missing is no empty one"
    verb(node, "GC", node.conf(**{"cni.dev/attachments": []}))
    node.wait_gone(*pods[:2])
    assert set(node.endpoints()) == {"shop/other"}


# With other plugins

def held(node):
    """The addresses that host-local has given."""
    return [name for name in os.listdir(f"{node.dir}/ipam/weir") if name[0].isdigit() or ":" in name]


@needs_plugins
def test_addresses_of_an_ipam_plugin(nodes):
    node = nodes(cidrs=("10.9.0.0/24", "fd09::/112"))
    conf = node.conf("1.0.0", ipam=host_local(node))
    one, two = node.add_pod("shop", "one", conf=conf), node.add_pod("shop", "two", conf=conf)
    assert sorted(held(node)) == sorted(one.ips + two.ips) and len(one.ips) == 2
    two.serve("tcp:80")
    assert one.probe(("tcp", two.ip4, 80), ("tcp", two.ip6, 80), ("icmp", OUTSIDE_IPS[0], 0)) == ["open"] * 3
    node.check_pod(one)
    node.restart()
    assert one.reaches("tcp", two.ip4, 80)
    for pod in (one, two):
        node.del_pod(pod)
    assert held(node) == []


@needs_plugins
def test_an_address_of_an_ipam_plugin_goes_back_when_add_fails(node):
    blocked = node.new_pod("shop", "blocked")
    give_a_default_route(blocked)  # ADD notices after it has an address
    with pytest.raises(CniError, match="default route"):
        node.cni(blocked.env("ADD"), node.conf("1.0.0", ipam=host_local(node)))
    assert held(node) == []


@needs_plugins
def test_a_chained_pod_that_left_at_once_is_not_pinned_later(node):
    """Its link stays with the other plugin, so nothing would ever take such a pin away."""
    chain = Chain(node)
    stays = node.add_pod("shop", "stays")
    brief = chain.add("brief")
    node.del_pod(brief, keep=True)
    # The youngest is promoted first: when the other has its pins, this one's turn is over.
    weir.wait_for(lambda: len(node.pod_pins()) >= 2, "the pod that stays is promoted")
    link = stays.result["interfaces"][0]["name"]
    weir.wait_for(lambda: f"{node.net.links()[link]['ifindex']}-to_pod" in node.pod_pins(), "it is the one that stays")
    assert {pin.split("-")[0] for pin in node.pod_pins()} == {str(node.net.links()[link]["ifindex"])}


@needs_plugins
def test_behind_the_bridge_plugin_policies_hold(node):
    chain = Chain(node)
    node.pod_manifest(("shop/front", {"app": "front"}), ("shop/back", {"app": "back"}), ("shop/other", {}))
    node.manifest("back", {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "back", "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"app": "back"}},
                 "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}]}})
    front, back, other = chain.add("front"), chain.add("back"), chain.add("other")
    for pod in (front, back, other):
        pod.serve("tcp:80")
        node.check_pod(pod)
    for ip in back.ips:
        assert front.reaches("tcp", ip, 80), ip
        assert other.probe(("tcp", ip, 80), timeout_ms=500) == ["timeout"], ip
    assert back.reaches("tcp", front.ip4, 80) and back.reaches("tcp", front.ip6, 80)
    node.restart()
    assert front.reaches("tcp", back.ip4, 80) and not other.reaches("tcp", back.ip4, 80, timeout_ms=500)
    for pod in (front, back, other):
        chain.delete(pod)
    node.wait_gone()
    assert node.pod_pins() == set()
