# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the differential tests."""

import os

import kernel
import pytest


@pytest.fixture(scope="session")
def judges():
    """Whatever was asked before: who needs a cold start resets them."""
    if os.geteuid():
        pytest.skip("needs root")
    if not os.access(kernel.PROGRAM, os.X_OK):
        pytest.skip(f"not built: {kernel.PROGRAM}")
    with kernel.Judges() as judges:
        yield judges
