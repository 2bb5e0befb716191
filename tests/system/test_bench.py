# SPDX-License-Identifier: Apache-2.0
"""The benchmarks work: with a minimum of everything they come to an end and say what they should. Nothing is timed."""

import json
import math
import os

import pytest

import weir

RUN = f"{weir.REPO}/tests/bench/run"
# What stands beside the figures of a suite, and a budget that one of them must have.
SUITES = {
    "packet": ({"parse, LRU hit", "parse, LRU insert", "new connection", "the same with 8 rules"}, "ratio_most"),
    "frames": ({"plain veth routing"}, "ratio_most"),
    "stream": ({"plain veth routing"}, "ratio_least"),
    "change": ({"all of it, cold"}, "value_most"),
    "memory": ({"no pod", "keys and values"}, "value_most"),
    "cni": ({"bridge, host-local"}, "ratio_most"),
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


def test_figures_become_pictures(tmp_path):
    out = bench("--plots", tmp_path, "memory")
    assert "agent RSS" in out
    assert os.path.getsize(tmp_path / "memory.png") > 0


def test_an_unknown_suite_is_refused():
    with pytest.raises(weir.Failed, match="there is no suite nonsense"):
        bench("nonsense")
