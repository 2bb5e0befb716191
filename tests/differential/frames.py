# SPDX-License-Identifier: Apache-2.0
"""Packets as bytes and back, with all their checksums: written from the RFCs, for reading rather than for speed.

RFC 791, 8200 (IP), 792, 4443 (ICMP), 9293 (TCP), 768 (UDP), 9260 (SCTP), 1071 (the checksum).
"""

import collections
import functools
import struct

from reading import address_of

TCP, UDP, SCTP, ICMP, ICMP6 = 6, 17, 132, 1, 58
FIN, SYN, RST, ACK = 1, 2, 4, 16
INIT, INIT_ACK, DATA, COOKIE_ECHO = 1, 2, 0, 10  # chunks
ETH_LEN = 14
HOPS = 64

# src and dst: ip_address. kind: flags of TCP, the first chunk of SCTP, (type, code) of ICMP. numbers: sequence and
# acknowledgement of TCP. body: what follows the transport header; of ICMP all after its checksum.
# summed: UDP over IPv4 without a checksum says False.
Packet = collections.namedtuple("Packet", "src dst proto sport dport kind numbers body hops summed",
                                defaults=(0, 0, 0, (0, 0), b"", HOPS, True))


class Damaged(AssertionError):
    """A checksum or a length is wrong."""


def ones_sum(data):
    """RFC 1071, not yet complemented."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def checksum(data):
    return ~ones_sum(data) & 0xffff


@functools.lru_cache(256)
def _crc_of_byte(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
    return byte


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ _crc_of_byte((crc ^ byte) & 0xff)
    return struct.pack("<I", crc ^ 0xffffffff)


def pseudo_header(packet, length):
    if packet.src.version == 4:
        return packet.src.packed + packet.dst.packed + struct.pack("!BBH", 0, packet.proto, length)
    return packet.src.packed + packet.dst.packed + struct.pack("!IxxxB", length, packet.proto)


# Building

def _tcp(packet):
    return struct.pack("!HHIIBBHHH", packet.sport, packet.dport, *packet.numbers, 5 << 4, packet.kind, 64000, 0, 0), 16


def _udp(packet):
    return struct.pack("!HHHH", packet.sport, packet.dport, 8 + len(packet.body), 0), 6


def _sctp(packet):
    return struct.pack("!HHIIBBH", packet.sport, packet.dport, 0 if packet.kind == INIT else 77, 0, packet.kind, 0,
                       4 + len(packet.body)), 8


def _icmp(packet):
    return struct.pack("!BBH", *packet.kind, 0), 2


WRITERS = {TCP: _tcp, UDP: _udp, SCTP: _sctp, ICMP: _icmp, ICMP6: _icmp}


def transport(packet):
    header, at = WRITERS[packet.proto](packet)
    whole = header + packet.body
    if packet.proto == SCTP:
        return whole[:at] + crc32c(whole) + whole[at + 4:]
    if packet.proto == UDP and not packet.summed:
        return whole
    before = b"" if packet.proto == ICMP else pseudo_header(packet, len(whole))
    value = checksum(before + whole)
    if packet.proto == UDP:
        value = value or 0xffff  # 0 says that there is none
    return whole[:at] + struct.pack("!H", value) + whole[at + 2:]


def build(packet):
    """The IP packet."""
    payload = transport(packet)
    if packet.src.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), packet.proto, packet.hops) + \
            packet.src.packed + packet.dst.packed + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, packet.hops, packet.proto, 0) + \
        packet.src.packed + packet.dst.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


# Reading

def check(holds, what):
    if not holds:
        raise Damaged(what)


def split(data):
    """(src, dst, protocol, hops, what follows) of an IP packet, whose own checksum is right; perhaps cut off."""
    if data[0] >> 4 == 6:
        check(len(data) >= 40, "short IPv6 header")
        return address_of(data[8:24]), address_of(data[24:40]), data[6], data[7], data[40:]
    check(len(data) >= 20 and data[0] == 0x45, "IPv4 header")
    check(ones_sum(data[:20]) == 0xffff, "checksum of the IPv4 header")
    return address_of(data[12:16]), address_of(data[16:20]), data[9], data[8], data[20:]


def claimed_length(data):
    """As its header says."""
    return 40 + struct.unpack("!H", data[4:6])[0] if data[0] >> 4 == 6 else struct.unpack("!H", data[2:4])[0]


def read(data):
    """The Packet, when every checksum and length of it is right."""
    src, dst, proto, hops, payload = split(data)
    check(claimed_length(data) == len(data), f"length {claimed_length(data)} of {len(data)} bytes")
    packet = Packet(src, dst, proto, hops=hops)
    if proto in (ICMP, ICMP6):
        before = b"" if proto == ICMP else pseudo_header(packet, len(payload))
        check(ones_sum(before + payload) == 0xffff, "checksum of ICMP")
        return packet._replace(kind=(payload[0], payload[1]), body=payload[4:])
    sport, dport = struct.unpack("!HH", payload[:4])
    packet = packet._replace(sport=sport, dport=dport)
    if proto == SCTP:
        check(crc32c(payload[:8] + bytes(4) + payload[12:]) == payload[8:12], "checksum of SCTP")
        return packet._replace(kind=payload[12], body=payload[16:])
    if proto == UDP:
        check(struct.unpack("!H", payload[4:6])[0] == len(payload), "length of UDP")
        if payload[6:8] == b"\0\0":
            check(src.version == 4, "no checksum of UDP over IPv6")
            return packet._replace(body=payload[8:], summed=False)
    check(ones_sum(pseudo_header(packet, len(payload)) + payload) == 0xffff, f"checksum of protocol {proto}")
    if proto == UDP:
        return packet._replace(body=payload[8:])
    return packet._replace(kind=payload[13], numbers=struct.unpack("!II", payload[4:12]), body=payload[20:])


# Fragments

FRAGMENT = 44  # header of IPv6
MORE = 0x2000


def is_fragment(data):
    return data[6] == FRAGMENT if data[0] >> 4 == 6 else bool(int.from_bytes(data[6:8], "big") & ~0x4000)


def _with_offset(head, number, field, rest):
    """A fragment whose offset and flags are a field of IPv4."""
    if head[0] >> 4 == 6:
        extension = struct.pack("!BBHI", head[6], 0, (field & 0x1fff) << 3 | bool(field & MORE), number)
        return head[:4] + struct.pack("!HB", 8 + len(rest), FRAGMENT) + head[7:] + extension + rest
    head = head[:2] + struct.pack("!HHH", 20 + len(rest), number, field) + head[8:10] + bytes(2) + head[12:]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + rest


def fragments(data, number, at):
    """Two of an IP packet; the second one begins at a byte of its payload, a multiple of 8."""
    size = 40 if data[0] >> 4 == 6 else 20
    head, payload = data[:size], data[size:]
    return [_with_offset(head, number, MORE, payload[:at]), _with_offset(head, number, at // 8, payload[at:])]


def joined(pieces):
    """The packet of which these are all fragments, in order."""
    whole, payload = None, b""
    for data in pieces:
        check(is_fragment(data) and claimed_length(data) == len(data), "a fragment is none")
        ends, rest, six = split(data)[:2], split(data)[4], data[0] >> 4 == 6
        offset = int.from_bytes(rest[2:4], "big") & 0xfff8 if six else 8 * (int.from_bytes(data[6:8], "big") & 0x1fff)
        check(offset == len(payload) and (whole is None or ends == split(whole)[:2]), "fragments of two packets")
        payload += rest[8:] if six else rest
        whole = whole or (data[:6] + rest[:1] + data[7:40] if six else data[:20])
    if whole[0] >> 4 == 6:
        return whole[:4] + struct.pack("!H", len(payload)) + whole[6:] + payload
    head = whole[:2] + struct.pack("!HHH", 20 + len(payload), 0, 0x4000) + whole[8:10] + bytes(2) + whole[12:]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


# ICMP errors: what they quote, and of which kind they are

UNREACHABLE_PORT = {4: (3, 3), 6: (1, 4)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}
MTU = 1400


def error(src, about, quoted, kind):
    """An error to the sender of the packet about; quoted: the bytes of that, as many as are quoted."""
    version = about.src.version
    rest = (struct.pack("!HH", 0, MTU) if version == 4 else struct.pack("!I", MTU)) if kind == TOO_BIG[version] \
        else bytes(4)
    return Packet(src, about.src, ICMP if version == 4 else ICMP6, kind=kind, body=rest + quoted)


def _comparable(data):
    """What its way leaves of an IP packet; the CRC of SCTP is for nobody who is told of it (RFC 9260, 10)."""
    head, at = (40, 7) if data[0] >> 4 == 6 else (20, 8)
    data = data[:at] + b"\0" + data[at + 1:]
    if head == 20:
        data = data[:10] + bytes(2) + data[12:]
    return data[:head + 8] + bytes(4) + data[head + 12:] if data[6 if head == 40 else 9] == SCTP else data


def same_but_hops(quoted, sent):
    """quoted is how sent begins, but for the hops that it has made."""
    split(quoted)  # the checksum of its header is right
    return _comparable(quoted) == _comparable(sent[:len(quoted)])
