# SPDX-License-Identifier: Apache-2.0
"""The manifests directory as people and programs drive it: what is in force afterwards, and what is reported."""

import os
import shutil
import time

import pytest
import yaml

from scene import BROKEN_YAML, FRONT_ONLY, NOBODY, back_policy, text_of, write_in_place
from traffic import policy, rule
from weir import wait_for

FILES = 1000
SERVICES, SERVICES_A_FILE, NOTES = 30000, 2500, 12


# Ways to write

def test_a_file_that_is_renamed_into_place_acts(scene, record_property):
    times = [scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy(NOBODY)))),
             scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy(FRONT_ONLY))), "front"),
             scene.becomes(lambda: os.unlink(scene.path("p.yaml")), "front", "stranger")]
    record_property("milliseconds", [round(took * 1000) for took in times])


def test_a_file_that_is_written_in_place_acts(scene):
    scene.becomes(lambda: write_in_place(scene.path("p.yaml"), text_of(back_policy(NOBODY))))
    scene.becomes(lambda: write_in_place(scene.path("p.yaml"), text_of(back_policy(FRONT_ONLY))), "front")


def test_half_a_file_changes_nothing_until_the_rest_is_there(scene):
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy(FRONT_ONLY))), "front")
    text = yaml.safe_dump(back_policy(NOBODY), default_flow_style=True)  # one bracket: no half of it can be read
    with open(scene.path("p.yaml"), "w", encoding="utf-8") as file:
        file.write(text[:len(text) // 2])
        file.flush()
        scene.node.settle()
        assert scene.reach() == {"front"}
        scene.problem("p.yaml")  # its writer has been quiet for long enough
        assert scene.reach() == {"front"}
        file.write(text[len(text) // 2:])
    wait_for(lambda: not scene.reach(), "the whole file is in force")
    scene.healthy()


def test_names_that_are_no_manifests_are_left_alone(scene):
    for name in (".hidden.yaml", "p.yaml.tmp", "p.yaml~", "README", ".p.yaml.swp"):
        write_in_place(scene.path(name), text_of(back_policy(NOBODY)))
    scene.node.settle()
    assert scene.reach() == {"front", "stranger"} and not scene.node.problems()


def test_objects_go_with_their_file(scene):
    """A label that is gone takes the pod out of the policy, and the policy's peers."""
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy(FRONT_ONLY))), "front")
    kept = scene.path("pod-shop-front.yaml")
    with open(kept, encoding="utf-8") as file:
        text = file.read()
    scene.becomes(lambda: os.unlink(kept))
    scene.becomes(lambda: scene.node.write("pod-shop-front.yaml", text), "front")


def test_the_first_of_two_files_that_say_one_object_wins(scene):
    scene.becomes(lambda: scene.node.write("a.yaml", text_of(back_policy(FRONT_ONLY))), "front")
    scene.node.write("b.yaml", text_of(back_policy(NOBODY)))
    found = scene.problem("b.yaml")
    assert found["object"] == "NetworkPolicy shop/back" and scene.path("a.yaml") in found["text"]
    assert scene.reach() == {"front"}
    scene.becomes(lambda: os.unlink(scene.path("a.yaml")))
    scene.healthy()


class ConfigMap:
    """Files that are links through ..data to a directory which is exchanged as a whole, as a kubelet mounts them."""

    def __init__(self, directory):
        self.directory, self.version = directory, 0

    def swap(self, files):
        self.version += 1
        old, new = f"{self.directory}/..v{self.version - 1}", f"..v{self.version}"
        os.mkdir(f"{self.directory}/{new}")
        for name, text in files.items():
            write_in_place(f"{self.directory}/{new}/{name}", text)
        os.symlink(new, f"{self.directory}/..data_tmp")
        os.rename(f"{self.directory}/..data_tmp", f"{self.directory}/..data")
        for name in files:
            if not os.path.lexists(f"{self.directory}/{name}"):
                os.symlink(f"..data/{name}", f"{self.directory}/{name}")
        if os.path.isdir(old):
            shutil.rmtree(old)


def test_a_config_map_is_swapped_as_one(scene):
    mounted = ConfigMap(scene.node.manifests)

    def swap(ingress, egress):
        mounted.swap({"in.yaml": text_of(back_policy(ingress)),
                      "out.yaml": text_of(policy("shop", "out", {"app": "front"}, egress=egress))})
    scene.becomes(lambda: swap(FRONT_ONLY, [{}]), "front")
    scene.becomes(lambda: swap([{}], []), "stranger")
    scene.becomes(lambda: swap(FRONT_ONLY, [{}]), "front")


def test_services_and_their_endpoints_do_not_compute_policy_again(scene):
    """Nor does an endpoint that comes or goes: it tells nothing to policy."""
    def objects():
        [source] = scene.node.status()["sources"]
        return source["objects"]

    def slice_of(*addresses):
        return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
                "endpoints": [{"addresses": [address]} for address in addresses]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
               "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 80}]}}
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy(FRONT_ONLY))), "front")
    count, before = objects(), scene.node.status()["policy"]
    scene.node.write("s.yaml", text_of(service, slice_of("10.0.0.1")))
    wait_for(lambda: objects() == count + 2, "the service is read")
    scene.node.write("s.yaml", text_of(slice_of("10.0.0.2", "10.0.0.3")))
    wait_for(lambda: objects() == count + 1, "the service is gone and the slice has changed")
    assert scene.node.status()["policy"] == before
    assert scene.reach() == {"front"}


# What is broken

def test_a_broken_file_says_what_it_said_and_the_rest_goes_on(scene):
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy(NOBODY))))
    scene.node.write("p.yaml", BROKEN_YAML)
    found = scene.problem("p.yaml")
    assert found["line"] and "stays in force" in found["text"]
    assert not scene.node.status()["healthy"] and scene.reach() == set()
    scene.becomes(lambda: scene.node.write("q.yaml", text_of(back_policy(FRONT_ONLY, "more"))), "front")
    scene.node.write("p.yaml", text_of(back_policy(NOBODY)))
    scene.healthy()
    assert scene.reach() == {"front"}


def test_a_broken_object_is_named_and_its_neighbours_are_in_force(scene):
    broken = policy("shop", "broken", {"app": "nobody"}, ingress=[{"ports": [{"port": 70000}]}])
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(
        back_policy(NOBODY), broken, back_policy(FRONT_ONLY, "last"))), "front")
    found = scene.problem("p.yaml")
    assert (found["document"], found["object"]) == (2, "NetworkPolicy shop/broken")
    assert found["field"] == "spec.ingress[0].ports[0].port" and found["line"] and not found["warning"]


BROKEN_POLICIES = {
    "a port that is none": (back_policy([{"ports": [{"port": 0}]}]), "spec.ingress[0].ports[0].port"),
    "a block that is none": (back_policy([rule("from", cidrs=["10.0.0.0/99"])]),
                             "spec.ingress[0].from[0].ipBlock.cidr"),
    "an empty peer": (back_policy([{"from": [{}]}]), "spec.ingress[0].from[0]"),
    "an unknown field": ({**back_policy([]), "spec": {**back_policy([])["spec"], "ingres": [{}]}}, "spec.ingres"),
    "an unknown type": ({**back_policy([]), "spec": {**back_policy([])["spec"], "policyTypes": ["Sideways"]}},
                        "spec.policyTypes[0]"),
}


@pytest.mark.parametrize("case", BROKEN_POLICIES)
def test_a_broken_policy_isolates(scene, case):
    made, field = BROKEN_POLICIES[case]
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(made)))
    assert scene.problem("p.yaml")["field"] == field


def test_of_a_broken_edit_the_part_that_can_be_read_holds(scene):
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy([{}]))), "front", "stranger")
    edited = back_policy([*FRONT_ONLY, {"from": [{"podSelector": {"matchLabels": 5}}]}])
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(edited)), "front")
    assert scene.problem("p.yaml")["field"].startswith("spec.ingress[1].from[0].podSelector")


def test_a_broken_policy_isolates_after_a_restart_too(scene):
    scene.becomes(lambda: scene.node.write("p.yaml", text_of(back_policy([{"from": [{}]}]))))
    scene.node.restart()
    assert scene.reach() == set() and not scene.node.status()["healthy"]


# Many

def write_services(scene, note):
    """30,000 Services as kubectl writes them, in YAML: some 25 MB."""
    notes = "".join(f"\n      note-{number}: {note} of a length that annotations have" for number in range(NOTES))
    for first in range(0, SERVICES, SERVICES_A_FILE):
        items = "\n".join(f"""- apiVersion: v1
  kind: Service
  metadata:
    name: s{number}
    namespace: many
    annotations:{notes}
  spec:
    clusterIP: None
    ports:
    - port: 80""" for number in range(first, first + SERVICES_A_FILE))
        scene.node.write(f"many-{first:05}.yaml", f"apiVersion: v1\nitems:\n{items}\nkind: List\n")


def test_pods_come_while_many_services_are_read(scene):
    """By order and not by time: a pod that is added once reading has begun is there before it ends."""
    def source():
        return scene.node.status()["sources"][0]

    def add_meanwhile(number):
        write_services(scene, f"round-{number}")
        wait_for(lambda: source()["reading"], "the files are being read")
        pod = scene.node.add_pod("shop", f"meanwhile-{number}")
        still = source()["reading"]
        scene.node.settle()
        assert pod.ips and not source()["problems"] and source()["objects"] >= SERVICES
        scene.node.del_pod(pod)
        return still
    # On a busy machine a pod may take longer than the files.
    assert any(add_meanwhile(number) for number in range(5))


def test_a_thousand_files_act(scene, record_property):
    def write_all():
        for number in range(FILES):
            block = rule("from", cidrs=[f"10.200.{number % 250}.0/24"])
            scene.node.write(f"many-{number:04}.yaml", text_of(back_policy([block], f"many-{number}")))
        scene.node.settle()
    started = time.monotonic()
    write_all()
    record_property("write_ms", round((time.monotonic() - started) * 1000))
    assert scene.reach() == set()
    source = scene.node.status()["sources"][0]
    assert source["files"] >= FILES and not source["problems"]
    took = scene.becomes(lambda: scene.node.write("many-0500.yaml", text_of(
        back_policy(FRONT_ONLY, "many-500"))), "front")
    record_property("change_of_one_ms", round(took * 1000))
    for number in range(FILES):
        os.unlink(scene.path(f"many-{number:04}.yaml"))
    scene.node.settle()
    assert scene.reach() == {"front", "stranger"}
