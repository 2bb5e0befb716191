# SPDX-License-Identifier: Apache-2.0
"""What a node takes of the machine: memory and files of its agent, entries of its maps."""

import glob
import os

from kernel import bpf_objects
from weir import run

# Maps whose entries come with packets, and end by time or by age; of arrays every entry is there for ever.
BY_PACKETS = {"ct4", "ct6", "ct4_new", "ct6_new", "frag", "held", "affinity4", "affinity6", "socket_peer"}
HASHED = {"peer4", "peer6", "policy_class", "policy_port", "policy_cidr4", "policy_cidr6", "policy_bits",
          "frontend4", "frontend6", "service_range4", "service_range6"}
FAULTS = ("<3>", "<4>", "runtime error:", "AddressSanitizer", "LeakSanitizer", "ThreadSanitizer")


def memory_kib(node):
    """What the agent has for itself alone: heap and stacks; files and mapped maps are not counted."""
    with open(f"/proc/{node.agent.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


def entries(path):
    """How many a pinned map has."""
    return run("bpftool", "map", "dump", "pinned", path).count("key")


def map_entries(node):
    """Map -> how many entries."""
    paths = {os.path.basename(path): path for path in glob.glob(f"{node.bpffs}/v*/maps/*")}
    missing = HASHED - paths.keys()
    if missing:
        raise AssertionError(f"{node.name} has no maps {missing}: this list is not up to date")
    return {name: entries(paths[name]) for name in sorted(HASHED)}


def measure(node):
    """{what: number}; what must stay the same while nothing about the node is different."""
    objects = bpf_objects(node)
    return {"memory of the agent, KiB": memory_kib(node), "open files": len(os.listdir(f"/proc/{node.agent.pid}/fd")),
            "programs": len(objects.programs), "maps": len(objects.maps), "links": len(objects.links),
            "links of pods": len(node.pod_links()), "state files": len(node.state_files()),
            **{f"entries of {name}": count for name, count in map_entries(node).items()}}


def grown(before, now, share):
    """What is more by more than a share of it, as texts."""
    return [f"{what}: {before[what]}, now {now[what]}" for what in before if now[what] > before[what] * (1 + share)]


def log_faults(node):
    """Lines of the agent's log that nobody wants to see."""
    return [line for line in node.log_text().splitlines() if any(text in line for text in FAULTS)]
