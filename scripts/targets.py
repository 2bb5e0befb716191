#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what the tests of some suites need of a build directory, one target a line, for ninja.

    targets.py BUILD-DIR SUITE...
"""

import json
import os
import subprocess
import sys


def introspect(build, what):
    return json.loads(subprocess.run(["meson", "introspect", build, f"--{what}"],
                                     check=True, stdout=subprocess.PIPE).stdout)


def main():
    build, suites = sys.argv[1], {f"weir:{name}" for name in sys.argv[2:]}
    files = {target["id"]: target["filename"] for target in introspect(build, "targets")}
    needed = {name for test in introspect(build, "tests") if suites.intersection(test["suite"])
              for target in test["depends"] for name in files[target]}
    for name in sorted(needed):
        print(os.path.relpath(name, build))


if __name__ == "__main__":
    main()
