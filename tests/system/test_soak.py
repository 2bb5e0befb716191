# SPDX-License-Identifier: Apache-2.0
"""Half a minute of tests/soak/run, which goes on for as long as you like."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak"))

from soak import soak  # noqa: E402

SECONDS = 30


def test_nothing_is_lost_passes_or_grows_while_everything_changes(capsys):
    done = soak(SECONDS, nodes=2, seed=1)
    print(capsys.readouterr().out + done)
