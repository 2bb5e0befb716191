# SPDX-License-Identifier: Apache-2.0
"""Who reaches whom: probed with real traffic, computed from the policies, and both side by side."""

import collections
import subprocess
import sys

from demolib import policy

PROTOCOLS = ("TCP", "UDP", "ICMP")
FAMILIES = (4, 6)
TIMEOUT_MS = 1500

Probe = collections.namedtuple("Probe", "source destination protocol number family")


def probes(sources, destinations, served):
    """@served: name of a destination to its (protocol, number) pairs."""
    return [Probe(source.name, destination.name, protocol, number, family)
            for source in sources for destination in destinations
            if source.name != destination.name
            for protocol, number in [*served[destination.name], ("ICMP", 0)]
            for family in FAMILIES]


def expected(cluster, parties, wanted):
    return {probe: policy.allowed(cluster, parties[probe.source], parties[probe.destination],
                                  probe.protocol, probe.number, probe.family)
            for probe in wanted}


class WrongAnswer(Exception):
    """Traffic arrived at somebody else."""


def _collect(process, batch):
    out, err = process.communicate(timeout=60)
    rows = out.splitlines()
    if len(rows) != len(batch):
        raise RuntimeError(f"weir-probe: {err.strip() or 'not every target has a result'}")
    results = {}
    for probe, row in zip(batch, rows):
        words = row.split()
        if words[3] == "error":
            raise RuntimeError(f"probe of {probe}: {row}")
        results[probe] = words[3] == "open"
        if results[probe] and probe.protocol != "ICMP" and words[5] != probe.destination:
            raise WrongAnswer(f"{probe.source} asked {probe.destination} and {words[5]} answered")
    return results


def _target(probe, parties):
    """A line for weir-probe. Hosts outside are told apart by their source address."""
    source, destination = parties[probe.source], parties[probe.destination]
    own = source.addresses[probe.family] if source.kind == "outside" else ""
    return f"{probe.protocol.lower()} {destination.addresses[probe.family]} {probe.number} {own}\n"


def measure(wanted, parties, command_of, probe_binary, timeout_ms=TIMEOUT_MS):
    """Probes everything at the same time: one process a source, one socket a probe.

    @command_of: name of a party to the words that run a command in its network namespace.
    """
    batches = collections.defaultdict(list)
    for probe in wanted:
        batches[probe.source].append(probe)
    running = []
    for name, batch in batches.items():
        process = subprocess.Popen([*command_of(name), probe_binary, "try", str(timeout_ms)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        process.stdin.writelines(_target(probe, parties) for probe in batch)
        process.stdin.close()
        process.stdin = None
        running.append((process, batch))
    results = {}
    for process, batch in running:
        results.update(_collect(process, batch))
    return results


def cell(results, source, destination, protocol):
    """The number of ports that are reached, '.' none, 'x' where the families differ."""
    if source == destination:
        return " "
    reached = {family: sum(open_ for probe, open_ in results.items()
                           if probe[:3] == (source, destination, protocol) and
                           probe.family == family) for family in FAMILIES}
    if reached[4] != reached[6]:
        return "x"
    return str(reached[4]) if reached[4] else "."


def _index(results):
    """The same results by cell, so that a cell does not look through all of them."""
    cells = collections.defaultdict(dict)
    for probe, open_ in results.items():
        cells[probe[:3]][probe] = open_
    return cells


def _mark(text):
    return f"\033[1;31m{text}\033[0m" if sys.stdout.isatty() else text


def show(measured, wanted, sources, destinations):
    """One block a protocol: measured on the left, what the policies say on the right."""
    have, want = _index(measured), _index(wanted)
    header = " ".join(f"{i % 100:>2}"[-1] for i in range(1, len(destinations) + 1))
    for protocol in PROTOCOLS:
        print(f"\n  {protocol:14} {'measured':{len(header)}}   what the policies say")
        print(f"  {'':14} {header}   {header}")
        for i, source in enumerate(sources, 1):
            left, right = [], []
            for destination in destinations:
                key = (source.name, destination.name, protocol)
                is_, should = cell(have[key], *key), cell(want[key], *key)
                left.append(is_ if is_ == should else _mark(is_))
                right.append(should)
            print(f"  {i:2} {source.name:11} {' '.join(left)}   {' '.join(right)}")
    print("\n  Rows open connections to columns (the same numbers). A cell is the number of ports that"
          "\n  answered, '.' none, over IPv4 and IPv6 alike; 'x' if the families differ.")


def differences(measured, wanted):
    return [probe for probe in wanted if measured[probe] != wanted[probe]]


def describe(probe, parties):
    what = "echo" if probe.protocol == "ICMP" else f"port {probe.number}"
    return (f"{probe.source} -> {probe.destination} {probe.protocol} {what} over IPv{probe.family} "
            f"({parties[probe.source].addresses[probe.family]} -> "
            f"{parties[probe.destination].addresses[probe.family]})")
