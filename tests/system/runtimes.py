# SPDX-License-Identifier: Apache-2.0
"""What the tests of all container runtimes have in common."""

import sys

import weir
from traffic import policy, rule

SCRIPTS = f"{weir.REPO}/scripts"
if SCRIPTS not in sys.path:
    sys.path.insert(0, SCRIPTS)  # the demonstration starts containers too

NAMESPACE = "shop"
AT_ONCE = 10
# What a pod sends in its first moment: port 80 of every address, then port 81.
FIRST_RESULTS = "/tmp/first"
ALLOWED_AT_FIRST = ["open", "open", "timeout", "timeout"]
DENIED_AT_FIRST = ["timeout"] * 4


def conflist(node, version="1.0.0"):
    """Neither podman nor `ctr` gives Kubernetes names: the conflist says the namespace."""
    return {"cniVersion": version, "name": "weir", "plugins": [
        {"type": "weir-cni", "socket": node.socket, "namespace": NAMESPACE, "capabilities": {"portMappings": True}}]}


def guard_back(node):
    """Port 80 of `back` is open for `front`, and nothing is for `other`."""
    node.pod_manifest(("shop/front", {"app": "front"}), ("shop/back", {"app": "back"}), ("shop/other", {}))
    node.manifest("back", policy("shop", "back", {"app": "back"},
                                 ingress=[rule("from", labels={"app": "front"}, ports=["tcp:80"])]))


def first_words(ips):
    """A shell script that sends before it does anything else."""
    return (f"for port in 80 81; do for ip in {' '.join(ips)}; do weir-probe try tcp $ip $port 500; done; done"
            f" > {FIRST_RESULTS}; exec sleep 1000000")


def first_results(read):
    """Results of first_words(); read() gives what is written so far."""
    text = weir.wait_for(lambda: (found := read()).count("\n") == 4 and found, "a pod has said its first words")
    return probe_results(text)


def probe_results(text):
    return [line.split(" ")[3] for line in text.splitlines()]


def probe_input(targets):
    return "".join(" ".join(map(str, target)) + "\n" for target in targets)


def ips(node, name):
    """Addresses of the pod, IPv4 first."""
    return sorted(node.endpoints()[f"{NAMESPACE}/{name}"]["ips"], key=weir.family_of)


def wait_served(node, name, port=80):
    """The node always reaches its pods: once it does, a timeout elsewhere is a policy's."""
    targets = [("tcp", ip, port) for ip in ips(node, name)]
    weir.wait_for(lambda: node.net.probe(*targets) == ["open"] * len(targets), f"{name} serves")
    return targets


def nothing_is_left(node):
    """No link, pin, state file or address of any pod."""
    node.wait_gone()
    weir.wait_for(lambda: not node.state_files(), "state files are removed")
    weir.wait_for(lambda: {pool["used"] for pool in node.status()["addresses"]} == {0}, "addresses are free")




def is_let_go_without_an_agent(node, remove):
    """The only pod is removed while no agent runs: the plugin cuts it off, the next agent forgets it."""
    node.stop()
    remove()
    assert not node.pod_links(), "the plugin deletes the link itself"
    node.start()
    nothing_is_left(node)


def policy_holds_from_the_first_packet(node, serve, start):
    """serve(name, *ports) starts a pod; start(name, script) another, and gives a function that reads its results."""
    guard_back(node)
    serve("back", "tcp:80", "tcp:81")
    for port in (80, 81):
        wait_served(node, "back", port)
    for name, wanted in (("front", ALLOWED_AT_FIRST), ("other", DENIED_AT_FIRST)):
        assert first_results(start(name, first_words(ips(node, "back")))) == wanted, name
