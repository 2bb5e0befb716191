#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up test results: every failure with its log, every skip with its reason.

    summary.py [--meson LABEL testlog.json]... [--junit SUITE results.xml]...
               [--failed TITLE LOG]... [--require SUITE]...

Meson's JSON log is read rather than its JUnit file, because the latter does not
tell that a program died after its last subtest. The last line of the output is
"N passed, N failed, N skipped". The exit status is 1 when anything failed, when
nothing ran, or when a whole suite was skipped.
"""

import argparse
import collections
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

LOG_LINES = 120

Result = collections.namedtuple("Result", "suite name outcome text")

TAP_LINE = re.compile(r"(?P<not>not )?ok\b\s*\d*\s*-?\s*(?P<name>[^#]*?)\s*"
                      r"(#\s*(?P<directive>skip|todo)\S*\s*(?P<reason>.*))?$", re.IGNORECASE)


def tap_results(suite, program, output):
    """The subtests of one program."""
    for line in output.splitlines():
        match = TAP_LINE.fullmatch(line.strip())
        if not match:
            continue
        directive = (match["directive"] or "").lower()
        name = f"{program}: {match['name']}"
        if directive == "skip":
            yield Result(suite, name, "skipped", match["reason"])
        elif match["not"] and directive != "todo":
            yield Result(suite, name, "failed", output)
        else:
            yield Result(suite, name, "passed", "")


def skip_reason(output):
    """A program that was skipped as a whole says why in its plan or its last line."""
    for line in output.splitlines():
        match = re.match(r"1\.\.0\s*#\s*skip\S*\s*(.*)", line, re.IGNORECASE)
        if match:
            return match[1]
    lines = output.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def program_results(label, test):
    # "project:suite+another suite / program"
    where, _, name = test["name"].rpartition(" / ")
    suite = where.split(":")[-1].split("+")[0] or label
    program = f"{label}: {name}"
    output = (test.get("stdout") or "") + (test.get("stderr") or "")
    good = test["result"] in ("OK", "EXPECTEDFAIL")

    if test["result"] == "SKIP":
        return [Result(suite, program, "skipped", skip_reason(output))]
    results = list(tap_results(suite, program, test.get("stdout") or ""))
    if results and good:
        return results
    if any(result.outcome == "failed" for result in results):
        # The whole output once, with the first failure.
        first = next(i for i, result in enumerate(results) if result.outcome == "failed")
        return [result if result.outcome != "failed" else
                result._replace(text=output if i == first else "see above")
                for i, result in enumerate(results)]
    if good:
        return [Result(suite, program, "passed", "")]
    how = f"{test['result'].lower()}, exit status {test.get('returncode')}\n"
    return results + [Result(suite, program, "failed", how + output)]


def meson_results(label, path):
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            yield from program_results(label, json.loads(line))


def junit_results(suite, path):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('file') or case.get('classname')}: {case.get('name')}"
        bad = [child for child in case if child.tag in ("failure", "error")]
        skipped = case.find("skipped")
        if bad:
            yield Result(suite, name, "failed", "\n".join(child.text or "" for child in bad))
        elif skipped is not None:
            yield Result(suite, name, "skipped", skipped.get("message") or "no reason given")
        else:
            yield Result(suite, name, "passed", "")


def read_results(reader, suite, path):
    """A file of results that is not there, or is cut off, is a failure."""
    try:
        results = list(reader(suite, path))
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        return [Result(suite, f"{suite}: results", "failed", f"{path}: {error}")]
    return results or [Result(suite, f"{suite}: results", "failed", f"{path}: no test ran")]


def step_failure(title, path):
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return Result("build", title, "failed", log.read())
    except OSError as error:
        return Result("build", title, "failed", str(error))


def suite_failures(results, required):
    """Suites that ran nothing, or skipped everything, have proved nothing."""
    outcomes = collections.defaultdict(set)
    for result in results:
        outcomes[result.suite].add(result.outcome)
    for suite in sorted(set(required) | set(outcomes)):
        if not outcomes[suite]:
            yield Result(suite, f"{suite}: whole suite", "failed", "no test of it ran")
        elif outcomes[suite] == {"skipped"}:
            yield Result(suite, f"{suite}: whole suite", "failed", "all of its tests were skipped")


def show_log(text):
    lines = text.rstrip().splitlines()
    if len(lines) > LOG_LINES:
        print(f"    [{len(lines) - LOG_LINES} lines left out]")
    for line in lines[-LOG_LINES:]:
        print(f"    {line}")


def show(results):
    table = collections.defaultdict(collections.Counter)
    for result in results:
        table[result.suite][result.outcome] += 1
    for result in results:
        if result.outcome == "failed":
            print(f"\nFAILED {result.name}")
            show_log(result.text)
    skipped = [result for result in results if result.outcome == "skipped"]
    if skipped:
        print("\nSkipped:")
    for result in skipped:
        print(f"    {result.name}: {result.text}")
    print()
    for suite, counts in sorted(table.items()):
        print(f"{suite:10} {counts['passed']:6} passed {counts['failed']:4} failed "
              f"{counts['skipped']:4} skipped")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--meson", nargs=2, action="append", default=[])
    parser.add_argument("--junit", nargs=2, action="append", default=[])
    parser.add_argument("--failed", nargs=2, action="append", default=[])
    parser.add_argument("--require", action="append", default=[])
    args = parser.parse_args()

    results = [step_failure(title, path) for title, path in args.failed]
    for label, path in args.meson:
        results += read_results(meson_results, label, path)
    for suite, path in args.junit:
        results += read_results(junit_results, suite, path)
    results += suite_failures(results, args.require)
    show(results)
    counts = collections.Counter(result.outcome for result in results)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
