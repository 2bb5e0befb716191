# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the cluster's own tests. scripts/test-cluster gives `cluster` (own.py)."""

import pytest

from workload import Namespace, client_pod, server_pod, service


@pytest.fixture
def namespace():
    with Namespace() as made:
        yield made


@pytest.fixture
def shop(namespace, cluster):
    """A server and a client on each node, "server-1", "client-1"...; a Service of all servers. The names are
    in `servers` and `clients`."""
    namespace.servers = [f"server-{node.number}" for node in cluster.nodes]
    namespace.clients = [f"client-{node.number}" for node in cluster.nodes]
    for node in cluster.nodes:
        namespace.create(
            server_pod(f"server-{node.number}", {"app": "server", "at": node.name}, node.name),
            client_pod(f"client-{node.number}", {"app": "client", "at": node.name}, node.name))
    namespace.create(service("web", {"app": "server"}))
    namespace.wait("app=server", len(cluster.nodes))
    namespace.wait("app=client", len(cluster.nodes))
    return namespace


@pytest.fixture(scope="session")
def cluster(pytestconfig):
    found = getattr(pytestconfig, "cluster", None)
    if not found:
        pytest.skip("no cluster: these tests are run by scripts/test-cluster")
    return found
