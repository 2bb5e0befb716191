# SPDX-License-Identifier: Apache-2.0
"""Cyclonus: generated NetworkPolicies, after each of which every pod tries to reach every other one."""

import re

import builds
import kube
from control_plane import CGROUP, LOGS
from machine import run_for
from result import Result

TITLE = "Cyclonus"
# Its default leaves out the cases of these, but for the upstream's, which are a suite of their own.
EXCLUDED = ("upstream-e2e", "example")
CASE = re.compile(r"^test #(\d+): (.*)$", re.MULTILINE)
STARTED = re.compile(r"^starting test case #(\d+)$", re.MULTILINE)
COUNTS = re.compile(r"^(?:Discrepancy found:)?(\d+) wrong, (\d+) ignored, (\d+) correct$", re.MULTILINE)


def _result(number, name, text):
    """text is what Cyclonus said between the begin of the case and the next one's."""
    if f"finished policy #{number}\n" not in text:
        return Result(TITLE, name, "not run", "Cyclonus was ended before")
    counts = [tuple(map(int, found)) for found in COUNTS.findall(text)]
    wrong, right = sum(count[0] for count in counts), sum(count[2] for count in counts)
    if not wrong and right:
        return Result(TITLE, name, "passed")
    return Result(TITLE, name, "failed", f"{wrong} probes wrong, {right} right")


def read(text):
    """A result for each case in what Cyclonus printed."""
    parts = STARTED.split(text)
    said = dict(zip(map(int, parts[1::2]), parts[2::2]))
    return [_result(int(number), f"#{number} {name}", said.get(int(number), ""))
            for number, name in CASE.findall(parts[0])]


def run(minutes):
    """Traffic of a pod to itself is not judged: NetworkPolicy says that it is always allowed, Cyclonus' model not."""
    log = f"{LOGS}/cyclonus.log"
    run_for(minutes * 60, CGROUP, log, f"{builds.BIN}/cyclonus", "generate", "--server-protocol=TCP,UDP",
            "--ignore-loopback", f"--exclude={','.join(EXCLUDED)}", "--perturbation-wait-seconds=2",
            "--job-timeout-seconds=3", "--pod-creation-timeout-seconds=180",
            env={"KUBECONFIG": kube.KUBECONFIG})
    with open(log, encoding="utf-8", errors="replace") as file:
        results = read(file.read())
    return results or [Result(TITLE, "the suite", "failed", f"no case began: see {log}")]
