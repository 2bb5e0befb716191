# SPDX-License-Identifier: Apache-2.0
"""How much memory a program took at most while something was done to it."""

import re

CLEAR_PEAK = "5"  # /proc/PID/clear_refs, proc(5)


def status_mib(pid, what):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(rf"^{what}:\s*(\d+)", status.read(), re.MULTILINE)[1]) / 1024


class Peak:
    """A context manager; mib() is what the process took at most since then, beyond what it had."""

    def __init__(self, pid):
        self.pid = pid
        self.before = None

    def __enter__(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write(CLEAR_PEAK)
        self.before = status_mib(self.pid, "VmRSS")
        return self

    def __exit__(self, *_):
        pass

    def mib(self):
        return status_mib(self.pid, "VmHWM") - self.before
