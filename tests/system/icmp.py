# SPDX-License-Identifier: Apache-2.0
"""Sockets that hear what ICMP says about what they have sent."""

import select
import socket
import struct

import weir
from traffic import udp

ANSWER_S = weir.DEADLINE_S
# (level, hop limit, errors of the socket are kept, never fragment: option and value) of each family
OPTIONS = {4: (socket.IPPROTO_IP, socket.IP_TTL, 11, 10, 2),
           6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 25, 23, 2)}
EXTENDED_ERR = struct.Struct("=IBBBxII")  # struct sock_extended_err
ORIGIN_ICMP = {4: 2, 6: 3}
TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}
HEADERS = {4: 28, 6: 48}  # of a datagram


class Sender:
    """A socket of a pod that hears what ICMP says about its datagrams to one address."""

    def __init__(self, pod, address, port=80):
        self.family, self.target = weir.family_of(address), (address, port)
        self.level, self.hops, self.recverr, self.discover, never = OPTIONS[self.family]
        self.sock = udp(pod, family=self.family)
        self.sock.setsockopt(self.level, self.recverr, 1)
        self.sock.setsockopt(self.level, self.discover, never)

    def send(self, length, hops=64):
        self.sock.setsockopt(self.level, self.hops, hops)
        self.sock.sendto(bytes(length), self.target)

    def told(self):
        """(type and code, MTU or 0) of the ICMP error that came, and who sent it."""
        poll = select.poll()
        poll.register(self.sock, 0)  # an error is told whatever is asked for
        assert poll.poll(ANSWER_S * 1000), f"no ICMP error from {self.target}"
        _, control, _, _ = self.sock.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
        [data] = [data for level, kind, data in control if (level, kind) == (self.level, self.recverr)]
        _, origin, kind, code, info, _ = EXTENDED_ERR.unpack_from(data)
        assert origin == ORIGIN_ICMP[self.family]
        offender = data[EXTENDED_ERR.size:]
        where = (4, 8) if self.family == 4 else (8, 24)
        return (kind, code), info, socket.inet_ntop(self.sock.family, offender[slice(*where)])
