# SPDX-License-Identifier: Apache-2.0
"""One of the pods behind a Service is taken away while a client opens connections all the time."""

import collections
import subprocess
import time

from demolib import matrix
from demolib.node import Failed

INTERVAL_MS = 2  # between connections of one family
TIMEOUT_MS = 3000  # of one request: from then on it has failed
# How long the client is left alone in each state of the pod.
STEP_S = 1

# Times in milliseconds of CLOCK_MONOTONIC, which time.monotonic() has too.
Tally = collections.namedtuple("Tally", "family result count first_ms last_ms slowest_ms name")


class Load:
    """Requests from @command's network to @addresses, over both families, until stop()."""

    def __init__(self, command, probe_binary, addresses, number):
        self.process = subprocess.Popen(
            [*command, probe_binary, "repeat", str(INTERVAL_MS), str(TIMEOUT_MS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)
        self.process.stdin.writelines(f"tcp {addresses[family]} {number}\n"
                                      for family in matrix.FAMILIES)
        self.process.stdin.close()
        self.process.stdin = None

    def stop(self):
        """What the requests came to."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=TIMEOUT_MS / 1000 + 10)
        tallies = []
        for line in out.splitlines():
            address, result, rest = line.split()[1], line.split()[3], line.split(None, 8)[4:]
            tallies.append(Tally(6 if ":" in address else 4, result, *map(int, rest[:4]),
                                 rest[4] if len(rest) > 4 else ""))
        if not tallies:
            raise Failed(f"the client under load made no request: {err.strip()}")
        return tallies


def _take_away(reach, slices, pod, say):
    """As a cluster does it. Returns when the pod was asked to end, in milliseconds."""
    time.sleep(STEP_S)
    say(f"{pod.name} is asked to end: its endpoints are terminating, and get no new connections")
    asked_ms = time.monotonic() * 1000
    slices.terminate(pod)
    time.sleep(STEP_S)
    say("its endpoints are removed")
    slices.remove(pod)
    time.sleep(STEP_S)
    say(f"{pod.name} stops")
    reach.runtime.stop_pod(pod)
    time.sleep(STEP_S)
    return asked_ms


def _report(tallies, pod, asked_ms):
    answered, failed = collections.Counter(), 0
    for one in tallies:
        if one.result == "open":
            answered[one.name] += one.count
        else:
            failed += one.count
            print(f"    FAILED: {one.count} over IPv{one.family}: {one.result} {one.name}")
    for name, count in sorted(answered.items()):
        print(f"    {count:5} answered by {name}")
    last_ms = max((one.last_ms for one in tallies if one.name == pod.name), default=asked_ms)
    print(f"    the last one by {pod.name} {max(last_ms - asked_ms, 1):.0f} ms after it was asked "
          f"to end; the slowest of all took {max(one.slowest_ms for one in tallies)} ms")
    return sum(answered.values()) + failed, failed


def tell(reach, slices, source, service, pod, say):
    """@source asks @service while @pod, which is behind it, goes. True without a failed request."""
    number = reach.served[service.name][0][1]
    load = Load(reach.command_of(source.name), f"{reach.node.build}/tests/probe/weir-probe",
                service.addresses, number)
    try:
        asked_ms = _take_away(reach, slices, pod, say)
    finally:
        tallies = load.stop()
    total, failed = _report(tallies, pod, asked_ms)
    say(f"{total} requests of {source.name} to {service.name}, {failed} failed")
    return not failed
