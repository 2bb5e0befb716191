# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import node as harness  # noqa: E402


def pytest_collection_modifyitems(items):
    if os.geteuid() == 0:
        return
    for item in items:
        item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture
def node():
    with harness.Node() as made:
        yield made


@pytest.fixture
def outside_node():
    """A node with an uplink."""
    with harness.Node(outside=True) as made:
        yield made
