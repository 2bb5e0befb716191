# SPDX-License-Identifier: Apache-2.0
"""What somebody else changes in the kernel is found, counted, said and put right."""

import os
import random

import pytest

import services
import weir
from kernel import bpftool, filters, links, pinned_map
from scene import FRONT_ONLY, Scene, back_policy
from traffic import policy, rule

GROUPS = 70  # more than fit in one word: they need rows of policy_bits
LB = ("203.0.113.7", "2001:db8:1::7")
# Where a key says whose it is: an entry with another value there is nobody's. Arrays have none.
NOBODYS = {"peer4": 3, "peer6": 15, "policy_class": 4, "policy_port": 7, "policy_cidr4": 7, "policy_cidr6": 7,
           "policy_bits": 3, "frontend4": 4, "frontend6": 16, "service_range4": 7, "service_range6": 7}
SIZES = {"ruleset": 64, "service_port": 64, "backend": 64, "backend_slot": 2048}
ARRAYS = ("ruleset", "endpoint", "service_port", "backend", "backend_slot")


def drift(node):
    return node.status()["drift"]


def found(node, table):
    """How often something was found there, and that all of it was healed."""
    counts = {entry["name"]: entry for entry in drift(node)["tables"]}
    assert not any(entry["failed"] for entry in counts.values()), counts
    return counts.get(table, {"found": 0})["found"]


def raw(node, table):
    """{key: value} in bytes; elements of zeros of an array are left out."""
    dumped = bpftool("map", "dump", "pinned", pinned_map(node, table))
    entries = {bytes(int(x, 16) for x in e["key"]): bytes(int(x, 16) for x in e["value"]) for e in dumped}
    return {key: value for key, value in entries.items() if table not in ARRAYS or any(value)}


def hexed(data):
    return ["hex", *(f"{byte:02x}" for byte in data)]


def put(node, table, key, value):
    weir.run("bpftool", "map", "update", "pinned", pinned_map(node, table), "key", *hexed(key), "value", *hexed(value))


def remove(node, table, key):
    if table in ARRAYS:
        put(node, table, key, bytes(len(raw(node, table)[key])))
    else:
        weir.run("bpftool", "map", "delete", "pinned", pinned_map(node, table), "key", *hexed(key))


def flip(data, index, mask=0x5a):
    return data[:index] + bytes([data[index] ^ mask]) + data[index + 1:]


def whole_round(node):
    """One begins after now, and ends: the one that is going on may have passed what was harmed."""
    rounds = drift(node)["rounds"]
    weir.wait_for(lambda: drift(node)["rounds"] >= rounds + 2, "a whole round")


def quiet(node):
    """A whole round has ended since now, and nothing was passed over."""
    rounds = drift(node)["rounds"]
    weir.wait_for(lambda: drift(node)["rounds"] >= rounds + 2 and not drift(node)["lastSkippedTables"], "two rounds")


@pytest.fixture(scope="module")
def shared():
    # Small, because bpftool needs seconds for a large array.
    sizes = [f"--table-size={table}={size}" for table, size in SIZES.items()]
    with weir.Node(options=["--maglev-table-size=251", *sizes]) as node:
        scene = Scene(node)
        rules = [*FRONT_ONLY, rule("from", cidrs=["198.51.100.0/24", "2001:db8:9::/64"], ports=["tcp:7"]),
                 *[rule("from", cidrs=["10.9.0.0/16"], ports=[f"tcp:{number + 100}"]) for number in range(GROUPS)]]
        node.manifest("back", back_policy(rules))
        node.manifest("wide", policy("shop", "narrow", {"app": "stranger"}, egress=[
            rule("to", labels={"app": "back"}), rule("to", cidrs=["203.0.113.0/24", "fd00:96::/64"])]))
        for address, vip, lb in zip(scene.back.ips, services.VIPS, LB):
            kind = services.FAMILY_NAMES[weir.family_of(address)]
            name = f"web{weir.family_of(address)}"
            node.manifest(name, {
                **services.service(f"shop/{name}", "tcp:80:http", vips=(vip,), type="LoadBalancer",
                                   loadBalancerSourceRanges=["192.0.2.0/24", "2001:db8::/64"]),
                "status": {"loadBalancer": {"ingress": [{"ip": lb}]}}},
                services.endpoint_slice(f"shop/{name}", kind.lower(), [services.endpoint(address, node.name, scene.back)],
                                        "tcp:80:http"))
        yield scene


@pytest.fixture
def scene(shared):
    quiet(shared.node)
    return shared


def works(scene):
    assert scene.reach() == {"front"}
    asked = [("tcp", vip, 80) for vip in services.VIPS]
    assert scene.front.probe(*asked) == ["open", "open"]
    assert scene.stranger.probe(*asked, timeout_ms=300) == ["timeout", "timeout"]


def healed(scene, table, before, count, harm):
    """Of @harm nothing is left after the next round; it was counted and said."""
    node = scene.node
    was, log = found(node, table), len(node.log_text())
    harm()
    whole_round(node)
    assert raw(node, table) == before
    assert found(node, table) == was + count, drift(node)
    assert node.log_text()[log:].count(f"drift in {table}: ") == count
    assert f"{table} {was + count}" in node.weir("status")


def pick(entries, seed=1):
    return random.Random(seed).choice(sorted(entries))


@pytest.mark.parametrize("table", [*NOBODYS, *ARRAYS])
def test_an_entry_that_is_gone_comes_back(scene, table):
    before = raw(scene.node, table)
    assert before, f"{table} has entries"
    healed(scene, table, before, 1, lambda: remove(scene.node, table, pick(before)))
    works(scene)


@pytest.mark.parametrize("table", [*NOBODYS, *ARRAYS])
def test_an_entry_that_is_altered_is_put_right(scene, table):
    before = raw(scene.node, table)
    key = pick(before, 2)
    healed(scene, table, before, 1, lambda: put(scene.node, table, key, flip(before[key], 0)))


@pytest.mark.parametrize("table", NOBODYS)
def test_an_entry_that_is_nobody_s_goes(scene, table):
    before = raw(scene.node, table)
    key = pick(before, 3)
    stranger = flip(key, NOBODYS[table])
    assert stranger not in before
    healed(scene, table, before, 1, lambda: put(scene.node, table, stranger, before[key]))


def test_all_peers_are_gone(scene):
    before = raw(scene.node, "peer4")
    healed(scene, "peer4", before, len(before), lambda: [remove(scene.node, "peer4", key) for key in before])
    address = next(ip for ip in scene.back.ips if weir.family_of(ip) == 4)
    assert f"drift in peer4: peer {address} was missing" in scene.node.log_text()
    works(scene)


ADDR6_TURN = 52  # of struct node_state: counts how often the address was written


@pytest.mark.parametrize("at, size, value",
                         ((0, 4, 0), (0, 4, 7), (4, 4, 0), (8, 4, 1), (16, 16, 2), (60, 4, 1), (80, 16, 1 << 127)),
                         ids=("no policy", "another generation", "no services", "another address", "and of IPv6",
                              "service CIDRs", "and what is in one"))
def test_the_state_of_the_node_is_put_right(scene, at, size, value):
    node = scene.node
    before = raw(node, "state")
    key, old = next(iter(before.items()))
    new = old[:at] + value.to_bytes(size, "little") + old[at + size:]
    was = found(node, "state")
    put(node, "state", key, new)
    whole_round(node)
    now = raw(node, "state")[key]
    assert (now[:ADDR6_TURN], now[ADDR6_TURN + 4:]) == (old[:ADDR6_TURN], old[ADDR6_TURN + 4:])
    assert found(node, "state") == was + 1
    works(scene)


def host_side(pod):
    return next(link["name"] for link in pod.result["interfaces"] if not link.get("sandbox"))


def pins(node, pod):
    """The pins of a pod's links."""
    index = str(node.net.links()[host_side(pod)]["ifindex"])
    return [pin for pin in node.pins() if pin.startswith(f"{index}-")]


def test_a_link_that_is_detached_is_attached_again(scene):
    node = scene.node
    for harm in ("detach", "unpin"):
        [pin] = [pin for pin in weir.wait_for(lambda: len(pins(node, scene.back)) == 2 and pins(node, scene.back),
                                              "links are pinned") if pin.endswith("to_pod")]
        quiet(node)
        was, path = found(node, "links"), f"{node.bpffs}/links/{pin}"
        former = links(node)[pin]
        if harm == "detach":
            weir.run("bpftool", "link", "detach", "pinned", path)
        else:
            os.unlink(path)
        whole_round(node)
        assert found(node, "links") == was + 1
        weir.wait_for(lambda: links(node)[pin][0] != former[0] and links(node)[pin][1] == former[1], "a new link")
        assert f"a program of pod shop/back was not attached to {host_side(scene.back)}" in node.log_text()
        works(scene)


def test_a_pod_without_any_program_is_guarded_at_once(scene):
    node = scene.node
    name = host_side(scene.back)
    weir.wait_for(lambda: len(pins(node, scene.back)) == 2, "links are pinned")
    quiet(node)
    was = found(node, "links")
    node.net.exec("tc", "qdisc", "del", "dev", name, "clsact")
    for pin in pins(node, scene.back):
        os.unlink(f"{node.bpffs}/links/{pin}")
    whole_round(node)
    assert sorted(filters(node, name)) == ["from_pod", "to_pod"]
    weir.wait_for(lambda: len(pins(node, scene.back)) == 2, "links are pinned again")
    assert found(node, "links") > was
    works(scene)


def test_the_programs_of_the_uplink_come_back(scene):
    node = scene.node
    pin = next(pin for pin in node.pins() if pin.endswith("from_wire"))
    was = found(node, "links")
    os.unlink(f"{node.bpffs}/links/{pin}")
    whole_round(node)
    assert found(node, "links") == was + 1
    weir.wait_for(lambda: pin in links(node), "it is attached again")


def test_while_objects_change_nothing_is_found(nodes):
    """Pods, policies and services come and go, each with writes that wait for a grace period."""
    node = nodes()
    dice = random.Random(7)
    pods = []
    for step in range(60):
        if len(pods) < 3 or (len(pods) < 6 and dice.random() < 0.5):
            pods.append(node.add_pod("shop", f"p{step}", labels={"app": dice.choice("abc")}))
        else:
            node.del_pod(pods.pop(dice.randrange(len(pods))))
        chosen = dice.choice("abc")
        node.manifest("policy", policy("shop", "some", {"app": chosen}, ingress=[
            rule("from", labels={"app": dice.choice("abc")}, cidrs=[f"10.{dice.randrange(200)}.0.0/16"],
                 ports=[f"tcp:{dice.randrange(1, 60000)}"])]), wait=False)
        node.manifest("web", services.service("shop/web", "tcp:80:http", vips=services.VIPS[:1]),
                      services.endpoint_slice("shop/web", "v4", [
                          services.endpoint(pod.ip4, node.name, pod) for pod in pods if dice.random() < 0.6],
                          "tcp:80:http"), wait=False)
        if step % 20 == 19:
            node.restart()
    node.settle()
    quiet(node)
    assert not drift(node)["found"] and drift(node)["rounds"] and "drift in" not in node.log_text()


def test_a_round_begins_every_second(scene):
    """Where nobody has said otherwise: what "after the next round" means to a user."""
    assert drift(scene.node)["intervalSeconds"] == 1


def test_it_can_be_turned_off(nodes):
    node = nodes(options=["--drift-interval=off"])
    assert drift(node)["intervalSeconds"] == 0 and drift(node)["rounds"] == 0
    assert "Drift       not looked for" in node.weir("status")
