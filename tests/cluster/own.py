# SPDX-License-Identifier: Apache-2.0
"""weir's own tests of a cluster: test_*.py beside this file, by pytest in this process."""

import os
import xml.etree.ElementTree as xml

from machine import DIR
from result import Result

HERE = os.path.dirname(os.path.abspath(__file__))


class ClusterPlugin:
    """Gives the own tests the running cluster."""

    def __init__(self, cluster):
        self._cluster = cluster

    def pytest_configure(self, config):
        config.cluster = self._cluster


def _outcome(case):
    """(outcome, why) of a test case in a JUnit file."""
    for tag, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            return outcome, (found.get("message") or found.text or "").strip()
    return "passed", ""


def _read_junit(path):
    if not os.path.exists(path):
        return [Result("own", "the suite", "failed", "it ended without a report")]
    return [Result("own", case.get("name"), *_outcome(case))
            for case in xml.parse(path).getroot().iter("testcase")]


def run(cluster, words):
    """words are more arguments of pytest."""
    import pytest  # here: who only runs upstream's suites need not have it
    report = f"{DIR}/own.xml"
    status = pytest.main(["-p", "no:cacheprovider", "-v", "--tb=short", f"--junitxml={report}", *words, HERE],
                         plugins=[ClusterPlugin(cluster)])
    if status == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    return _read_junit(report)
