# SPDX-License-Identifier: Apache-2.0
"""Upstream's end-to-end specs: which suite a spec is of, why one cannot run here, and the run by ginkgo."""

import json
import os
import re
import subprocess

import builds
import kube
from control_plane import CGROUP, LOGS
from machine import DIR, spawn
from result import Result

SIG = r"\[sig-network\]"
# What runs of upstream's specs: title, and what their names have.
SUITES = {
    "netpol": ("NetworkPolicy", rf"{SIG}.*(Netpol|NetworkPolicy)"),
    "services": ("Services", rf"{SIG} Services"),
    "network": ("Networking, DNS, and the rest of sig-network", SIG),
    "conformance": ("Conformance", rf"{SIG}.*\[Conformance\]"),
}
# What this machine cannot do, whoever the data plane is, or what is about another one. The first that matches
# is the reason.
NOT_HERE = (
    (r"\[Feature:(LoadBalancer|NetworkingGCE|GCE|IngressScale)|\[Provider:GCE\]", "needs a cloud"),
    (r"\[Feature:SCTPConnectivity\]", "no SCTP sockets in this kernel"),
    (r"\[Feature:IPv6DualStack\]", "needs dual-stack CIDRs: --family dual"),
    (r"\[Feature:Networking-(IPv4|IPv6|DNS)\]|Internet connection", "needs the internet"),
    (r"\[Feature:Networking-Performance\]|IPerf2", "needs its own image"),
    (r"KubeProxy|kube-proxy|its iptables rules", "is about the parts of kube-proxy itself"),
    (r"\[Disruptive\]", "needs SSH to the nodes, or a control plane of pods"),
    (r"DNS configMap|\[Feature:PerformanceDNS\]", "needs cluster DNS as pods; here it is a process outside"),
    (r"\[Alpha\]|\[Feature:OffByDefault\]", "needs a feature that is off by default"),
)


def _read_json(path):
    """(name, state, message) of every spec in a report of ginkgo."""
    with open(path, encoding="utf-8") as file:
        suites = json.load(file)
    for spec in (spec for suite in suites for spec in suite["SpecReports"] or []):
        if spec["LeafNodeType"] == "It":
            name = " ".join([*(spec["ContainerHierarchyTexts"] or []), spec["LeafNodeText"]])
            yield name, spec["State"], spec.get("Failure", {}).get("Message", "")


def list_specs():
    """Names of all specs about the network."""
    report = f"{DIR}/specs.json"
    subprocess.run([f"{builds.BIN}/e2e.test", "--ginkgo.dry-run", f"--ginkgo.json-report={report}",
                    f"--ginkgo.focus={SIG}", "--kubeconfig", kube.KUBECONFIG, "--provider=skeleton"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return sorted(name for name, state, _ in _read_json(report) if state == "passed")


def specs_of(key, names):
    """Those of a suite. "network" is what is of no other; "conformance" are specs of all of them."""
    others = [pattern for other, (_, pattern) in SUITES.items() if other not in ("network", "conformance")]
    found = [name for name in names if re.search(SUITES[key][1], name)]
    if key == "network":
        found = [name for name in found if not any(re.search(pattern, name) for pattern in others)]
    return found


def reason(name, families):
    """Why a spec cannot run here, None when it can."""
    if len(families) == 2:
        name = name.replace("[Feature:IPv6DualStack]", "")
    return next((why for pattern, why in NOT_HERE if re.search(pattern, name)), None)


def run(cluster, key, procs, focus, minutes):
    """Runs what can run and has the pattern focus; ginkgo runs Serial specs alone. What cannot run is skipped
    with its reason, what the time was too short for did not run."""
    title = SUITES[key][0]
    names = [name for name in specs_of(key, list_specs()) if re.search(focus, name)]
    reasons = {name: reason(name, cluster.families) for name in names}
    chosen = sorted(name for name, why in reasons.items() if not why)
    results = [Result(title, name, "skipped", why) for name, why in reasons.items() if why]
    if not chosen:
        return results + [Result(title, "the suite", "not run", "it has no such spec that can run here")]
    # The name of the suite goes before a spec's in what ginkgo compares.
    exact = "|".join(f"{re.escape(name)}$" for name in chosen)
    report = f"{DIR}/{key}.json"
    if os.path.exists(report):
        os.unlink(report)
    spawn(CGROUP, f"{LOGS}/{key}.log", f"{builds.BIN}/ginkgo", "run", f"--procs={procs}", "--no-color",
          f"--timeout={minutes}m", f"--focus={exact}", f"--output-dir={DIR}", f"--json-report={key}.json",
          f"{builds.BIN}/e2e.test", "--", "--provider=skeleton", f"--kubeconfig={kube.KUBECONFIG}",
          "--allowed-not-ready-nodes=0", f"--num-nodes={len(cluster.nodes)}",
          f"--kubectl-path={builds.BIN}/kubectl").wait()
    return results + _ran(title, report, set(chosen))


def outcome_of(state, message):
    """(outcome, why) of a spec that ginkgo was told to run."""
    if state in ("timedout", "interrupted"):
        return "not run", "the time was over before its end"
    # A spec that skips itself says why; those that are left when the time is over do not.
    if state in ("skipped", "pending") and not message:
        return "not run", "the time was over"
    return state if state in ("passed", "skipped") else "failed", message


def _ran(title, report, chosen):
    """What became of each chosen spec."""
    if not os.path.exists(report):
        return [Result(title, "the suite", "failed", "it ended without a report")]
    found = []
    for name, state, message in _read_json(report):
        if name in chosen:
            found.append(Result(title, name, *outcome_of(state, message)))
            chosen.discard(name)
    return found + [Result(title, name, "not run", "ginkgo says nothing of it") for name in sorted(chosen)]
