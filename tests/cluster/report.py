# SPDX-License-Identifier: Apache-2.0
"""What a run has found, as text."""

OUTCOMES = ("passed", "failed", "skipped", "not run")
WHY_MAX = 160


def _first_line(text):
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line[:WHY_MAX]


def counts(results):
    """Suite -> how many of each outcome, in their order."""
    found = {}
    for result in results:
        found.setdefault(result.suite, dict.fromkeys(OUTCOMES, 0))[result.outcome] += 1
    return found


def print_table(results):
    """One line a suite, then each test that failed or did not run, then reasons of those that were skipped.
    How many of them a whole run would not have."""
    table = counts(results)
    width = max([len(suite) for suite in table] + [5])
    print(f"\n{'SUITE':{width}}" + "".join(f"  {outcome.upper():>7}" for outcome in OUTCOMES))
    for suite, row in table.items():
        print(f"{suite:{width}}" + "".join(f"  {row[outcome]:7}" for outcome in OUTCOMES))
    for result in results:
        if result.outcome in ("failed", "not run"):
            print(f"\n{result.outcome.upper()} {result.suite}: {result.name}\n       {_first_line(result.why)}")
    reasons = {}
    for result in results:
        if result.outcome == "skipped":
            reasons.setdefault(_first_line(result.why), []).append(result.name)
    for why, names in sorted(reasons.items()):
        print(f"\nSKIPPED {len(names)}: {why}")
    total = {outcome: sum(row[outcome] for row in table.values()) for outcome in OUTCOMES}
    print("\n" + ", ".join(f"{total[outcome]} {outcome}" for outcome in OUTCOMES))
    return total["failed"] + total["not run"]
