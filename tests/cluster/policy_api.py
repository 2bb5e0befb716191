# SPDX-License-Identifier: Apache-2.0
"""The conformance suites of the network-policy-api: AdminNetworkPolicy, BaselineAdminNetworkPolicy and
ClusterNetworkPolicy."""

import glob
import os
import re

import builds
import kube
import without_sctp
from control_plane import CGROUP, LOGS
from machine import run_for
from result import Result

# One line a test, indented by how deep it is in others, after what the test says.
OUTCOME = re.compile(r"^ *--- (PASS|FAIL|SKIP): TestConformance/(\S+) \(", re.MULTILINE)
STARTED = re.compile(r"^=== RUN +TestConformance/(\S+)$", re.MULTILINE)
OUTCOMES = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
SAID = re.compile(r"^ +\w+\.go:\d+: (.*(?:FAILED|Expected|Error).*)$", re.MULTILINE)


def _install(place):
    """The kinds of a release, those that are experimental too."""
    folder = f"{place}/config/crd"
    folder = f"{folder}/experimental" if os.path.isdir(f"{folder}/experimental") else folder
    paths = sorted(glob.glob(f"{folder}/policy.networking.k8s.io_*.yaml"))
    for path in paths:
        kube.kubectl("apply", "--server-side", "-f", path)
    for path in paths:
        kube.kubectl("wait", "--for=condition=established", "--timeout=60s", "-f", path)


def _why(text, name):
    """What a test that failed said first."""
    begin = text.find(f"=== RUN   TestConformance/{name}\n")
    said = SAID.search(text, begin)
    return said[1] if said else "it failed"


def read(title, text, over):
    """A result for each test in what the suite printed that has none in it; over says that it was ended."""
    ended = {name: OUTCOMES[word] for word, name in OUTCOME.findall(text)}
    names = list(dict.fromkeys(STARTED.findall(text)))
    leaves = [name for name in names if not any(other.startswith(f"{name}/") for other in names)]
    results = []
    for name in leaves:
        outcome = ended.get(name, "not run" if over else "failed")
        why = "" if outcome == "passed" else _why(text, name) if outcome == "failed" else "the time was over"
        if outcome == "skipped":
            why = "a feature that the suite was not told of"
        results.append(Result(title, name, outcome, why))
    return results


def _run_version(version, focus, minutes):
    title, log = f"network-policy-api {version}", f"{LOGS}/policy-api-{version}.log"
    place = builds.policy_api_place(version)
    _install(place)
    left_out = without_sctp.left_out(f"{place}/conformance")
    pattern = f"TestConformance/{focus.pattern}" if focus else "TestConformance"
    over = run_for(minutes * 60, CGROUP, log, f"{builds.BIN}/{builds.policy_api_test(version)}", "-test.v",
                   "-test.timeout=0", f"-test.run={pattern}", f"-test.skip=/^({'|'.join(left_out)})$", "-all-features",
                   env={"KUBECONFIG": kube.KUBECONFIG, "PATH": f"{builds.BIN}:{os.environ['PATH']}"})
    with open(log, encoding="utf-8", errors="replace") as file:
        results = read(title, file.read(), over)
    if not results:
        results = [Result(title, "the suite", "failed", f"no test began: see {log}")]
    return results + [Result(title, name, "skipped", "no SCTP sockets in this kernel") for name in left_out]


def run(focus, minutes):
    """Of every release; `minutes` each."""
    return [result for version in builds.POLICY_APIS for result in _run_version(version, focus, minutes)]
