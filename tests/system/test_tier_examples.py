# SPDX-License-Identifier: Apache-2.0
"""examples/tiers and its older form over examples/shop do what their comments say."""

import glob
import os

import pytest

from weir import NODE_IPS, OUTSIDE_IPS, REPO, Node, wait_for

PODS = {"shop/checkout": (), "data/orders-db": ("tcp:5432", "tcp:9187"), "data/queue": ("tcp:9000",),
        "ops/metrics": (), "ops/resolver": ("udp:53", "tcp:53"), "guest/a": ("tcp:80",), "guest/b": ()}
KUBELET, OTHER = 10250, 8443

# (from, protocol, to, port)
ALWAYS_OPEN = [("shop/checkout", "tcp", "data/orders-db", 5432), ("ops/metrics", "tcp", "data/orders-db", 9187),
               ("guest/b", "udp", "ops/resolver", 53), ("ops/metrics", "tcp", "guest/a", 80)]
ALWAYS_SHUT = [("ops/metrics", "tcp", "data/orders-db", 5432), ("guest/b", "tcp", "node", KUBELET)]
STRANGER = ("guest/b", "tcp", "data/queue", 9000)
BY_BASELINE = [("guest/b", "tcp", "guest/a", 80), ("guest/b", "tcp", "outside", 80), ("guest/b", "tcp", "node", OTHER)]


@pytest.fixture(scope="module")
def node():
    with Node() as running:
        for path in glob.glob(f"{REPO}/examples/shop/*.yaml"):
            with open(path, encoding="utf-8") as file:
                running.write(os.path.basename(path), file.read().replace("demo-node", running.name))
        running.manifest("node", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": running.name}, "status": {
            "addresses": [{"type": "InternalIP", "address": ip} for ip in NODE_IPS]}})
        # Were it not for the guard rails, the queue would be open to everybody.
        running.manifest("open-queue", {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "open-queue", "namespace": "data"},
            "spec": {"podSelector": {"matchLabels": {"app": "queue"}}, "ingress": [{}]}})
        running.found = {name: running.add_pod(*name.split("/")) for name in PODS}
        for name, ports in PODS.items():
            if ports:
                running.found[name].serve(*ports)
        running.net.serve(f"tcp:{KUBELET}", f"tcp:{OTHER}")
        running.outside.serve("tcp:80")
        yield running


def check(node, opened, shut):
    def addresses(name):
        return {"node": NODE_IPS, "outside": OUTSIDE_IPS}.get(name) or node.found[name].ips

    asked = [(way, address, wanted) for ways, wanted in ((opened, "open"), (shut, "timeout")) for way in ways
             for address in addresses(way[2])]

    def differences():
        wrong = []
        for source in {way[0] for way, _, _ in asked}:
            mine = [one for one in asked if one[0][0] == source]
            results = node.found[source].probe(*[(way[1], address, way[3]) for way, address, _ in mine], timeout_ms=250)
            wrong += [(way, address, result) for (way, address, wanted), result in zip(mine, results)
                      if result != wanted]
        return wrong
    try:
        wait_for(lambda: not differences(), "the examples hold", every_s=0.1)
    except AssertionError as error:
        raise AssertionError(f"{error}: {differences()}") from None
    assert not node.problems()


def use(node, *paths):
    for path in glob.glob(f"{node.manifests}/[67]*"):
        os.unlink(path)
    for path in paths:
        with open(path, encoding="utf-8") as file:
            node.write(os.path.basename(path), file.read())
    node.settle()


@pytest.mark.parametrize("folder", ["tiers", "tiers-v1alpha1"])
def test_tiers_stand_around_the_policies_of_the_namespaces(node, folder):
    *admin, baseline = sorted(glob.glob(f"{REPO}/examples/{folder}/*.yaml"))
    use(node)
    check(node, [STRANGER, *BY_BASELINE, ALWAYS_SHUT[1]], [ALWAYS_SHUT[0]])
    use(node, *admin)
    check(node, [*ALWAYS_OPEN, *BY_BASELINE], [*ALWAYS_SHUT, STRANGER])
    use(node, *admin, baseline)
    check(node, ALWAYS_OPEN, [*ALWAYS_SHUT, STRANGER, *BY_BASELINE])
