# SPDX-License-Identifier: Apache-2.0
"""The suites: weir's own (test_*.py beside this file), and upstream's end-to-end tests by ginkgo."""

import json
import os
import re
import subprocess
import xml.etree.ElementTree as xml

import builds
import kube
from control_plane import CGROUP, LOGS
from machine import DIR, spawn

HERE = os.path.dirname(os.path.abspath(__file__))
# What runs of upstream's specs: title, what is looked for in their names.
UPSTREAM = {
    "netpol": ("NetworkPolicy", r"\[sig-network\].*(Netpol|NetworkPolicy)"),
    "services": ("Services", r"\[sig-network\] Services"),
    "network": ("Networking, DNS, EndpointSlice, HostPort, conntrack",
                r"\[sig-network\] (Networking|DNS|EndpointSlice|EndpointSliceMirroring|HostPort|Conntrack|Proxy)"),
    "conformance": ("Conformance", r"\[sig-network\].*\[Conformance\]"),
}
# What this machine cannot do, whoever the data plane is. The first that matches is the reason.
NOT_HERE = (
    (r"\[Feature:(LoadBalancer|NetworkingGCE|GCE|IngressScale|ServiceCIDRs|KubeProxyDaemonSet)", "needs a cloud or gate"),
    (r"\[Feature:SCTP", "no SCTP sockets in this kernel"),
    (r"\[Feature:IPv6DualStack\]", "needs dual-stack CIDRs: --family dual"),
    (r"\[Feature:Networking-(IPv4|IPv6|DNS)\]|Internet connection", "needs the internet"),
    (r"\[Feature:Networking-Performance\]|IPerf2", "needs its own image"),
    (r"\[(Slow|Disruptive|Serial|Flaky)\]", "Slow, Disruptive or Serial: kept apart"),
    (r"\[(Alpha|Beta|FeatureGate|Feature):?", "needs a feature gate or feature"),
)
ALWAYS_MEANT = r"\[Feature:NetworkPolicy(EndPort)?\]|\[Feature:Netpol"


class Result:
    """Of one test or spec: outcome is passed, failed or skipped; why says more."""

    def __init__(self, suite, name, outcome, why=""):
        self.suite, self.name, self.outcome, self.why = suite, name, outcome, why


class ClusterPlugin:
    """Gives the own tests the running cluster."""

    def __init__(self, cluster):
        self._cluster = cluster

    def pytest_configure(self, config):
        config.cluster = self._cluster


def _outcome(case):
    """(outcome, why) of a test case in a JUnit file."""
    for tag, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            return outcome, (found.get("message") or found.text or "").strip()
    return "passed", ""


def _read_junit(path, suite):
    if not os.path.exists(path):
        return [Result(suite, "the suite", "failed", "it ended without a report")]
    return [Result(suite, case.get("name"), *_outcome(case))
            for case in xml.parse(path).getroot().iter("testcase")]


def run_own(cluster, words):
    """pytest in this process; words are more arguments of it."""
    import pytest  # here: who only runs upstream's suites need not have it
    report = f"{DIR}/own.xml"
    status = pytest.main(["-p", "no:cacheprovider", "-v", "--tb=short", f"--junitxml={report}", *words, HERE],
                         plugins=[ClusterPlugin(cluster)])
    if status == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    return _read_junit(report, "own")


def _read_json(path):
    """(name, state, message) of every spec in a report of ginkgo."""
    with open(path, encoding="utf-8") as file:
        suites = json.load(file)
    for spec in (spec for suite in suites for spec in suite["SpecReports"] or []):
        if spec["LeafNodeType"] == "It":
            name = " ".join([*(spec["ContainerHierarchyTexts"] or []), spec["LeafNodeText"]])
            yield name, spec["State"], spec.get("Failure", {}).get("Message", "")


def list_specs(focus):
    """Names of all specs that a pattern finds."""
    report = f"{DIR}/specs.json"
    subprocess.run([f"{builds.BIN}/e2e.test", "--ginkgo.dry-run", f"--ginkgo.json-report={report}",
                    f"--ginkgo.focus={focus}", "--kubeconfig", kube.KUBECONFIG, "--provider=skeleton"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return sorted(name for name, state, _ in _read_json(report) if state == "passed")


def _reason(name, families):
    """Why a spec cannot run here, None when it can."""
    rest = re.sub(ALWAYS_MEANT, "", name)
    if len(families) == 2:
        rest = rest.replace("[Feature:IPv6DualStack]", "")
    return next((why for pattern, why in NOT_HERE if re.search(pattern, rest)), None)


def run_upstream(cluster, key, procs):
    """Runs what can run; what cannot is skipped with its reason."""
    title, focus = UPSTREAM[key]
    reasons = {name: _reason(name, cluster.families) for name in list_specs(focus)}
    chosen = sorted(name for name, why in reasons.items() if not why)
    results = [Result(title, name, "skipped", why) for name, why in reasons.items() if why]
    if not chosen:
        return results + [Result(title, "the suite", "failed", "no spec was found")]
    # The name of the suite goes before a spec's in what ginkgo compares.
    exact = "|".join(f"{re.escape(name)}$" for name in chosen)
    spawn(CGROUP, f"{LOGS}/{key}.log", f"{builds.BIN}/ginkgo", "run", f"--procs={procs}", "--no-color",
          "--timeout=6h", f"--focus={exact}", f"--output-dir={DIR}", f"--json-report={key}.json",
          f"{builds.BIN}/e2e.test", "--", "--provider=skeleton", f"--kubeconfig={kube.KUBECONFIG}",
          "--allowed-not-ready-nodes=0", f"--kubectl-path={builds.BIN}/kubectl").wait()
    return results + _ran(title, f"{DIR}/{key}.json", set(chosen))


def _ran(title, report, chosen):
    """What became of each chosen spec."""
    if not os.path.exists(report):
        return [Result(title, "the suite", "failed", "it ended without a report")]
    found = []
    for name, state, message in _read_json(report):
        if name in chosen:
            outcome = state if state in ("passed", "skipped") else "failed"
            found.append(Result(title, name, outcome, message))
            chosen.discard(name)
    return found + [Result(title, name, "failed", "it did not run") for name in sorted(chosen)]
