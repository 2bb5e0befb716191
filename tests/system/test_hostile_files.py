# SPDX-License-Identifier: Apache-2.0
"""Manifests that are made to harm: bounded memory, a clear error, answers meanwhile, and other files are in force."""

import json
import os
import socket
import time

import pytest

from peak import Peak
from scene import FRONT_ONLY, back_policy, text_of
from traffic import Task
from weir import DEADLINE_S, wait_for

GROWTH_MIB = 64
ANSWER_S = DEADLINE_S  # nobody is locked out; how fast it is depends on the machine
MIB = 1 << 20
GIB = 1 << 30
TEXT_MAX = 8 * MIB
NAME = "hostile.yaml"
HEAD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n"
POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: other}\n"


def fill(unit, before="", after=""):
    """As many units as a manifest may have."""
    return before + unit * ((TEXT_MAX - len(before) - len(after)) // len(unit)) + after


def bomb():
    """Nine lists of nine aliases each, nine times."""
    lines = ["a0: &a0 x"]
    for level in range(1, 10):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines)


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(GIB)


def sparse_line(path):
    """One document that says something, and then a gigabyte of one line."""
    with open(path, "wb") as file:
        file.write(text_of(back_policy([{}], "hostile")).encode() + b"---\n#")
        file.truncate(GIB)


def text(content):
    def make(path):
        with open(path, "wb") as file:
            written = content() if callable(content) else content
            file.write(written if isinstance(written, bytes) else written.encode())
    return make


def link_to(target):
    return lambda path: os.symlink(target, path)


# What is written, and what must be said about it.
CASES = {
    "a gigabyte": (sparse, "is larger than 16 MiB"),
    "a gigabyte in one line": (sparse_line, "is larger than 16 MiB"),
    "documents without end": (text(lambda: fill("a: 1\n---\n")), "more problems"),
    "two million labels": (text(lambda: "{apiVersion: v1, kind: Pod, metadata: {name: x, labels: {" + ",".join(
        f"l{number:x}: " for number in range(2000000)) + "}}}"), "is larger than 16 MiB"),
    "half a million labels": (text(lambda: "{apiVersion: v1, kind: Pod, metadata: {name: x, labels: {" + ",".join(
        f"l{number:x}: " for number in range(500000)) + "}}}"), "takes more than 32 MiB of memory"),
    "empty mappings without end": (text(lambda: fill("{},", "a: [", "]")), "takes more than 32 MiB of memory"),
    "the same as JSON": (text(lambda: fill("{},", '{"a": [', "{}]}")), "takes more than 32 MiB of memory"),
    "rules without end": (text(lambda: fill("  - {}\n", POLICY + "spec:\n  ingress:\n")),
                          "takes more than 32 MiB of memory"),
    "broken rules": (text(lambda: POLICY + "spec:\n  ingress:\n" + "  - 1\n" * 100000), "more problems"),
    "pods without end, and one mistake": (text(lambda: "".join(
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: p{number}}}}}\n---\n" for number in range(100000)) + "a: [\n"),
                                          "not YAML"),
    "deep nesting": (text("[" * 10000 + "]" * 10000), "nested deeper than 64 levels"),
    "deep nesting, open": (text(lambda: "[" * TEXT_MAX), "nested deeper than 64 levels"),
    "deep nesting as JSON": (text('{"a":' * 10000 + "1" + "}" * 10000), "nested deeper than 64 levels"),
    "deep nesting by indent": (text("\n".join(" " * level + "a:" for level in range(2000))),
                               "nested deeper than 64 levels"),
    "a bomb of aliases": (text(bomb()), "more than 250000 values by aliases"),
    "aliases that add up over documents": (text(lambda: "\n---\n".join(
        [f"a: &a [{', '.join('x' * 1000)}]\nb: [{', '.join(['*a'] * 100)}]\n"] * 4)), "more than 250000 values by aliases"),
    "an anchor within itself": (text("a: &a [*a]\n"), "alias of an unknown anchor"),
    "anchors around each other": (text("a: &a {x: *b}\nb: &b {x: *a}\n"), "alias of an unknown anchor"),
    "a huge scalar": (text(lambda: fill("x", "a: ")), "is required"),
    "a huge key": (text(lambda: fill("x", "", ": 1")), "not YAML"),
    "a key twice": (text(HEAD + "kind: Pod\n"), 'the key "kind" is there twice'),
    "a key twice in JSON": (text('{"kind": "Pod", "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}'),
                            'the key "kind" is there twice'),
    "NULs": (text(b"\0" * 4096), "not YAML"),
    "a NUL in a text": (text(HEAD + '  labels: {"a": "x\\0y"}\n'), "a value with a NUL"),
    "a NUL behind a document": (text(POLICY.encode() + b"\0"), "not YAML"),
    "no UTF-8": (text(HEAD.encode() + b"  labels: {a: \xff\xfe}\n"), "not YAML"),
    "UTF-8 that says too much": (text(b"a: \xc0\xaf\n"), "not YAML"),
    "half of UTF-16": (text("a: 1\n".encode("utf-16")[:-1]), "not YAML"),
    "a pipe": (os.mkfifo, "is not a regular file"),
    "a directory": (os.mkdir, "is not a regular file"),
    "an endless device": (link_to("/dev/zero"), "is not a regular file"),
    "links in a circle": (link_to(NAME), "Too many levels of symbolic links"),
    "a link to nothing": (link_to("/nonexistent/hostile.yaml"), "No such file or directory"),
}


@pytest.fixture(name="scene")
def scene_with_policy(shared_scene):
    """The front may reach the back, says another file; the hostile one is removed after each test."""
    node = shared_scene.node
    node.write("good.yaml", text_of(back_policy(FRONT_ONLY)))
    node.settle()
    yield shared_scene
    shared_scene.clean()


def place(scene, make):
    """As a careful writer does it: under another name first."""
    hidden = scene.path(f".{NAME}")
    make(hidden)
    os.rename(hidden, scene.path(NAME))


def slowest_answer(task, path):
    """Asks for the status again and again; the longest time that it took."""
    slowest = 0
    while task.running:
        started = time.monotonic()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(path)
            sock.sendall(b"GET /v1/status HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n")
            while sock.recv(65536):
                pass
        slowest = max(slowest, time.monotonic() - started)
        task.mark = 1
        time.sleep(0.01)
    return slowest


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_is_told_and_harms_nobody(scene, case, record_property):
    make, told = CASES[case]
    node = scene.node
    asking = Task(node.net, slowest_answer, node.socket)
    asking.wait_mark()
    with Peak(node.agent.pid) as peak:
        place(scene, make)
        problems = wait_for(lambda: [problem for problem in node.problems() if told in problem["text"]],
                            f"somebody says: {told}")
        assert all(problem["file"] == scene.path(NAME) for problem in problems)
        wait_for(lambda: told in node.log_text(), "the log says it too")
        assert told in node.weir("status", "-o", "yaml")
        slowest = asking.end()
        grown = peak.mib()
    record_property("mib", round(grown))
    record_property("slowest_ms", round(slowest * 1000))
    assert grown < GROWTH_MIB and slowest < ANSWER_S
    assert scene.reach() == {"front"}, "the other file is in force"
    node.write("good.yaml", text_of(back_policy([])))
    node.settle()
    assert not scene.front.reaches("tcp", scene.back.ip4, 80, timeout_ms=250), "and so is its change"


def test_what_other_systems_write_is_read(scene):
    """A byte order mark, lines that end with CR and LF, UTF-16."""
    written = text_of(back_policy([], "foreign"))
    for encoded in (b"\xef\xbb\xbf" + written.encode(), written.replace("\n", "\r\n").encode(), written.encode("utf-16")):
        scene.becomes(lambda content=encoded: place(scene, text(content)), "front")
        assert not scene.node.problems()
        assert "foreign" in [found["name"] for found in scene.node.get("/v1/policies")["policies"]]
        os.unlink(scene.path(NAME))
        scene.node.settle()


def test_a_file_that_grows_while_it_is_read_is_told_when_it_is_too_large(scene):
    node = scene.node
    with Peak(node.agent.pid) as peak, open(scene.path(NAME), "wb") as file:
        def grown():
            file.write(b"a: 1\n---\n" * 50000)
            file.flush()
            return [problem for problem in node.problems() if "is larger than" in problem["text"]]
        wait_for(grown, "it is told while it is written")
        assert peak.mib() < GROWTH_MIB
    assert scene.reach() == {"front"}


def test_all_files_together_are_bounded(scene):
    """A gigabyte in files that are each small enough, of nothing: what is read of them takes no memory."""
    node = scene.node
    os.mkdir(scene.path(".large"))
    for number in range(40):
        with open(scene.path(f".large/{number}"), "wb") as file:
            file.truncate(TEXT_MAX)
    with Peak(node.agent.pid) as peak:
        for number in range(40):
            os.rename(scene.path(f".large/{number}"), scene.path(f"large-{number:02}.yaml"))
        told = wait_for(lambda: [problem for problem in node.problems() if "256 MiB" in problem["text"]],
                        "there is no room for all", deadline_s=60)
        assert {problem["file"] for problem in told} == {scene.path(f"large-{n:02}.yaml") for n in range(31, 40)}
        assert peak.mib() < GROWTH_MIB
    assert scene.reach() == {"front"}


def test_a_policy_beyond_all_problems_isolates(scene):
    """What is not told is judged all the same."""
    broken = [json.loads(json.dumps(back_policy([{"ports": [{"port": 0}]}], f"broken-{n}"))) for n in range(300)]
    for policy in broken:
        policy["spec"]["podSelector"] = {"matchLabels": {"app": "nobody"}}
    last = back_policy([{"ports": [{"port": 0}]}], "last")
    scene.node.write("good.yaml", text_of(back_policy([{}])))
    scene.node.write(NAME, text_of(*broken, last))
    wait_for(lambda: [problem for problem in scene.node.problems() if "more problems" in problem["text"]], "they are told")
    names = [found["name"] for found in scene.node.get("/v1/policies")["policies"]]
    assert "last" in names and "broken-299" in names


def test_a_directory_full_of_nonsense_is_told_in_few_words(scene):
    """Ten thousand files of two hundred mistakes each."""
    node = scene.node
    nonsense = "x\n---\n" * 200
    with Peak(node.agent.pid) as peak:
        for number in range(10000):
            with open(scene.path(f".{number}"), "w", encoding="ascii") as file:
                file.write(nonsense)
        for number in range(10000):
            os.rename(scene.path(f".{number}"), scene.path(f"nonsense-{number}.yaml"))
        wait_for(lambda: node.status()["sources"][0]["moreProblems"] >= 10000, "they are told in few words", deadline_s=60)
        assert peak.mib() < GROWTH_MIB
    assert len(node.problems()) <= 1000 and not node.status()["healthy"]
    assert scene.reach() == {"front"}
