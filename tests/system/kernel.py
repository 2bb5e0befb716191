# SPDX-License-Identifier: Apache-2.0
"""What the kernel holds for a node: BPF objects, map entries, links, routes, rules.

Other nodes may be on the same machine, so BPF objects are told apart by the maps that a node has
pinned: a program is a node's when it uses them.
"""

import collections
import glob
import json
import os

from weir import Failed, run

ROUTE_PROTOCOL = "119"


def bpftool(*args):
    return json.loads(run("bpftool", "-j", *args) or "[]")


class BpfObjects(collections.namedtuple("BpfObjects", "programs maps links")):
    """Sets of ids; programs are {id: name}."""

    def alive(self):
        """Those of them that the kernel still has."""
        now = [{entry["id"] for entry in bpftool(kind, "show")} for kind in ("prog", "map", "link")]
        return BpfObjects({i: name for i, name in self.programs.items() if i in now[0]},
                          self.maps & now[1], self.links & now[2])

    def __or__(self, other):
        return BpfObjects({**self.programs, **other.programs}, self.maps | other.maps, self.links | other.links)

    def __bool__(self):
        return any(self)


def pinned_map(node, name):
    """Path of a pinned map."""
    found = glob.glob(f"{node.bpffs}/v*/maps/{name}")
    if len(found) != 1:
        raise Failed(f"map {name} of {node.name} is pinned {len(found)} times")
    return found[0]


SOCKET_PROGRAMS = {f"{call}{family}" for call in ("connect", "sendmsg", "recvmsg", "getpeername") for family in (4, 6)}
# What shares maps while an agent runs.
PROGRAMS = {"from_pod", "to_pod", "from_wire", "to_wire", "sweep"} | SOCKET_PROGRAMS


def bpf_objects(node):
    """The programs that use the node's state or connections, their maps, and the links that hold them."""
    tables = {bpftool("map", "show", "pinned", pinned_map(node, name))["id"] for name in ("ct4", "state")}
    programs = {p["id"]: p for p in bpftool("prog", "show") if tables & set(p.get("map_ids", ()))}
    return BpfObjects({i: p["name"] for i, p in programs.items()},
                      {i for p in programs.values() for i in p["map_ids"]},
                      {link["id"] for link in bpftool("link", "show") if link["prog_id"] in programs})


def map_entries(node, name):
    """[(key, value)] of a pinned map as bpftool formats them by its types."""
    entries = bpftool("map", "dump", "pinned", pinned_map(node, name))
    return [(e["formatted"]["key"], e["formatted"]["value"]) for e in entries]


def links(node):
    """Pin name -> (link id, program id)."""
    shown = {pin: bpftool("link", "show", "pinned", f"{node.bpffs}/links/{pin}") for pin in node.pins()}
    return {pin: (link["id"], link["prog_id"]) for pin, link in shown.items()}


def filters(node, ifname):
    """Names of the programs of an interface's clsact filters, ingress and egress."""
    listed = [json.loads(node.net.exec("tc", "-j", "filter", "show", "dev", ifname, side, check=False) or "[]")
              for side in ("ingress", "egress")]
    return [entry["options"]["prog"]["name"] for entries in listed for entry in entries
            if "prog" in entry.get("options", ())]


def open_files(node):
    """How many of each kind of BPF object the agent holds open."""
    directory, kinds = f"/proc/{node.agent.pid}/fd", collections.Counter()
    for fd in os.listdir(directory):
        try:
            kinds[os.readlink(f"{directory}/{fd}")] += 1
        except FileNotFoundError:  # the listing's own
            pass
    return {kind: count for kind, count in kinds.items() if "bpf" in kind}


def routes(netns):
    """Routes that the agent has made."""
    return [route for family in ("-4", "-6")
            for route in netns.ip_json(family, "route", "show", "table", "all", "proto", ROUTE_PROTOCOL)]


def neighbours(netns):
    """(interface, address, MAC address) of all permanent neighbour entries."""
    return {(entry["dev"], entry["dst"], entry.get("lladdr"))
            for entry in netns.ip_json("neigh", "show", "nud", "permanent")}


def traces(node):
    """Everything that pods leave behind on a node while they are there, for a comparison."""
    status = node.status()
    held = {name: sorted(map(str, map_entries(node, name))) for name in ("peer4", "peer6", "policy_class")}
    flows = [value for name in ("ct4", "ct6", "ct4_new", "ct6_new") for _, value in map_entries(node, name)]
    slots = [value for _, value in map_entries(node, "endpoint") if value["ifindex"]]
    return {"endpoints": status["endpoints"], "addresses": [pool["used"] for pool in status["addresses"]],
            "state files": sorted(node.state_files()), "links": sorted(node.pod_links()),
            "notes": sorted(os.listdir(f"{node.run_dir}/deleted")) if os.path.isdir(f"{node.run_dir}/deleted") else [],
            "pins": sorted(node.pins()), "routes": sorted(map(str, routes(node.net))),
            "neighbours": sorted(neighbours(node.net)), "nft": node.nft(), "peers": held, "slots": slots,
            "flows of pods": [flow for flow in flows if any(flow["entry"]["ifindex"])],
            "rule sets": [value for _, value in map_entries(node, "ruleset") if value["words"]],
            "programs": sorted(bpf_objects(node).programs.values()), "links held": len(bpf_objects(node).links),
            "maps": len(bpf_objects(node).maps), "open": open_files(node)}


def differences(before, after):
    return {what: (before[what], after[what]) for what in before if before[what] != after[what]}
