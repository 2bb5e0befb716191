# SPDX-License-Identifier: Apache-2.0
"""An agent that starts while manifests are broken: what they said to the agent before is in force."""

import os
import re
import stat

import pytest
import yaml

from scene import BROKEN_YAML, FRONT_ONLY, NOBODY, back_policy, text_of, write_in_place
from traffic import policy
from weir import CIDRS, Node, run, wait_for

VERSION = r"; the version of \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ stays in force$"


class Copies:
    """What the agent keeps of its manifests."""

    def __init__(self, node):
        self.path = f"{node.state}/manifest-copies"

    def text(self, name):
        """None when there is no copy."""
        try:
            with open(f"{self.path}/{name}", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def wait(self, name, text):
        wait_for(lambda: (self.text(name) or "").startswith(text), f"{name} is copied")


@pytest.fixture
def copies(scene):
    return Copies(scene.node)


def put_in_force(scene, copies, text, *expected):
    scene.becomes(lambda: scene.node.write("p.yaml", text), *expected)
    copies.wait("p.yaml", text)


def test_a_file_that_broke_without_an_agent_isolates_after_the_start(scene, copies):
    put_in_force(scene, copies, text_of(back_policy(FRONT_ONLY)), "front")
    scene.node.kill9()
    scene.node.write("p.yaml", BROKEN_YAML)
    scene.node.start()
    assert scene.reach() == {"front"}
    assert re.search(VERSION, scene.problem("p.yaml")["text"])
    assert not scene.node.status()["healthy"]

    scene.node.restart()  # once more: the copy is not used up
    assert scene.reach() == {"front"}

    scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy(NOBODY))))
    scene.healthy()
    copies.wait("p.yaml", text_of(back_policy(NOBODY)))


def test_a_file_that_went_without_an_agent_is_gone(scene, copies):
    put_in_force(scene, copies, text_of(back_policy(NOBODY)))
    scene.node.kill9()
    os.unlink(scene.path("p.yaml"))
    scene.node.start()
    assert scene.reach() == {"front", "stranger"} and not scene.node.problems()
    wait_for(lambda: copies.text("p.yaml") is None, "the copy goes with its file")
    scene.node.kill9()
    scene.node.write("p.yaml", BROKEN_YAML)
    scene.node.start()
    assert scene.reach() == {"front", "stranger"}
    assert "stays in force" not in scene.problem("p.yaml")["text"]


def test_a_pod_whose_object_broke_without_an_agent_stays_selected(scene, copies):
    put_in_force(scene, copies, text_of(back_policy(NOBODY)))
    name = "pod-shop-back.yaml"
    with open(scene.path(name), encoding="utf-8") as file:
        good = file.read()
    copies.wait(name, good)
    broken = yaml.safe_load(good)
    broken["metadata"]["labels"] = ["app"]
    scene.node.kill9()
    scene.node.write(name, text_of(broken))
    scene.node.start()
    assert scene.reach() == set()
    found = scene.problem(name)
    assert found["object"] == "Pod shop/back" and "; its version of 2" in found["text"]
    scene.node.write(name, good)
    scene.healthy()


def test_documents_that_can_be_read_isolate_from_the_first_start(scene):
    scene.node.kill9()
    scene.node.write("p.yaml", text_of(policy("shop", "front", {"app": "front"}, egress=[])) + "---\n" +
                     BROKEN_YAML + "---\n" + text_of(back_policy(NOBODY, "more")))
    scene.node.start()
    assert scene.reach() == set()
    assert scene.problem("p.yaml")["text"].endswith("; what can be read of it is in force")


def test_a_reboot_with_a_broken_file_opens_nothing():
    with Node(uplink=False) as node:
        copies, text = Copies(node), text_of(back_policy(NOBODY))
        node.pod_manifest(("shop/front", {"app": "front"}), ("shop/back", {"app": "back"}))
        node.write("p.yaml", text)
        copies.wait("p.yaml", text)
        node.kill9()
        write_in_place(f"{node.manifests}/p.yaml", text[:len(text) // 4])
        node.delete_network()
        node.umount_bpffs()
        node.mount_bpffs()
        node.make_network(uplink=False)
        node.start()
        front, back = node.add_pod("shop", "front"), node.add_pod("shop", "back")
        back.serve("tcp:80")
        results = front.probe(*[("tcp", ip, 80) for ip in back.ips], timeout_ms=300)
        assert len(results) == len(CIDRS) and "open" not in results


def test_a_full_disk_stops_nothing_and_leaves_the_former_copy(scene, copies):
    put_in_force(scene, copies, text_of(back_policy(NOBODY)))
    mode = os.stat(f"{copies.path}/p.yaml").st_mode
    assert stat.S_IMODE(mode) == 0o600 and stat.S_IMODE(os.stat(copies.path).st_mode) == 0o700
    scene.node.kill9()
    run("mount", "-t", "tmpfs", "-o", "size=64k", "weir-test", copies.path)
    try:
        scene.node.start()
        small = text_of(back_policy(NOBODY))
        copies.wait("p.yaml", small)
        scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy(FRONT_ONLY)) + "#" * 100000), "front")
        [found] = wait_for(scene.node.problems, "it is said that there is no room")
        assert found["file"] == copies.path and found["warning"]
        assert found["text"].endswith("No space left on device")
        assert scene.node.status()["healthy"] and copies.text("p.yaml").startswith(small)
        scene.node.kill9()
        scene.node.write("p.yaml", BROKEN_YAML)
        scene.node.start()
        assert scene.reach() == set()
    finally:
        run("umount", "-l", copies.path)
