# SPDX-License-Identifier: Apache-2.0
"""Probes that aim at what a scene's policies say about its pods, and at what lies beside."""

import collections
import functools

import network_policy
import tiers
from evaluate import Cluster, Probe, addresses_of
from reading import PROTOCOLS, Malformed, address_of, network
from stock import HOSTS, NODE_IPS, PORTS, REMOTE_IPS, WORLD

# Of protocols that the parser of IPv6 takes for protocols, not for extension headers.
OTHER_PROTOCOLS = (2, 4, 47, 50, 94)
NEARLY = {6: 17, 17: 132, 132: 6}
KINDS = ("Ingress", "Egress")
# So often a peer is looked for that a rule matches.
TRIES = 8

# local, remote, borders: addresses of pods, and around the networks that policies mention;
# rules: (local address, kind) -> what is said about it; declared: address -> (name, protocol, port) of its pod.
Aims = collections.namedtuple("Aims", "local remote borders rules declared")
# ports: (protocol, port), or name; matches: is an address one of the rule's peers?
Said = collections.namedtuple("Said", "rule ports matches")


def way_of(scene):
    """How a probe's packet comes to the node: what weir-judge calls its mode."""
    local = {ip for pod in scene.pods.values() for ip in pod.ips}

    def way(probe):
        if probe.src in local:
            return "pod"
        if probe.from_host:
            return "host"
        return "stack" if (probe.port + probe.proto) % 4 == 0 else "wire"
    return way


def _ports(tree, proto=6):
    """(protocol, port), or the name, of every port below: the protocol stands beside it, or around it, or is TCP."""
    if isinstance(tree, list):
        for item in tree:
            yield from _ports(item, proto)
    elif isinstance(tree, dict):
        proto = PROTOCOLS.get(tree.get("protocol"), proto)
        for key, item in tree.items():
            if key in ("port", "endPort", "number", "start", "end") and isinstance(item, int):
                yield proto, item & 0xffff
            elif key in ("port", "namedPort", "destinationNamedPort") and isinstance(item, str):
                yield item
            yield from _ports(item, PROTOCOLS.get(key.upper(), proto))


def _tier_matches(cluster, pod, side, rule):
    def matches(other):
        try:
            return tiers.peers_hold(tiers.Ask(cluster, side, pod, other, None), rule)
        except Malformed:
            return True
    return matches


def _about(cluster, pod, kind):
    """What rules say that may decide about pod in this direction."""
    side = {"Ingress": "from", "Egress": "to"}[kind]
    for policy in network_policy.isolating(cluster, kind, pod):
        for rule in policy["spec"].get(kind.lower()) or []:
            yield Said(rule, list(_ports(rule)), functools.partial(
                network_policy.peers_hold, cluster, rule, side, pod.namespace))
    for policy in [*tiers.selecting(cluster, "Admin", pod), *tiers.selecting(cluster, "Baseline", pod)]:
        for rule in policy["spec"].get(kind.lower()) or []:
            yield Said(rule, list(_ports(rule)), _tier_matches(cluster, pod, side, rule))


def _speaks(address):
    """Can it be an end of a connection that nothing but policy refuses?"""
    return not (address.is_multicast or address.is_loopback or address.is_link_local or address.is_unspecified
                or (address.version == 4 and address.packed[0] >= 240)
                or (address.version == 6 and address.packed[:8] == bytes(8)))


def _cidrs(tree):
    if isinstance(tree, list):
        for item in tree:
            yield from _cidrs(item)
    elif isinstance(tree, dict):
        for key, item in tree.items():
            if key in ("cidr", "except", "networks"):
                yield from item if isinstance(item, list) else [item]
            else:
                yield from _cidrs(item)


def _borders(tree):
    """The addresses on both sides of the ends of every network below."""
    found = set()
    for text in _cidrs(tree):
        try:
            whole = network(text)
        except Malformed:
            continue
        for end, step in ((whole.network_address, -1), (whole.broadcast_address, 1)):
            for number in (int(end), int(end) + step):
                if 0 <= number < 1 << whole.max_prefixlen:
                    found.add(type(end)(number))
    return {str(address) for address in found if _speaks(address)}


def _aims(scene):
    cluster = Cluster(scene.node, scene.objects, scene.pods.values())
    local = [ip for pod in scene.pods.values() for ip in pod.ips]
    remote = [ip for obj in scene.objects if obj["kind"] == "Pod" for ip in addresses_of(obj)]
    rules = {(ip, kind): list(_about(cluster, cluster.pods[address_of(ip)], kind))
             for ip in local for kind in KINDS}
    # Nothing from outside has an address of this node or of its pods.
    borders = sorted(_borders([said.rule for about in rules.values() for said in about]) - {*local, *HOSTS})
    declared = {str(ip): sorted(port for port in pod.ports if port[0]) for ip, pod in cluster.pods.items()}
    return Aims(local, remote, borders, rules, declared)


def _other_end(maker, aims, mine):
    stocks = (aims.local, aims.remote, aims.borders, WORLD, HOSTS, [ip for ips in NODE_IPS.values() for ip in ips],
              (*REMOTE_IPS[0], *REMOTE_IPS[1]))
    stock = maker.random.choices(stocks, (8, 4, 3, 2, 2, 1, 1))[0]
    # A pod and itself are seldom of interest.
    family = [ip for ip in stock if (":" in ip) == (":" in mine) and (ip != mine or maker.chance(0.2))]
    return maker.pick(*family or [ip for ip in WORLD if (":" in ip) == (":" in mine)])


def _peer(maker, aims, mine, said):
    """An address; often one that the rule speaks about."""
    for _ in range(TRIES if said and maker.chance(0.6) else 0):
        theirs = _other_end(maker, aims, mine)
        if said.matches(address_of(theirs)):
            return theirs
    return _other_end(maker, aims, mine)


def _any_service(maker, version6):
    proto = maker.random.choices((6, 17, 132, 58 if version6 else 1, maker.pick(*OTHER_PROTOCOLS)),
                                 (10, 5, 4, 2, 1))[0]
    return proto, maker.pick(*PORTS, 0) if proto in PROTOCOLS.values() else 0


def _service(maker, ports, declared, version6):
    """Protocol and port: one that a rule or the destination speaks about, or one beside it, or any."""
    aim = maker.pick(*ports) if ports and maker.chance(0.7) else None
    if isinstance(aim, tuple):
        proto, port = aim
    elif declared and maker.chance(0.8 if aim else 0.2):
        _, proto, port = maker.pick(*([port for port in declared if port[0] == aim] or declared))
    else:
        return _any_service(maker, version6)
    if maker.chance(0.15):
        proto = NEARLY[proto]
    return proto, (port + maker.random.choices((0, -1, 1), (8, 1, 1))[0]) & 0xffff


def _probe(maker, scene, aims):
    mine, kind = maker.pick(*aims.local), maker.pick(*KINDS)
    about = aims.rules[mine, kind]
    said = maker.pick(*about) if about and maker.chance(0.8) else None
    theirs = _peer(maker, aims, mine, said)
    src, dst = (theirs, mine) if kind == "Ingress" else (mine, theirs)
    # Nothing from outside has an address of this node; a socket of it may have one that the agent does not know.
    from_host = src in scene.hosts or (src in WORLD and maker.chance(0.1))
    return Probe(src, dst, *_service(maker, said and said.ports, aims.declared.get(dst), ":" in dst), from_host)


def probes(maker, scene, count):
    aims = _aims(scene)
    return [_probe(maker, scene, aims) for _ in range(count)] if aims.local else []
