# SPDX-License-Identifier: Apache-2.0
"""What suites print becomes the right lines of the table; needs no cluster."""

import pytest

import cyclonus
import policy_api
import report
import upstream
import without_sctp
from result import Result

CYCLONUS = """\
test #1: ingress,deny-all
 - tags: ingress
test #2: egress
test #3: port
test #4: late
starting test case #1
evaluating test case: ingress,deny-all
0 wrong, 9 ignored, 153 correct
finished policy #1
starting test case #2
evaluating test case: egress
0 wrong, 9 ignored, 153 correct
Discrepancy found:2 wrong, 9 ignored, 151 correct
finished policy #2
starting test case #3
0 wrong, 9 ignored, 153 correct
"""
POLICY_API = """\
=== RUN   TestConformance
=== RUN   TestConformance/Egress
=== RUN   TestConformance/Egress/Should_allow
    helper.go:95: FAILED Command was connect
    helper.go:96: Expected connection to succeed
=== RUN   TestConformance/Egress/Should_deny
=== RUN   TestConformance/Named
    suite.go:190: Skipping Named: suite does not support it
--- FAIL: TestConformance (3.00s)
    --- FAIL: TestConformance/Egress (2.00s)
        --- FAIL: TestConformance/Egress/Should_allow (1.00s)
        --- PASS: TestConformance/Egress/Should_deny (1.00s)
    --- SKIP: TestConformance/Named (0.00s)
=== RUN   TestConformance/Late
"""
MANIFEST = """\
      containers:
        - name: web-{{ index .Ports 0 }}
          image: agnhost
        - name: odd-9003
          image: agnhost
          env:
          - name: SERVE_SCTP_PORT_9003
            value: "foo"
---
kind: Namespace
"""
HELPER = "func PokeServer(t *testing.T, protocol string) bool {\n\treturn poke(protocol)\n}\n"


def outcomes(results):
    return [(result.name, result.outcome) for result in results]


def test_a_case_of_cyclonus_fails_by_one_wrong_step_and_counts_when_it_ended():
    assert outcomes(cyclonus.read(CYCLONUS)) == [
        ("#1 ingress,deny-all", "passed"), ("#2 egress", "failed"), ("#3 port", "not run"), ("#4 late", "not run")]


def test_tests_of_the_policy_api_are_the_innermost_with_what_they_said():
    results = policy_api.read("x", POLICY_API, True)
    assert outcomes(results) == [("Egress/Should_allow", "failed"), ("Egress/Should_deny", "passed"),
                                 ("Named", "skipped"), ("Late", "not run")]
    assert results[0].why == "FAILED Command was connect"
    assert outcomes(policy_api.read("x", POLICY_API, False))[-1] == ("Late", "failed")


@pytest.mark.parametrize("state, message, outcome", [
    ("passed", "", "passed"), ("skipped", "needs three nodes", "skipped"), ("skipped", "", "not run"),
    ("timedout", "", "not run"), ("interrupted", "by the user", "not run"), ("failed", "no answer", "failed"),
    ("panicked", "nil", "failed")])
def test_only_a_spec_that_ended_counts(state, message, outcome):
    assert upstream.outcome_of(state, message)[0] == outcome


def test_what_needs_sctp_is_taken_out_and_nothing_else(tmp_path):
    for path, text in (("base/manifests.yaml", MANIFEST), ("utils/kubernetes/helper.go", HELPER)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    without_sctp.change(tmp_path)
    assert (tmp_path / "base/manifests.yaml").read_text() == MANIFEST[:MANIFEST.index("        - name: odd")] + \
        MANIFEST[MANIFEST.index("---"):]
    changed = (tmp_path / "utils/kubernetes/helper.go").read_text()
    assert changed.splitlines()[1:4] == ['\tif protocol == "sctp" {', "\t\treturn true", "\t}"]
    (tmp_path / "utils/kubernetes/helper.go").write_text("package other\n")
    with pytest.raises(without_sctp.NoSuchCode):
        without_sctp.change(tmp_path)


def test_a_run_that_was_cut_is_no_success(capsys):
    results = [Result("a", "one", "passed"), Result("a", "two", "not run", "the time was over")]
    assert report.print_table(results[:1]) == 0
    assert report.print_table(results) == 1
    assert "NOT RUN a: two\n       the time was over" in capsys.readouterr().out
