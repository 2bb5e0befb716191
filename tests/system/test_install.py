# SPDX-License-Identifier: Apache-2.0
"""What `meson install` puts on a machine works as it is, and what people read about it is true."""

import glob
import json
import os
import re
import subprocess

import pytest

import weir

PROGRAMS = {"agent": "sbin/weir-agent", "command": "bin/weir"}  # below the prefix
MANUALS = ("weir.8", "weir-agent.8", "weir-cni.8")


def install(root):
    """Everything that `meson install` installs, below root."""
    weir.run("meson", "install", "-C", weir.BUILD, "--no-rebuild", "--quiet", "--destdir", root)


class Tree:
    """An installed tree."""

    def __init__(self, root):
        self.root = str(root)
        install(self.root)
        [agent] = glob.glob(f"{self.root}/**/{PROGRAMS['agent']}", recursive=True)
        self.prefix = agent.removesuffix(PROGRAMS["agent"]).rstrip("/")
        self.plugin = f"{self.root}/opt/cni/bin/weir-cni"
        self.config = f"{self.root}/etc/weir/weir.yaml"
        self.conflist = f"{self.root}/etc/cni/net.d/10-weir.conflist"

    def program(self, name):
        return f"{self.prefix}/{PROGRAMS[name]}"


class InstalledNode(weir.Node):
    """Its agent reads the installed configuration; only the directories are this test's."""

    def __init__(self, tree):
        self.tree = tree
        super().__init__()

    def command(self, *more, before=()):
        return self.net.enter(*before, self.tree.program("agent"), "--config", self.tree.config,
                              "--manifests", f"{self.tree.root}/etc/weir/manifests", "--state-dir", self.state,
                              "--run-dir", self.run_dir, "--bpffs", self.bpffs, *more)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return Tree(tmp_path_factory.mktemp("installed"))


def test_what_is_installed_runs_as_it_is_configured(tree):
    with open(tree.conflist, encoding="utf-8") as file:
        conflist = json.load(file)
    [plugin] = conflist["plugins"]
    with InstalledNode(tree) as node:
        conf = {**plugin, "cniVersion": conflist["cniVersion"], "name": conflist["name"], "socket": node.socket}
        pods = []
        for name in ("one", "other"):
            pod = node.new_pod("default", name)
            pod.conf, pod.result = conf, node.cni(pod.env("ADD"), conf, tree.plugin)
            pods.append(pod)
        one, other = pods
        assert one.ip4.startswith("10.244.0.") and one.ip6.startswith("fd00:10:244::")
        other.serve("tcp:80")
        assert one.probe(*[("tcp", ip, 80) for ip in other.ips]) == ["open"] * 2
        shown = weir.run(tree.program("command"), "--socket", node.socket, "status")
        assert "HEALTHY" in shown.upper() and "NOT HEALTHY" not in shown.upper()


def test_what_people_edit_is_never_overwritten(tree):
    for path in (tree.config, tree.conflist):
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n")
    sizes = [os.path.getsize(path) for path in (tree.config, tree.conflist)]
    os.unlink(tree.plugin)
    install(tree.root)
    assert [os.path.getsize(path) for path in (tree.config, tree.conflist)] == sizes
    assert os.access(tree.plugin, os.X_OK)


def test_the_unit_is_one_that_systemd_accepts(tree):
    [unit] = glob.glob(f"{tree.root}/**/weir-agent.service", recursive=True)
    with open(unit, encoding="utf-8") as file:
        text = file.read()
    [program] = re.findall(r"^ExecStart=(\S+)", text, re.MULTILINE)
    assert os.access(tree.root + program, os.X_OK)
    # Seen from the tree, the program is somewhere else.
    moved = f"{tree.root}/weir-agent.service"
    with open(moved, "w", encoding="utf-8") as file:
        file.write(text.replace(f"ExecStart={program}", f"ExecStart={tree.root}{program}"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", moved], capture_output=True, text=True, check=False,
                          env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}, timeout=60)
    # Other units of the machine may have faults of their own.
    assert not [line for line in done.stderr.splitlines() if "weir-agent" in line], done.stderr


def options_of(program):
    """The long options that --help lists, but for those that every program has."""
    listed = re.findall(r"^\s+(?:-\w, )?--([a-z-]+)", weir.run(program, "--help"), re.MULTILINE)
    return set(listed) - {"help", "usage", "version"}


def test_every_option_of_the_agent_is_explained_in_its_manual_and_is_a_key_of_the_sample(tree):
    options = options_of(tree.program("agent"))
    assert {"manifests", "pod-cidr", "bpffs"} <= options
    with open(glob.glob(f"{tree.root}/**/weir-agent.8*", recursive=True)[0], encoding="utf-8") as file:
        named = re.findall(r"^\.It Fl (\S+)", file.read(), re.MULTILINE)
    manual = {name.replace("\\-", "-").lstrip("-") for name in named}
    with open(tree.config, encoding="utf-8") as file:
        sample = set(re.findall(r"^#?([a-z-]+):(?: \S|$)", file.read(), re.MULTILINE))
    assert options <= manual
    assert options - {"config", "cleanup"} == sample


def test_manuals_are_well_formed(tree):
    for manual in MANUALS:
        [path] = glob.glob(f"{tree.root}/**/man8/{manual}*", recursive=True)
        found = weir.run("mandoc", "-T", "lint", "-W", "warning", path, check=False)
        assert not found, found
