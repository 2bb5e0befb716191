# SPDX-License-Identifier: Apache-2.0
"""A node in full use: traffic on every way that there is, allowed and denied."""

import weir
from flows import Echo, Load, check_none_lost, check_none_passed, end_all
from traffic import drops, policy, rule

EVERY_S = 0.01
OUTSIDE_CIDRS = ("192.0.2.0/24", "2001:db8::/64")
KINDS = ("udp", "udp-new", "tcp", "tcp-new")
KINDS_DENIED = ("udp", "udp-new", "tcp-once")


def _flows(name, targets, port, kinds):
    return {f"{name} v{weir.family_of(address)} {kind}": (kind, address, port)
            for address in targets for kind in kinds}


class Busy:
    """begin() starts the traffic, end() ends it and judges; close() at the end in any case."""

    def __init__(self, node):
        self.node = node
        allowed = ["tcp:80", "udp:80"]
        node.manifest("policies",
                      policy("shop", "server", {"app": "server"}, ingress=[
                          rule("from", labels={"app": "client"}, ports=allowed),
                          rule("from", cidrs=OUTSIDE_CIDRS, ports=allowed)]),
                      policy("shop", "client", {"app": "client"}, egress=[
                          rule("to", labels={"app": "server"}, ports=allowed),
                          rule("to", cidrs=OUTSIDE_CIDRS, ports=allowed)]))
        ports = [{"hostPort": 8080, "containerPort": 80, "protocol": proto} for proto in ("tcp", "udp")]
        self.server = node.add_pod("shop", "server", labels={"app": "server"}, runtime={"portMappings": ports})
        self.client = node.add_pod("shop", "client", labels={"app": "client"})
        self.stranger = node.add_pod("shop", "stranger", labels={"app": "stranger"})
        served = ("udp:80", "tcp:80", "udp:81", "tcp:81")
        self.echoes = [Echo(self.server, *served), Echo(node.outside, *served)]
        self.loads, self.denied = [], []
        self.drops_before = None

    @property
    def pods(self):
        return [self.server, self.client, self.stranger]

    def begin(self):
        self.drops_before = drops(self.node)
        self.loads = [
            Load(self.client, {**_flows("pod to pod", self.server.ips, 80, KINDS),
                               **_flows("pod to outside", weir.OUTSIDE_IPS, 80, KINDS)}, EVERY_S),
            Load(self.node.outside, _flows("outside to host port", weir.NODE_IPS, 8080, KINDS), EVERY_S),
            Load(self.node.net, _flows("node to pod", self.server.ips, 80, KINDS), EVERY_S)]
        self.denied = [
            Load(self.client, {**_flows("egress to pod", self.server.ips, 81, KINDS_DENIED),
                               **_flows("egress to outside", weir.OUTSIDE_IPS, 81, KINDS_DENIED)},
                 EVERY_S * 2, denied=True),
            Load(self.stranger, _flows("ingress", self.server.ips, 80, KINDS_DENIED), EVERY_S * 2, denied=True)]

    def end(self):
        """Nothing was lost, nothing passed that is denied, and each packet that was refused was counted."""
        refused = end_all(self.denied)
        results = end_all(self.loads)
        check_none_passed(refused)
        check_none_lost(results)
        sent = sum(counts.sent for counts in refused.values())
        counted = {reason: count - self.drops_before[reason] for reason, count in drops(self.node).items()
                   if count != self.drops_before[reason] and reason != "MULTICAST"}
        assert set(counted) == {"POLICY_EGRESS", "POLICY_INGRESS"}, counted
        assert sum(counted.values()) == sent, f"{counted} counted of {sent}"

    def close(self):
        for task in [*self.loads, *self.denied, *self.echoes]:
            task.kill()
