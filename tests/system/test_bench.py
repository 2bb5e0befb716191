# SPDX-License-Identifier: Apache-2.0
"""The benchmarks work: with a minimum of everything they come to an end and say what they should. Nothing is timed."""

import json
import math
import os

import pytest

import weir

RUN = f"{weir.REPO}/tests/bench/run"
DOCUMENT = f"{weir.REPO}/tests/bench/document.py"
# What stands beside the figures of a suite, and a budget that one of them must have.
SUITES = {
    "packet": ({"parse, LRU hit", "parse, LRU insert", "new connection", "the same with 8 rules"}, "ratio_most"),
    "frames": ({"plain veth routing"}, "ratio_most"),
    "stream": ({"plain veth routing"}, "ratio_least"),
    "nodes": ({"kernel routing", "kernel VXLAN"}, "ratio_least"),
    "change": ({"all of it, cold"}, "value_most"),
    "service-packet": ({"parse, LRU hit", "parse, LRU insert", "to the pod itself", "the same without services"}, "ratio_most"),
    "services": ({"all of them, cold", "nft", "iptables-nft-restore", "iptables-legacy-restore"}, "value_most"),
    "service-live": ({"to the pod itself", "weir, to the pod itself", "plain veth routing", "nftables, 20 services",
                      "iptables-nft, 20 services", "iptables-legacy, 20 services"}, "ratio_least"),
    "service-memory": ({"no service"}, "value_most"),
    "service-udp": ({"nftables, connections not deleted"}, "value_most"),
    "memory": ({"no pod", "keys and values"}, "value_most"),
    "cni": ({"bridge, host-local"}, "ratio_most"),
    "flood": ({"without churn", "the API server of the benchmark"}, "value_most"),
}

TCP = ("TCP throughput", "TCP requests on one connection", "TCP connections, a request each")
CLUSTER = "10 nodes, 200 pods, 20 Services"

# Figures that somebody looks for by name, and whether something stands beside them.
WANTED = {
    "packet": {"from_pod: established, pod to pod, TCP, IPv4": True, "from_pod: new connection, pod to pod, IPv6": True,
               "from_pod: established, judged again, IPv4": True, "from_pod: established, pod to pod, TCP, IPv4, 64k flows": True,
               "from_pod: established, pod to pod, TCP, IPv6, 10k rules, 100k peers": True,
               **{f"{name}: {what}": False for name in ("from_pod", "to_pod", "from_wire", "to_wire", "sweep", "clock")
                  for what in ("verified instructions", "instructions", "machine code")}},
    "frames": {f"{way}, pod to pod, IPv4, {flows}": True for way in ("weir", "minimal program")
               for flows in ("1 flow", "64k flows")},
    "stream": dict.fromkeys(TCP, True),
    "nodes": {f"{mode}: {what}": True for mode in ("native", "vxlan") for what in TCP},
    "change": {"400 pods, 10 policies, cold: all": False, "400 pods, 10 policies, cold: map system calls": False,
               **{f"400 pods, 10 policies, labels of a pod elsewhere change: {what}": True
                  for what in ("p50", "p99", "map entries", "map system calls")}},
    "service-packet": {
        **{f"from_pod: established, {what}, {proto}, {family}{beside}": True
           for what in ("to a ClusterIP", "answers of a ClusterIP") for proto in ("TCP", "UDP") for family in ("IPv4", "IPv6")
           for beside in ("", ", beside direct", ": look-ups by hash")},
        **{f"from_pod: of no service, {what}, TCP, {family}": True for what in ("established", "new connection")
           for family in ("IPv4", "IPv6")}},
    "services": {"20 Services, 5 endpoints each: all, cold": False,
                 **{f"20 Services, 5 endpoints each: all, cold: {part}": False for part in ("decode", "resolve", "write")},
                 **{f"20 Services, 5 endpoints each: {what}": True
                    for what in ("one endpoint changes, p50", "one endpoint changes, p99", "all, cold, beside nftables",
                                 "one endpoint changes, beside nftables", "all, cold, beside iptables-legacy")}},
    "service-live": {**{f"{call} of the node, {proto}, to a ClusterIP, {family}": True for family in ("IPv4", "IPv6")
                        for call, proto in (("connect()", "TCP"), ("connect()", "UDP"), ("sendto()", "UDP"))},
                     "TCP connections, weir, 20 services, beside nftables, 1 service": True},
    "service-memory": {"agent RSS, 200 Services, 2 endpoints each": True},
    "service-udp": {"1,000 one-way UDP flows, a backend is deleted: datagrams that still come to it": True},
    "memory": {"agent RSS, no pod": False, "agent RSS, 2 pods on the node": True,
               "agent RSS, 200 pods in the cluster": True, "kernel memory, all maps": True},
    "cni": {f"CNI {what}, {share}": True for what in ("ADD", "DEL", "ADD, 16 at once", "ADD, 100 a second")
            for share in ("p50", "p99")},
    "flood": {**{f"{CLUSTER}{when}: start until {what}": False for when in ("", ", with a copy")
                 for what in ("pods may come", "the Node is ready")},
              **{f"{CLUSTER}{when}: {what}": True for when in ("", ", with a copy")
                 for what in ("start until all is in force", "processor time of the start")},
              **{f"{CLUSTER}{when}: agent RSS{label}": False for when in ("", ", churn") for label in ("", ", most ever")},
              **{f"{CLUSTER}{when}: {what} changes, {share}": bool(when) for when in ("", ", churn") for share in ("p50", "p99")
                 for what in ("a policy", "labels of a pod", "an endpoint of a Service")},
              f"{CLUSTER}, churn: processor time of the agent": True},
}


def bench(*args):
    return weir.run(RUN, "--build", weir.BUILD, "--quick", *args, timeout=120)


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_has_figures_beside_others_of_the_same_run(suite, tmp_path):
    beside, budget = SUITES[suite]
    bench("--json", tmp_path / "figures.json", suite)
    found = json.loads((tmp_path / "figures.json").read_text())["suites"][suite]
    names = [figure["name"] for figure in found]
    assert len(names) == len(set(names)) and all(names)
    assert all(math.isfinite(figure["value"]) for figure in found)
    assert beside <= {figure.get("floor_name") for figure in found}
    assert any(budget in figure for figure in found)
    compared = {figure["name"]: figure.get("floor", 0) > 0 for figure in found}
    assert {name: compared.get(name) for name in WANTED[suite]} == WANTED[suite]


def test_figures_become_pictures_and_a_document(tmp_path):
    path, document = tmp_path / "figures.json", tmp_path / "performance.md"
    out = bench("--plots", tmp_path, "--json", path, "memory")
    assert "agent RSS" in out
    assert os.path.getsize(tmp_path / "memory.png") > 0
    services = "<!-- figures of services -->\nof another run\n<!-- end of figures of services -->\n"
    document.write_text(f"before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n{services}")
    weir.run(DOCUMENT, path, tmp_path)
    text = document.read_text()
    assert "| agent RSS, no pod |" in text and "old" not in text
    assert text.startswith("before\n") and text.endswith(f"\nafter\n{services}")
    assert "<svg" in (tmp_path / "performance" / "memory.svg").read_text()
    assert (tmp_path / "performance" / "figures.json").read_text() == path.read_text()


@pytest.mark.parametrize("suite, part, figures", [
    ("service-udp", "services", "services.json"),
    ("nodes", "clusters", "cluster.json"),
])
def test_some_suites_have_a_part_of_the_document(tmp_path, suite, part, figures):
    path, document = tmp_path / "figures.json", tmp_path / "performance.md"
    bench("--json", path, suite)
    document.write_text("<!-- figures -->\nof another run\n<!-- end of figures -->\n"
                        f"<!-- figures of {part} -->\nold\n<!-- end of figures of {part} -->\n")
    weir.run(DOCUMENT, path, tmp_path)
    text = document.read_text()
    assert "-->\nof another run\n<!-- end of figures -->" in text and "old" not in text
    assert f"### {suite}" in text and (tmp_path / "performance" / figures).exists()
    assert not (tmp_path / "performance" / "figures.json").exists()


def test_an_unknown_suite_is_refused():
    with pytest.raises(weir.Failed, match="there is no suite nonsense"):
        bench("nonsense")
