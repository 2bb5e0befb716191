# SPDX-License-Identifier: Apache-2.0
"""Packets to the programs of a Judge, and what they make of them."""

import frames
from outside_first import Seen

ARRIVES, LEAVES, FROM_POD = 0, 1, 2  # of enum wire_place
PASSES, DROPPED, REDIRECTED = 0, 2, 7  # TC_ACT_*
ANSWER_MARK = 0x100000  # include/weir/mark.h
PODS = 24
# So many frames are under way at once: what is said and what is answered fit in pipes.
BATCH = 64


def mac(slot, host):
    return bytes((0x0e, 0, 0, 0, host, slot + 1))


UPLINK, ROUTER = mac(PODS, 1), bytes((0x0e, 0xff, 0, 0, 0, 1))
PODS_BY_MAC = {mac(slot, 0): slot for slot in range(PODS)}


def framed(packet, ends):
    """packet: a Packet, or the bytes of one."""
    raw = packet if isinstance(packet, bytes) else frames.build(packet)
    return ends + (b"\x86\xdd" if raw[0] >> 4 == 6 else b"\x08\x00") + raw


def seen(sent, action, frame):
    """The Seen of a frame that was sent."""
    if action == DROPPED:
        return Seen("dropped")
    raw = frame[frames.ETH_LEN:]
    packet = None if frames.is_fragment(raw) else frames.read(raw)
    if action == PASSES:
        if frame[:12] != sent[:12]:
            raise frames.Damaged("Ethernet addresses of what the stack gets")
        return Seen("stack", None, raw, packet)
    if action != REDIRECTED:
        raise frames.Damaged(f"action {action}")
    if frame[:6] in PODS_BY_MAC:
        return Seen("pod", PODS_BY_MAC[frame[:6]], raw, packet)
    return Seen("back" if frame[:12] == sent[6:12] + sent[:6] else "out", None, raw, packet)


class Wire:
    """The ways by which packets come to a node."""

    def __init__(self, judge):
        self.judge = judge
        self.sent = 0

    def send(self, items):
        """Of each (place, slot, mark, frame): (its Seen, its mark)."""
        answers = []
        for at in range(0, len(items), BATCH):
            answers += self.judge.send_frames(items[at:at + BATCH])
        self.sent += len(items)
        return [(seen(item[3], action, frame), mark) for item, (action, mark, frame) in zip(items, answers)]

    def arrive(self, packets):
        """Of each Packet, or the bytes of one, what is Seen of it."""
        return [each[0] for each in self.send(
            [(ARRIVES, 0, 0, framed(packet, UPLINK + ROUTER)) for packet in packets])]

    def leave_pods(self, packets):
        """Of each (slot, packet): out of the pod, through the stack and by the uplink."""
        out = self.send([(FROM_POD, slot, 0, framed(packet, mac(slot, 1) + mac(slot, 0)))
                         for slot, packet in packets])
        for (_, packet), (what, mark) in zip(packets, out):
            if what.where != "stack" or what.packet != packet or mark != ANSWER_MARK:
                raise frames.Damaged(f"a pod's {packet} becomes {what}, with mark {mark:#x}")
        return self.leave([packet._replace(hops=packet.hops - 1) for _, packet in packets], ANSWER_MARK)

    def leave(self, packets, mark=0):
        return [each[0] for each in self.send(
            [(LEAVES, 0, mark, framed(packet, ROUTER + UPLINK)) for packet in packets])]
