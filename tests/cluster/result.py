# SPDX-License-Identifier: Apache-2.0
"""What became of a test or a spec."""


class Result:
    """Of one test or spec: outcome is one of report.OUTCOMES; why says more."""

    def __init__(self, suite, name, outcome, why=""):
        self.suite, self.name, self.outcome, self.why = suite, name, outcome, why
