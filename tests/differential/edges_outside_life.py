# SPDX-License-Identifier: Apache-2.0
"""Edges of services for the outside: who is refused, and what becomes of connections, their answers and errors."""

import frames
from edges_outside import edge
from frames import ACK, RST, TCP, UDP
from outside import Outside


# Refusals

@edge("ping of a ClusterIP: passes")
class PingPasses(Outside):
    def fates(self, packet):
        return [fate._replace(what="pass") for fate in super().fates(packet)] if not packet.dport else \
            super().fates(packet)


@edge("ping of a ClusterIP: refused")
class PingRefused(Outside):
    def fates(self, packet):
        return [fate._replace(what="refuse") for fate in super().fates(packet)] if not packet.dport else \
            super().fates(packet)


@edge("refusal: silent, unless it is TCP")
class OnlyTcpRefused(Outside):
    def refused(self, packet, seen):
        return super().refused(packet, seen) if packet.proto == TCP else self.dropped(seen)


@edge("refusal of TCP: by ICMP")
class TcpByIcmp(Outside):
    def refused(self, packet, seen):
        return super().refused(packet._replace(proto=UDP) if packet.proto == TCP else packet, seen)


@edge("reset: always with an acknowledgement")
class ResetAcknowledges(Outside):
    def refused(self, packet, seen):
        if packet.proto == TCP and seen.where == "back" and seen.packet.kind != RST | ACK:
            return "no acknowledgement"
        return super().refused(packet, seen)


# The middle of connections that nobody knows

@edge("a stray packet: passes as it is")
class StrayPasses(Outside):
    def meets_stray(self, packet, fate, seen, others):
        return self.unchanged(packet, seen)


@edge("a stray packet: refused wherever its backend is")
class StrayRefused(Outside):
    def meets_stray(self, packet, fate, seen, others):
        return super().meets_stray(packet, fate._replace(what="refuse") if fate.what == "backends" else fate,
                                   seen, others)


@edge("a stray packet: goes on wherever its backend is")
class StrayGoesOn(Outside):
    def meets_stray(self, packet, fate, seen, others):
        return self.meets(packet, fate, seen, others, None)


# Connections that are known

@edge("UDP: stays with a backend that is gone")
class DatagramsStay(Outside):
    def next(self, flow, packet, others, remembered, goes_on, seen):
        return super().next(flow, packet, others, remembered, True, seen)


@edge("UDP: chooses again when its backend is in no set, though it serves")
class DatagramsMove(Outside):
    def next(self, flow, packet, others, remembered, goes_on, seen):
        usable = any(flow.place in fate.backends for fate in self.fates(packet))
        return super().next(flow, packet, others, remembered, goes_on and usable, seen)


@edge("TCP and SCTP: choose again when their backend is gone")
class StreamsMove(Outside):
    def next(self, flow, packet, others, remembered, goes_on, seen):
        if goes_on is False and packet.proto != UDP:
            return self.first(packet, others, remembered, seen)
        return super().next(flow, packet, others, remembered, goes_on, seen)


@edge("policy: not asked again about connections that are known")
class KnownIsAllowed(Outside):
    def next(self, flow, packet, others, remembered, goes_on, seen):
        self.policy_allows = lambda packet, place: True
        bad = super().next(flow, packet, others, remembered, goes_on, seen)
        del self.policy_allows
        return bad


@edge("fragments: dropped")
class FragmentsDropped(Outside):
    def pieces(self, flow, packet, seen):
        return "one passed" if {each.where for each in seen} != {"dropped"} else None


# Answers and errors

@edge("answers: from the backend's address")
class BackendAnswers(Outside):
    def answer(self, flow, reply, seen):
        return super().answer(flow._replace(packet=flow.packet._replace(dst=flow.place[0])), reply, seen)


@edge("answers: from the backend's port")
class BackendPortAnswers(Outside):
    def answer(self, flow, reply, seen):
        return super().answer(flow._replace(packet=flow.packet._replace(dport=flow.place[1])), reply, seen)


@edge("answers of backends elsewhere: to the stack")
class AnswersToStack(Outside):
    def answer_where(self, flow):
        return "stack"


@edge("errors: quote the packet as it was translated")
class QuotesTranslated(Outside):
    def quotes(self, seen, wanted):
        src, dst = frames.split(wanted)[:2]
        return frames.split(seen.packet.body[4:])[:2] != (src, dst)


@edge("errors of a backend: from its own address")
class BackendComplains(Outside):
    def error(self, flow, sent, error, about_answer, seen):
        return super().error(flow, sent, error, about_answer, seen) or (
            not about_answer and seen.packet.src != error.src and "from another")


@edge("errors of a router: from the service's address")
class RouterIsService(Outside):
    def error(self, flow, sent, error, about_answer, seen):
        bad = super().error(flow, sent, error, about_answer, seen)
        return bad or (not about_answer and seen.packet.src != flow.packet.dst and "from the router")


@edge("errors of a client about answers: from its own address, wherever the backend is")
class ClientComplains(Outside):
    def error(self, flow, sent, error, about_answer, seen):
        return super().error(flow, sent, error, about_answer, seen) or (
            about_answer and seen.packet.src != error.src and "from another")
