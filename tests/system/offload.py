# SPDX-License-Identifier: Apache-2.0
"""Network devices as XDP wants them: what a driver does of its own accord has to be asked for here."""

import array
import ctypes
import fcntl
import os
import platform
import socket
import struct

from traffic import LIBC, inside

SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM = 0x17
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_XDP, BPF_XDP, XDP_FLAGS_DRV_MODE = 6, 37, 4
# r0 = XDP_PASS; exit
PASS_ALL = struct.pack("<BBhi", 0xb7, 0, 0, 2) + struct.pack("<BBhi", 0x95, 0, 0, 0)
links = []  # held as long as the tests run; a device that goes takes its own with it


def _bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 160)
    fd = LIBC.syscall(BPF_SYSCALL[platform.machine()], command, buffer, 160)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    return fd


def pass_all(netns, link):
    """A program of XDP that does nothing, in native mode."""
    insns, license_name = ctypes.create_string_buffer(PASS_ALL), ctypes.create_string_buffer(b"GPL")
    program = _bpf(BPF_PROG_LOAD, struct.pack("<IIQQ", BPF_PROG_TYPE_XDP, 2, ctypes.addressof(insns),
                                              ctypes.addressof(license_name)))
    try:
        with inside(netns):
            index = socket.if_nametoindex(link)
            links.append(_bpf(BPF_LINK_CREATE, struct.pack("<IIII", program, index, BPF_XDP, XDP_FLAGS_DRV_MODE)))
    finally:
        os.close(program)


def sums_itself(netns, link):
    """What leaves has its checksums."""
    with inside(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        question = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, 0))
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP", link.encode(), question.buffer_info()[0]))


def peer_of_xdp(netns, link):
    """The other end of a veth whose packets meet XDP: like a network card's other end.

    Between two ends of a veth a packet has no checksum yet, and out of XDP would never get one. And the
    kernel wakes up an end for what the other one's XDP sends only when it has a program itself.
    """
    sums_itself(netns, link)
    pass_all(netns, link)
