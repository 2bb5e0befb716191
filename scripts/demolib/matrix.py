# SPDX-License-Identifier: Apache-2.0
"""Who reaches whom: probed with real traffic, computed from the policies, and both side by side."""

import collections
import subprocess
import sys

from demolib import policy

PROTOCOLS = ("TCP", "UDP", "ICMP")
FAMILIES = (4, 6)
TIMEOUT_MS = 1500
NOBODY = ""
SERVICES = ("service", "door")  # kinds of parties that are addresses of Services

Probe = collections.namedtuple("Probe", "source destination protocol number family")


def probes(sources, destinations, served):
    """@served: name of a destination to its (protocol, number) pairs; a service has no echo."""
    return [Probe(source.name, destination.name, protocol, number, family)
            for source in sources for destination in destinations
            if source.name != destination.name
            for protocol, number in [*served[destination.name],
                                     *([] if destination.kind in SERVICES else [("ICMP", 0)])]
            for family in FAMILIES]


def expected(cluster, parties, wanted, behind):
    """For each probe the names of those who may answer; NOBODY among them: perhaps nobody.

    @behind: destination, protocol and number to the (party, number) pairs that one is chosen
    from. A service is judged on the pod that is chosen.
    """
    return {probe: {party.name if policy.allowed(cluster, parties[probe.source], party,
                                                 probe.protocol, number, probe.family) else NOBODY
                    for party, number in behind(*probe[1:4])} or {NOBODY}
            for probe in wanted}


def is_open(names):
    """Of what is expected: True or False; None when it depends on who is chosen."""
    return None if NOBODY in names and len(names) > 1 else NOBODY not in names


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
        name = probe.destination if probe.protocol == "ICMP" else words[-1]
        results[probe] = name if words[3] == "open" else NOBODY
    return results


def _target(probe, parties):
    """A line for weir-probe. Hosts outside are told apart by their source address."""
    source, destination = parties[probe.source], parties[probe.destination]
    own = source.addresses[probe.family] if source.kind == "outside" else ""
    return f"{probe.protocol.lower()} {destination.addresses[probe.family]} {probe.number} {own}\n"


def measure(wanted, parties, command_of, probe_binary, timeout_ms=TIMEOUT_MS):
    """Probes everything at the same time: one process a source, one socket a probe.

    For each probe the name that answered, or NOBODY.
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


def cell(opened, source, destination, protocol):
    """The number of ports that are reached, '.' none, 'x' where the families differ, '?' unknown.

    @opened: probe to True, False, or None for unknown.
    """
    here = {probe: is_ for probe, is_ in opened.items()
            if probe[:3] == (source, destination, protocol)}
    if not here:
        return " "
    if None in here.values():
        return "?"
    reached = {family: sum(is_ for probe, is_ in here.items() if probe.family == family)
               for family in FAMILIES}
    if reached[4] != reached[6]:
        return "x"
    return str(reached[4]) if reached[4] else "."


def _index(opened):
    """The same by cell, so that a cell does not look through all of them."""
    cells = collections.defaultdict(dict)
    for probe, is_ in opened.items():
        cells[probe[:3]][probe] = is_
    return cells


def _mark(text):
    return f"\033[1;31m{text}\033[0m" if sys.stdout.isatty() else text


def show(measured, wanted, sources, destinations, protocols=PROTOCOLS):
    """One block a protocol: measured on the left, what the policies say on the right."""
    have = _index({probe: name != NOBODY for probe, name in measured.items()})
    want = _index({probe: is_open(names) for probe, names in wanted.items()})
    header = " ".join(f"{i % 100:>2}"[-1] for i in range(1, len(destinations) + 1))
    for protocol in protocols:
        print(f"\n  {protocol:14} {'measured':{len(header)}}   what the policies say")
        print(f"  {'':14} {header}   {header}")
        for i, source in enumerate(sources, 1):
            left, right = [], []
            for destination in destinations:
                key = (source.name, destination.name, protocol)
                is_, should = cell(have[key], *key), cell(want[key], *key)
                left.append(is_ if should in (is_, "?") else _mark(is_))
                right.append(should)
            print(f"  {i:2} {source.name:11} {' '.join(left)}   {' '.join(right)}")


def differences(measured, wanted):
    return [probe for probe in wanted if measured[probe] not in wanted[probe]]


def moved(before, after, wanted):
    """Probes that were reached and are not any more, or the other way; not those left to chance."""
    return [probe for probe in after if bool(before[probe]) != bool(after[probe]) and
            is_open(wanted[probe]) is not None]


def describe(probe, parties):
    what = "echo" if probe.protocol == "ICMP" else f"port {probe.number}"
    return (f"{probe.source} -> {probe.destination} {probe.protocol} {what} over IPv{probe.family} "
            f"({parties[probe.source].addresses[probe.family]} -> "
            f"{parties[probe.destination].addresses[probe.family]})")
