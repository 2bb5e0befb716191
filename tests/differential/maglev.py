# SPDX-License-Identifier: Apache-2.0
"""To which backend of a set does a connection from outside go? Naive, from decisions/0010 and include/weir/spread.h.

The table: Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4.
"""

import functools
import ipaddress

SIZE = 16381
WORD = (1 << 64) - 1
FLOW, OFFSET, SKIP = (int.from_bytes(seed, "big") for seed in (b"weirflow", b"offset!!", b"skips!!!"))


def mix(value, word):
    value = ((value ^ word) * 0xff51afd7ed558ccd) & WORD
    value = ((value ^ value >> 32) * 0xc4ceb9fe1a85ec53) & WORD
    return value ^ value >> 29


def with_end(value, address, port, proto):
    """address as IPv6 has it."""
    if address.version == 4:
        address = ipaddress.ip_address(f"::ffff:{address}")
    number = int(address)
    return mix(mix(mix(value, number >> 64), number & WORD), port << 8 | proto)


def place(client, client_port, service, port, proto):
    """Of a connection: a number below 1."""
    value = with_end(with_end(FLOW, client, client_port, proto), service, port, proto)
    return (value >> 32) / (1 << 32)


@functools.lru_cache(256)
def table(backends, proto, size=SIZE):
    """backends: a frozenset of (address, port). A list of them."""
    order = sorted(backends)
    at = {each: with_end(OFFSET, *each, proto) % size for each in order}
    skip = {each: with_end(SKIP, *each, proto) % (size - 1) + 1 for each in order}
    entries, left = [None] * size, size
    while left:
        for each in order[:left]:
            while entries[at[each]]:
                at[each] = (at[each] + skip[each]) % size
            entries[at[each]] = each
            left -= 1
    return entries


def backend(backends, client, client_port, service, port, proto):
    """That of a connection. backends: two or more."""
    entries = table(backends, proto)
    return entries[int(place(client, client_port, service, port, proto) * len(entries))]
