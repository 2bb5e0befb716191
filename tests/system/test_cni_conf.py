# SPDX-License-Identifier: Apache-2.0
"""What makes a runtime use weir: the CNI configuration that the agent writes, and the plugin that installs itself."""

import json
import os
import subprocess

import pytest

import weir
from fake_api import refuse
from test_api import Cluster
from weir import REPO, run, wait_for


@pytest.fixture
def conf(tmp_path):
    return tmp_path / "net.d/05-weir.conflist"


def packaged(node):
    """The conflist that is installed on machines, with this node's socket."""
    with open(f"{REPO}/packaging/10-weir.conflist", encoding="utf-8") as file:
        conflist = json.load(file)
    conflist["plugins"][0]["socket"] = node.socket
    return conflist


def test_the_configuration_appears_with_the_agent_and_stays(nodes, conf):
    node = nodes(options=["--cni-conf", str(conf)], start=False)
    assert not conf.exists()
    node.start()
    wait_for(conf.exists, "the configuration is written")
    assert json.loads(conf.read_text()) == packaged(node)
    before = conf.stat()
    node.kill9()
    assert conf.exists()
    node.start()
    # What a runtime watches must not move when nothing changes.
    wait_for(lambda: "is written" in node.log_text() or node.status(), "the agent has looked at it")
    assert (conf.stat().st_ino, conf.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    node.stop()
    assert conf.exists()
    node.cleanup()
    assert not conf.exists()


def test_a_configuration_that_somebody_changed_is_mended_by_the_next_agent(nodes, conf):
    node = nodes(options=["--cni-conf", str(conf)])
    wait_for(conf.exists, "the configuration is written")
    node.stop()
    conf.write_text("{}")
    node.start()
    wait_for(lambda: json.loads(conf.read_text()) == packaged(node), "it is as it was")


def test_a_place_that_cannot_be_written_is_said_once_and_tried_again(nodes, conf):
    conf.parent.write_text("in the way")
    node = nodes(options=["--cni-conf", str(conf)])
    wait_for(lambda: "cni-conf:" in node.log_text(), "the agent complains")
    conf.parent.unlink()
    wait_for(conf.exists, "the configuration is written")
    assert node.log_text().count("cni-conf:") == 1


def test_no_configuration_before_the_api_server_has_told_everything(conf, tmp_path):
    cluster = Cluster(tmp_path)
    try:
        cluster.api.misbehave("list", "networkpolicies", *[refuse(503)] * 1000)
        cluster.node.options = ["--cni-conf", str(conf)]
        cluster.node.start()
        wait_for(lambda: len(cluster.api.asked("list", "networkpolicies")) > 1, "the agent asked in vain")
        assert "policy is not known yet" in cluster.node.log_text()
        assert not conf.exists()
        cluster.api.queued.clear()
        wait_for(conf.exists, "the configuration is written")
    finally:
        cluster.close()


def test_without_addresses_for_pods_there_is_no_configuration(nodes, conf):
    node = nodes(cidrs=(), options=["--cni-conf", str(conf)])
    node.net.exec("sleep", 3)  # longer than the agent takes between two looks
    assert not conf.exists()


# The plugin

def test_the_plugin_installs_itself_over_one_that_is_running(tmp_path):
    target = tmp_path / "host/bin"
    run(weir.PLUGIN, "--install", target)
    running = subprocess.Popen([f"{target}/weir-cni"], env={"CNI_COMMAND": "VERSION"}, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    before = os.stat(f"{target}/weir-cni").st_ino
    run(weir.PLUGIN, "--install", target)
    assert os.stat(f"{target}/weir-cni").st_ino != before
    assert os.listdir(target) == ["weir-cni"]
    assert os.access(f"{target}/weir-cni", os.X_OK)
    assert b"supportedVersions" in running.communicate(b"{}")[0]
    assert run(f"{target}/weir-cni", "--version") == run(weir.PLUGIN, "--version")


@pytest.mark.parametrize("args, status, words", [
    ([], 2, "needs a directory"),
    (["/dev/null"], 1, "cannot be installed in /dev/null"),
])
def test_an_installation_that_fails_says_why(args, status, words):
    done = subprocess.run([weir.PLUGIN, "--install", *args], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert words in done.stderr
