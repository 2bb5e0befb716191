# SPDX-License-Identifier: Apache-2.0
"""What the kubelet asks of a pod always comes to it, whatever policy denies to all others."""

import http.client
import http.server
import socket
import threading

import pytest

from traffic import inside, policy
from weir import NODE_IPS, family_of, wait_for

API = "policy.networking.k8s.io/v1alpha2"
HTTP, TCP, UDP = 8080, 80, 53
EVERYONE = {"namespaces": {}}


def tier_policy(tier):
    """No pod hears from any, and none says anything to anybody: before or after all NetworkPolicies."""
    world = [{"networks": ["0.0.0.0/0", "::/0"]}]
    return {"apiVersion": API, "kind": "ClusterNetworkPolicy", "metadata": {"name": f"nothing-{tier.lower()}"},
            "spec": {"tier": tier, "priority": 0, "subject": EVERYONE,
                     "ingress": [{"name": "nobody", "action": "Deny", "from": [EVERYONE]}],
                     "egress": [{"name": "nowhere", "action": "Deny", "to": [EVERYONE, *world]}]}}


ISOLATED = policy("shop", "nothing", {}, ingress=[], egress=[])
DENIALS = {"namespace": [ISOLATED], "tiers": [tier_policy("Admin"), ISOLATED, tier_policy("Baseline")]}


class Health(http.server.BaseHTTPRequestHandler):
    """What a probe of type httpGet asks; it says who asked."""

    def do_GET(self):
        text = self.client_address[0].removeprefix("::ffff:").encode()
        self.send_response(200 if self.path == "/healthz" else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6  # and IPv4 with it


@pytest.fixture(scope="module")
def pods(shared_node):
    """The pod that is probed, and one that is a stranger to it."""
    shared_node.route_pods()
    probed, stranger = (shared_node.add_pod("shop", name, labels={"app": name}) for name in ("probed", "stranger"))
    probed.serve(f"tcp:{TCP}", f"udp:{UDP}")
    with inside(probed):
        server = Server(("::", HTTP), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield probed, stranger
    server.shutdown()
    server.server_close()


@pytest.fixture(params=DENIALS)
def denied(request, shared_node):
    shared_node.manifest("nothing", *DENIALS[request.param])
    yield request.param
    shared_node.remove_manifest("nothing")


def source_of(address):
    """The node's own address of this family."""
    return next(ip for ip in NODE_IPS if family_of(ip) == family_of(address))


def http_probe(node, address, source=None):
    """Status and answer."""
    with inside(node.net):
        asking = http.client.HTTPConnection(address, HTTP, timeout=5, source_address=source and (source, 0))
        asking.connect()
    try:
        asking.request("GET", "/healthz")
        answer = asking.getresponse()
        return answer.status, answer.read().decode()
    finally:
        asking.close()


def others(node, pods):
    """Results of all who are not the node."""
    probed, stranger = pods
    asked = [(proto, ip, port) for ip in probed.ips for proto, port in (("tcp", TCP), ("udp", UDP))]
    return {result for netns in (stranger, node.outside) for result in netns.probe(*asked, timeout_ms=300)}


def check(node, pods):
    probed, _ = pods
    for ip in probed.ips:
        own = source_of(ip)
        assert http_probe(node, ip, own) == (200, own)
        assert http_probe(node, ip)[0] == 200  # from whatever address the kernel chooses
        ways = [("tcp", ip, TCP), ("udp", ip, UDP), ("icmp", ip, 0)]
        assert node.net.probe(*ways, *[(*way, own) for way in ways[:2]]) == ["open"] * 5


def test_probes_of_the_node_come_to_a_pod_that_hears_nobody(shared_node, pods, denied):
    assert others(shared_node, pods) == {"timeout"}, denied
    check(shared_node, pods)


def test_without_policy_all_may_ask(shared_node, pods):
    assert others(shared_node, pods) == {"open"}
    check(shared_node, pods)


def test_probes_outlive_the_agent(shared_node, pods):
    shared_node.manifest("nothing", *DENIALS["tiers"])
    shared_node.kill9()
    try:
        assert others(shared_node, pods) == {"timeout"}
        check(shared_node, pods)
    finally:
        shared_node.start()
    wait_for(lambda: shared_node.status()["healthy"], "the agent is back")
    check(shared_node, pods)
    shared_node.remove_manifest("nothing")


def test_a_pod_hears_probes_from_its_start_on(shared_node):
    """Its first one comes at once, and may not be lost: a startup probe may have no second try."""
    shared_node.manifest("nothing", *DENIALS["tiers"])
    for number in range(5):
        pod = shared_node.add_pod("shop", f"new-{number}", labels={"app": "new"})
        pod.serve(f"tcp:{TCP}")
        assert shared_node.net.probe(*[("tcp", ip, TCP, source_of(ip)) for ip in pod.ips]) == ["open"] * 2
        shared_node.del_pod(pod)
    shared_node.remove_manifest("nothing")
