# SPDX-License-Identifier: Apache-2.0
"""What becomes of packets that come to a node from outside? A naive evaluator of services, packet by packet.

outside_first.py has what begins connections; this has what becomes of them.
"""

import collections

import frames
from frames import UDP
from outside_first import First

# A connection. packet: the first one, as its client sent it; place: the backend's (address, port); source: the same of
# what the backend sees; owner: whose it is (service_life.py).
Flow = collections.namedtuple("Flow", "packet place source owner answered", defaults=(False,))


class Outside(First):
    """What one node does for the outside."""

    # What becomes of a connection that is known

    def next(self, flow, packet, others, remembered, goes_on, seen):
        """goes_on: its backend still serves (None: either may be)."""
        stays = packet.proto != UDP or goes_on
        if goes_on is not False or stays:
            if not self.policy_allows(packet, flow.place):
                bad = self.dropped(seen)
            else:
                bad = self.arrival(packet, flow.place, seen) or \
                    (None if (seen.packet.src, seen.packet.sport) == flow.source else "from another source")
            if not bad or stays:
                return bad and f"{packet} of {flow}: {bad}, {seen}"
        bad = self.first(packet, others, remembered, seen)
        return bad and f"its backend is gone: {bad}"

    def pieces(self, flow, packet, seen):
        """A packet of a connection, in fragments. seen: one for each."""
        if {each.where for each in seen} == {"dropped"}:
            return None if not self.policy_allows(packet, flow.place) else f"fragments of {packet} are dropped"
        if None in [each.raw for each in seen]:
            return f"fragments of {packet} of {flow} become {seen}"
        raw = frames.joined([each.raw for each in seen])
        whole = frames.read(raw)
        bad = [self.arrival(packet, flow.place, each._replace(packet=whole)) for each in seen]
        good = not any(bad) and (whole.src, whole.sport) == flow.source
        return None if good else f"fragments of {packet} of {flow} become {seen}"

    def answer(self, flow, reply, seen):
        """reply: of the backend, to what it sees as its client."""
        wanted = reply._replace(src=flow.packet.dst, sport=flow.packet.dport, dst=flow.packet.src,
                                dport=flow.packet.sport, hops=self.hops(reply, self.answer_where(flow)))
        good = seen.where == self.answer_where(flow) and seen.packet == wanted
        return None if good else f"answer {reply} of {flow} becomes {seen}"

    def answer_where(self, flow):
        """What a backend here says has been routed by the stack."""
        return "out" if self.where(flow.place) == "out" else "stack"

    # ICMP errors

    def quotes(self, seen, wanted):
        return frames.same_but_hops(seen.packet.body[4:], wanted)

    def error(self, flow, sent, error, about_answer, seen):
        """An error about sent, a packet as its sender knows it: the client's question, or the backend's answer."""
        by_end = error.src == (flow.packet.src if about_answer else flow.place[0])
        wanted = error._replace(dst=flow.place[0] if about_answer else flow.packet.src)
        if about_answer:
            where = self.where(flow.place)
            wanted = wanted._replace(src=flow.source[0] if by_end else error.src)
        else:
            where = self.answer_where(flow)
            wanted = wanted._replace(src=flow.packet.dst if by_end else error.src)
        wanted = wanted._replace(hops=self.hops(error, where))
        good = seen.where == where and seen.packet._replace(body=error.body) == wanted and \
            seen.packet.body[:4] == error.body[:4] and len(seen.packet.body) == len(error.body) and \
            self.quotes(seen, sent)
        return None if good else f"{error} about {sent.hex()} of {flow} becomes {seen}"
