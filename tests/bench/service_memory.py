# SPDX-License-Identifier: Apache-2.0
"""Memory of the agent with many services."""

import memory
import rulesets
import service_world
import weir
from figures import figure

SERVICES, ENDPOINTS = 30000, 2
MOST = 48  # MiB
MAPS = ("frontend4", "service_port", "backend_slot", "backend", "service_hit")


def measure(quick):
    count = 200 if quick else SERVICES
    sizes = [f"--table-size={table}={entries}" for table, entries in (
        ("service_port", count + 1024), ("frontend4", 3 * count + 1024), ("backend", count * ENDPOINTS + 1024),
        ("backend_slot", 4 * count * ENDPOINTS + 1024))]
    with weir.Node(uplink=False, options=sizes) as node:
        empty = memory.rss(node)
        service_world.fill(node, rulesets.services_of(count, ENDPOINTS))
        beside = {"floor": empty, "floor_name": "no service"}
        found = [figure(f"agent RSS, {count:,} Services, {ENDPOINTS} endpoints each{what}", memory.rss(node, key), "MiB",
                        value_most=MOST, **beside) for what, key in (("", "VmRSS"), (", most ever", "VmHWM"))]
        return found + [row for row in memory.map_rows(node) if any(f"map {name}," in row["name"] for name in MAPS)]
