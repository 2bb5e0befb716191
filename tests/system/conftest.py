# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests. `node` is a node of its own for one test, `nodes` makes more."""

import os

import pytest

import weir
from scene import Scene
from services import Shop


def pytest_collection_modifyitems(items):
    missing = [path for path in (weir.AGENT, weir.PLUGIN, weir.CLI, weir.PROBE) if not os.access(path, os.X_OK)]
    reason = "needs root" if os.geteuid() else f"not built: {', '.join(missing)}" if missing else None
    for item in items if reason else ():
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def nodes():
    """nodes(...) makes a Node like the class does; all are taken back after the test."""
    made = []

    def make(*args, **options):
        made.append(weir.Node(*args, **options))
        return made[-1]
    yield make
    for node in made:
        node.close()


@pytest.fixture
def node(nodes):
    return nodes()


@pytest.fixture(scope="module")
def shared_node():
    """One node for all tests of a file that leave nothing behind."""
    with weir.Node() as node:
        yield node


@pytest.fixture(scope="module")
def shared_scene():
    with weir.Node() as node:
        yield Scene(node)


@pytest.fixture
def scene(shared_scene):
    """Of one scene for all tests of a file, the manifests are removed after each."""
    yield shared_scene
    shared_scene.clean()


@pytest.fixture(scope="module")
def shared_shop():
    with weir.Node() as node:
        yield Shop(node)


@pytest.fixture
def shop(shared_shop):
    """Of one shop for all tests of a file, the manifests are removed after each."""
    yield shared_shop
    shared_shop.clean()
