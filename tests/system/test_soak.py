# SPDX-License-Identifier: Apache-2.0
"""Half a minute of tests/soak/run, which goes on for as long as you like; and what it would find."""

import os
import sys

import pytest

from weir import Failed

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak"))

import steady  # noqa: E402
from churn import Churn  # noqa: E402
from soak import soak  # noqa: E402

SECONDS = 30


def test_nothing_is_lost_passes_or_grows_while_everything_changes():
    print(soak(SECONDS, nodes=2, seed=1))


def without_policy(cluster):
    """Strangers may."""
    if cluster.has("server-policy"):
        cluster.remove("server-policy")


def without_endpoints(cluster):
    """New connections are refused."""
    cluster.put("steady", steady.balancer("steady"), *steady.slices("soak/steady", []))


def left_behind(cluster):
    """Something that nobody takes away."""
    for number in range(3):
        cluster.put(f"left-{number}", steady.service(f"soak/left-{number}", "tcp:80", vips=(f"10.96.9.{number}",)))


@pytest.mark.parametrize("mischief, finding", [(without_policy, "packets of strangers reached a server"),
                                               (without_endpoints, "ECONNREFUSED"),
                                               (left_behind, "entries of frontend4")])
def test_what_is_wrong_is_found(monkeypatch, mischief, finding):
    monkeypatch.setattr(Churn, "act", lambda churn: mischief(churn.cluster))
    monkeypatch.setattr("soak.REST_S", 5)
    with pytest.raises(Failed, match=finding):
        soak(SECONDS / 3, nodes=2, seed=1)
