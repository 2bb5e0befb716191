# SPDX-License-Identifier: Apache-2.0
"""scripts/demo: what measured traffic says and what policies say is the same, and nothing stays."""

import os
import re
import secrets
import signal
import subprocess
import sys

import pytest

import weir


def leftovers(name):
    """Everything on this machine that carries the name."""
    found = [path for path in (f"/run/{name}", f"/run/{name}.lock") if os.path.exists(path)]
    found += [entry for entry in os.listdir("/run/netns") if entry.startswith(name)]
    found += [line for line in open("/proc/self/mountinfo", encoding="utf-8") if f"/{name}/" in line]
    for parent, names, _ in os.walk("/sys/fs/cgroup"):
        found += [f"{parent}/{name}"] if name in names else []
    found += weir.run("pgrep", "-f", f"/run/{name}/", check=False).split()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            output = os.readlink(f"/proc/{pid}/fd/1")
        except OSError:
            continue
        found += [f"process {pid}"] if output.startswith(f"/run/{name}/") else []
    return found


@pytest.fixture
def demo():
    """demo(words...) starts it with a name of its own; what it leaves is removed after the test."""
    name = f"weir-demo-{secrets.token_hex(3)}"
    command = [sys.executable, f"{weir.REPO}/scripts/demo.py", "--build", weir.BUILD,
               "--examples", f"{weir.REPO}/examples", "--name", name]

    def start(*words):
        process = subprocess.Popen([*command, *words], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        process.name = name
        return process
    yield start
    subprocess.run([*command, "--remove"], stdout=subprocess.DEVNULL, check=False)


def test_the_demonstration_agrees_with_the_policies_before_and_after_the_change(demo):
    process = demo("--runtime", "plain")
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    assert output.count("measured and policies agree: ") == 2, output
    for clause in ("14 pods in 3 namespaces", "weir status", "weir service list",
                   "what the policies say", "now allowed", "now denied",
                   "everything is removed again"):
        assert clause in output, clause
    door = "port 30080: customer was answered by front, bad-net was answered by nobody"
    assert output.count(door) == 2, output
    for name in ("catalog", "catalog-2", "catalog-3"):
        assert re.search(rf"\d answered by {name}\n", output), name
    assert re.search(r"\d requests of front to shop/catalog, 0 failed", output), output
    assert not leftovers(process.name)


@pytest.mark.parametrize("moment", ["the agent is ready", "    4 pods run", "is asked to end"])
def test_ctrl_c_leaves_nothing(demo, moment):
    process = demo()
    for line in process.stdout:
        if moment in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=120)[0]
    assert "Traceback" not in output
    assert not leftovers(process.name), output
