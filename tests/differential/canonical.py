# SPDX-License-Identifier: Apache-2.0
"""What the policy maps mean, whatever numbers it is written with.

A class becomes the addresses that have it, a rule set what it contains, a row of wide bits the bits. Equal
results mean equal verdicts and equally many entries; a number that leaked makes two results differ.
"""

import collections
import struct

Ruleset = collections.namedtuple("Ruleset", "header any_peer allow pass_ classes ports cidrs")
CHUNK_BITS = 4096


class Leak(AssertionError):
    """An entry that nothing refers to, or halves that differ when all has settled."""


def _pair(values, what):
    if values[0] != values[1]:
        raise Leak(f"halves of {what} differ: {values}")
    return values[0]


class _Reader:
    def __init__(self, maps):
        self.maps = maps
        self.rows = collections.defaultdict(dict)
        for key, value in maps["policy_bits"].items():
            row, chunk = struct.unpack("=II", key)
            self.rows[row][chunk] = int.from_bytes(value, "little")
        self.unseen_rows = set(self.rows)
        self.peers = {}
        self.members = collections.defaultdict(list)
        for name in ("peer4", "peer6"):
            for address, value in maps[name].items():
                old, new, ifindex, kind = struct.unpack("=IIII", value)
                self.peers[address] = (_pair((old, new), f"peer {address.hex()}"), ifindex, kind)
                self.members[old].append(address)

    def members_of(self, number):
        return tuple(sorted(self.members[number])) if number else None

    def bits(self, value, words):
        if words == 1 or not value:
            return value
        row, chunks = value & 0xffffffff, value >> 32
        self.unseen_rows.discard(row)
        if chunks != sum(1 << chunk for chunk in self.rows[row]):
            raise Leak(f"row {row} has chunks {sorted(self.rows[row])}, and {chunks:#x} says which")
        return sum(bits << (chunk * CHUNK_BITS) for chunk, bits in self.rows[row].items())

    def by_set(self, name, layout, set_format):
        """Set number -> [(rest of the key, bits)]."""
        found = collections.defaultdict(list)
        for key, value in self.maps[name].items():
            number, rest = struct.unpack_from(set_format, key, layout)[0], key[:layout] + key[layout + 4:]
            found[number].append((rest, struct.unpack("=Q", value)[0]))
        return found

    def rulesets(self):
        """Number -> Ruleset."""
        found = {}
        classes = self.by_set("policy_class", 0, "=I")
        ports = self.by_set("policy_port", 4, ">I")
        cidrs = [self.by_set(name, 4, ">I") for name in ("policy_cidr4", "policy_cidr6")]
        for key, value in self.maps["ruleset"].items():
            number = struct.unpack("=I", key)[0]
            any_peer, allow, passes, words, *header = struct.unpack("=QQQII3II", value)
            wide = [self.bits(bits, words) for bits in (any_peer, allow, passes)]
            named = sorted((self.members_of(struct.unpack("=I", rest)[0]), self.bits(bits, words))
                           for rest, bits in classes.pop(number, []))
            found[number] = Ruleset((words, *header), *wide, tuple(named), *(
                tuple(sorted((rest, self.bits(bits, words)) for rest, bits in entries))
                for entries in (ports.pop(number, []), cidrs[0].pop(number, []) + cidrs[1].pop(number, []))))
        for name, left in (("policy_class", classes), ("policy_port", ports), ("policy_cidr", {**cidrs[0], **cidrs[1]})):
            if left:
                raise Leak(f"{name}: rule sets {sorted(left)} are no more")
        return found


def canonical(maps):
    """A value that can be compared; Leak when the maps contradict themselves."""
    reader = _Reader(maps)
    rulesets = reader.rulesets()
    if reader.unseen_rows:
        raise Leak(f"rows {sorted(reader.unseen_rows)} belong to no rule set")
    used, endpoints = set(), {}
    for slot, value in maps["endpoint"].items():
        fixed, numbers = value[:40], struct.unpack("=6I", value[40:])
        own = reader.members_of(_pair(numbers[:2], "an endpoint's class"))
        sets = _pair((numbers[2:4], numbers[4:6]), "an endpoint's rule sets")
        used.update(sets)
        endpoints[slot] = (fixed, own, [rulesets[number] if number else None for number in sets])
    if rulesets.keys() - used:
        raise Leak(f"rule sets {sorted(rulesets.keys() - used)} are of no endpoint")
    peers = {address: (reader.members_of(number), ifindex, kind)
             for address, (number, ifindex, kind) in reader.peers.items()}
    counts = {name: len(entries) for name, entries in maps.items()}
    return {"endpoints": endpoints, "peers": peers, "entries": counts}
