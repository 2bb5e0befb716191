# SPDX-License-Identifier: Apache-2.0
"""Tables that are too small: what does not fit is refused by name, and what was in force goes on judging packets."""

import os

import pytest

from scene import FRONT_ONLY, Scene, back_policy, text_of
from traffic import policy, rule
from weir import CniError, Node, wait_for

SIZES = {"peer4": 24, "peer6": 24, "ruleset": 6, "policy_class": 24, "policy_port": 24, "policy_cidr4": 24,
         "policy_cidr6": 24, "policy_bits": 4}
MANY = 40
GROUPS = 70  # more than fit in one word: they need rows of policy_bits
BACK = "NetworkPolicy shop/back"
STRANGER = rule("from", labels={"app": "stranger"})


def remote(number, address, label="yes"):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "shop", "name": f"far-{number}", "labels": {"many": label}},
            "spec": {"nodeName": "another", "containers": []}, "status": {"podIPs": [{"ip": address}]}}


def too_many_peers(address):
    """The stranger may reach the back, and so may pods with more addresses than there is room for."""
    return [back_policy([STRANGER, rule("from", labels={"many": "yes"})]),
            *[remote(number, address.format(number + 1)) for number in range(MANY)]]


def too_many_rule_sets():
    """Beside the one in force, one for each pod and direction."""
    return [back_policy([STRANGER]), *[
        policy("shop", f"of-{app}", {"app": app}, ingress=[rule("from", cidrs=[f"10.1.{number}.0/24"]), STRANGER],
               egress=[rule("to", cidrs=[f"10.2.{number}.0/24"])])
        for number, app in enumerate(("front", "stranger", "back"))]]


def too_many_classes():
    labels = [{"many": f"l{number}"} for number in range(MANY)]
    return [back_policy([STRANGER, *[rule("from", labels=label) for label in labels]]),
            *[remote(number, f"10.99.0.{number + 1}", f"l{number}") for number in range(MANY)]]


def too_many_ports():
    return [back_policy([STRANGER, rule("from", ports=[f"tcp:{2 * number + 1}" for number in range(MANY)])])]


def too_many_blocks(block):
    return [back_policy([STRANGER, rule("from", cidrs=[block.format(number) for number in range(MANY)])])]


def too_many_groups():
    return [back_policy([STRANGER, *[rule("from", cidrs=["10.9.0.0/16"], ports=[f"tcp:{number + 1}"])
                               for number in range(GROUPS)]])]


# Table: what is too much for it, and the object that is named.
CASES = {
    "peer4": (lambda: too_many_peers("10.99.0.{}"), "Pod shop/far-"),
    "peer6": (lambda: too_many_peers("fd00:99::{}"), "Pod shop/far-"),
    "ruleset": (too_many_rule_sets, "NetworkPolicy shop/of-"),
    "policy_class": (too_many_classes, BACK),
    "policy_port": (too_many_ports, BACK),
    "policy_cidr4": (lambda: too_many_blocks("10.{}.0.0/16"), BACK),
    "policy_cidr6": (lambda: too_many_blocks("fd00:{}::/32"), BACK),
    "policy_bits": (too_many_groups, BACK),
}


@pytest.fixture(scope="module")
def shared():
    with Node(options=[f"--table-size={name}={size}" for name, size in SIZES.items()]) as node:
        yield Scene(node)


@pytest.fixture
def small(shared):
    yield shared
    shared.clean()


def tables(node):
    """Of those that the agent fills: entries and limit."""
    return {table["name"]: (table["entries"], table["max"])
            for table in node.status()["maps"] if not table["name"].startswith("ct")}


def refused(node, table, owner):
    """The error, once everybody who is asked says it."""
    def told():
        error = node.status()["policy"]["error"]
        return error if f"table {table} is full with its {SIZES[table]} entries" in error else None
    error = wait_for(told, f"{table} is said to be full")
    assert owner in error and error.endswith("the former policy stays in force")
    assert not node.status()["healthy"]
    assert error in node.weir("status")
    wait_for(lambda: error in node.log_text(), "the log says it too")
    return error


@pytest.mark.parametrize("table", CASES)
def test_what_does_not_fit_leaves_the_former_policy_in_force(small, table):
    node = small.node
    small.becomes(lambda: node.write("p.yaml", text_of(back_policy(FRONT_ONLY))), "front")
    before, versions = tables(node), node.status()["policy"]
    make, owner = CASES[table]
    node.write("p.yaml", text_of(*make()))
    error = refused(node, table, owner)
    assert small.reach() == {"front"}, "the stranger may, says the policy that does not fit"

    # Not only what is too much: nothing of what has changed since is in force.
    node.write("q.yaml", text_of(back_policy([STRANGER], "more")))
    wait_for(lambda: node.status()["policy"]["storeVersion"] > versions["storeVersion"] + 1, "the other file is read")
    assert small.reach() == {"front"}
    assert tables(node) == before and node.status()["policy"]["appliedVersion"] == versions["appliedVersion"]
    assert before[table][1] == SIZES[table]
    assert node.log_text().count(error) == 1, "it is tried again and again, and said once"
    newcomer = node.new_pod("shop", "newcomer")
    newcomer.conf = node.conf()
    with pytest.raises(CniError) as refusal:
        node.cni(newcomer.env("ADD"), newcomer.conf)
    assert table in refusal.value.error["details"]
    node.cni(newcomer.env("DEL"), newcomer.conf)
    node.forget_pod(newcomer)

    # It recovers when there is room, without being asked.
    node.write("p.yaml", text_of(back_policy(FRONT_ONLY)))
    os.unlink(small.path("q.yaml"))
    wait_for(lambda: node.status()["healthy"], "the policy fits again")
    node.settle()
    assert small.reach() == {"front"} and tables(node) == before
