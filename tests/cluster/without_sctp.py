# SPDX-License-Identifier: Apache-2.0
"""Takes what needs SCTP sockets out of a copy of the network-policy-api's conformance suite.

Its servers of SCTP never start on a kernel that has none, and no test begins before all servers run. Tests
that are about SCTP alone are not run (policy_api.py), in the others a probe by SCTP finds what was expected.
"""

import glob
import re

SERVER = "SERVE_SCTP_PORT_"
# An entry of a list, with all that is further to the right.
CONTAINER = re.compile(r"^( +)- name: [^\n]*\n(?:\1 [^\n]*\n)*", re.MULTILINE)
PROBE = re.compile(r"^(func PokeServer\([^\n]*\))( bool)? \{\n", re.MULTILINE)


class NoSuchCode(Exception):
    """The suite is not written as this file knows it."""


def _servers(path):
    # The manifests are a template, which is no YAML yet.
    with open(path, encoding="utf-8") as file:
        text = CONTAINER.sub(lambda match: "" if SERVER in match[0] else match[0], file.read())
    if SERVER in text:
        raise NoSuchCode(f"{path}: a server of SCTP is left")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _skip(match):
    answer = " true" if match[2] else ""
    return f'{match[0]}\tif protocol == "sctp" {{\n\t\treturn{answer}\n\t}}\n'


def _probes(path):
    with open(path, encoding="utf-8") as file:
        text, count = PROBE.subn(_skip, file.read())
    if count != 1:
        raise NoSuchCode(f"{path}: PokeServer is there {count} times, not once")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def change(place):
    """place is the directory `conformance` of the copy."""
    _servers(f"{place}/base/manifests.yaml")
    _probes(f"{place}/utils/kubernetes/helper.go")


def left_out(place):
    """Names of the tests that are about SCTP alone."""
    found = set()
    for path in glob.glob(f"{place}/tests/*.go"):
        with open(path, encoding="utf-8") as file:
            found |= set(re.findall(r'ShortName:\s*"(\w*SCTP\w*)"', file.read()))
    return sorted(found)
