# SPDX-License-Identifier: Apache-2.0
"""Host ports and masquerade have no gap: not while agents start, and not while other host ports come and go."""

import itertools
import re
import signal
import socket

import pytest

import weir
from flows import Echo, Load, check_none_lost, end_all
from traffic import FAMILIES, Counters, Task, udp

RESTARTS = 20
CHANGES = 30
HOST_PORTS = {8080: 80, 8081: 81}  # to the pod's own
OTHER_HOST_PORTS = (9000, 9001, 9002)
SOURCE_PORTS = range(2000, 32000)  # none that a Load's socket may have


def mappings(ports):
    return {"portMappings": [{"hostPort": host, "containerPort": container, "protocol": proto}
                             for host, container in ports.items() for proto in ("tcp", "udp")]}


def _flood(task, addresses, port):
    for source in itertools.cycle(SOURCE_PORTS):
        for address in addresses:
            with socket.socket(FAMILIES[weir.family_of(address)], socket.SOCK_DGRAM) as sock:
                sock.bind(("", source))
                sock.sendto(b"x", (address, port))
        task.mark += len(addresses)
        if not task.running:
            return


def lasting(node):
    """The table and its chains, sets and maps with the numbers that they have as long as they exist."""
    listed = node.net.exec("nft", "-a", "list", "table", "inet", "weir")
    return re.findall(r"^\t?((?:table inet|chain|set|map) \w+) \{ # handle (\d+)$", listed, re.MULTILINE)


class Newcomers:
    """Nothing but first packets: every message opens a connection that needs the nftables table.

    Loads say whether TCP connections come about. Floods have so many datagrams that some are on their way
    through the table whenever it changes. Packets that it misses are counted where they come out.
    """

    def __init__(self, node):
        self.node = node
        self.lasting = lasting(node)
        server = node.add_pod("shop", "server", runtime=mappings(HOST_PORTS))
        client = node.add_pod("shop", "client")
        # What a datagram began is a connection for that long, and passes the table by.
        node.net.sysctl("netfilter/nf_conntrack_udp_timeout", 1)
        ports = ", ".join(map(str, HOST_PORTS))
        self.strays = [
            # Behind the translation
            Counters(node.net, {f"{proto}_host_port": f"iifname up0 {proto} dport {{ {ports} }}"
                                for proto in ("tcp", "udp")}, drop=True, priority=-50),
            Counters(node.outside, {f"{header}_pod": f"{header} saddr {cidr}"
                                    for header, cidr in zip(("ip", "ip6"), node.cidrs)}, drop=True)]
        self.sinks = [udp(netns, port=81, family=6) for netns in (server, node.outside)]
        self.echoes = [Echo(server, "tcp:80"), Echo(node.outside, "tcp:80")]
        self.loads = [
            Load(node.outside, {f"host port of {ip}": ("tcp-new", ip, 8080) for ip in weir.NODE_IPS}),
            Load(client, {f"masquerade to {ip}": ("tcp-new", ip, 80) for ip in weir.OUTSIDE_IPS})]
        self.floods = [Task(node.outside, _flood, weir.NODE_IPS, 8081), Task(client, _flood, weir.OUTSIDE_IPS, 81)]
        for flood in self.floods:
            flood.wait_mark("a flood begins")

    def end(self):
        sent = [flood.mark for flood in self.floods]
        for flood in self.floods:
            flood.end()
        results = end_all(self.loads)
        strays = [counters.read() for counters in self.strays]
        assert not any(count for counts in strays for count in counts.values()), f"{strays} of {sent} and {results}"
        check_none_lost(results)
        assert self.lasting and lasting(self.node) == self.lasting, "something was made anew"

    def close(self):
        for task in [*self.floods, *self.loads, *self.echoes]:
            task.kill()
        for sink in self.sinks:
            sink.close()


@pytest.fixture
def newcomers(node):
    made = Newcomers(node)
    yield made
    made.close()


def test_no_new_connection_fails_while_agents_start(node, newcomers):
    for turn in range(RESTARTS):
        node.restart(signal.SIGTERM if turn % 2 else signal.SIGKILL)
    newcomers.end()


def test_no_new_connection_fails_while_other_host_ports_come_and_go(node, newcomers):
    for turn in range(CHANGES):
        port = OTHER_HOST_PORTS[turn % len(OTHER_HOST_PORTS)]
        pod = node.add_pod("shop", f"other-{turn}", runtime=mappings({port: 80}))
        assert f"tcp . {port} : {pod.ip4} . 80" in node.nft()
        node.del_pod(pod)
        assert f" . {port} : " not in node.nft()
    newcomers.end()
