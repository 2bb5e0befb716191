# SPDX-License-Identifier: Apache-2.0
"""A difference is found and shown so that a person sees at once what it is about."""

import history
import pytest
import reading
import yaml

HISTORIES = 40


def blind(holds):
    """The reading that some implementations have: NotIn holds for labels that are there only."""
    return lambda expression, labels: holds(expression, labels) and not (
        expression["operator"] == "NotIn" and expression["key"] not in labels)


def test_a_difference_is_printed_as_the_smallest_case_and_one_probe(judges, monkeypatch):
    monkeypatch.setattr(reading, "requirement_holds", blind(reading.requirement_holds))
    with pytest.raises(history.Different) as caught:
        for number in range(HISTORIES):
            history.run(judges, 1, number)
    report = str(caught.value)
    assert "of seed 1: " in report and report.count("Probe(") == 1
    objects = [obj for obj in yaml.safe_load_all(report[report.index("# node "):]) if obj]
    assert "NetworkPolicy" in {obj["kind"] for obj in objects} and len(objects) <= 3
    assert "NotIn" in str(objects)
