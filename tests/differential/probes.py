# SPDX-License-Identifier: Apache-2.0
"""Probes that aim at what a scene's objects speak about: their pods, ports, and what lies beside."""

import collections

from evaluate import Cluster, Probe
from reading import PROTOCOLS
from stock import HOSTS, NODE_IPS, PORTS, REMOTE_IPS, WORLD

# Of protocols that the parser of IPv6 takes for protocols, not for extension headers.
OTHER_PROTOCOLS = (2, 4, 47, 50, 94)
NEARLY = {6: 17, 17: 132, 132: 6}

# local, remote: addresses of pods; mentioned: (protocol, port) of rules; declared: address -> the same of its pod.
Aims = collections.namedtuple("Aims", "local remote mentioned declared")


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


def _numbers(tree, proto=6):
    """(protocol, port) of every port element below: the protocol stands beside it, or around it, or is TCP."""
    if isinstance(tree, list):
        for item in tree:
            yield from _numbers(item, proto)
    elif isinstance(tree, dict):
        proto = PROTOCOLS.get(tree.get("protocol"), proto)
        for key, item in tree.items():
            if key in ("port", "endPort", "number", "start", "end") and isinstance(item, int):
                yield proto, item & 0xffff
            yield from _numbers(item, PROTOCOLS.get(key.upper(), proto))


def _aims(scene):
    remote = [ip["ip"] for obj in scene.objects if obj["kind"] == "Pod"
              for ip in (obj.get("status") or {}).get("podIPs") or []]
    mentioned = [number for obj in scene.objects if obj["kind"].endswith("Policy") for number in _numbers(obj["spec"])]
    pods = Cluster(scene.node, scene.objects, scene.pods.values()).pods
    declared = {str(ip): sorted((proto, port) for name, proto, port in pod.ports if name) for ip, pod in pods.items()}
    return Aims([ip for pod in scene.pods.values() for ip in pod.ips], remote, mentioned, declared)


def _other_end(maker, aims, mine):
    stocks = (aims.local, aims.remote, WORLD, HOSTS, NODE_IPS["node-2"], (*REMOTE_IPS[0], *REMOTE_IPS[1]))
    stock = maker.random.choices(stocks, (8, 4, 3, 2, 1, 1))[0]
    family = [ip for ip in stock if (":" in ip) == (":" in mine)]
    return maker.pick(*family) if family else mine


def _any_service(maker, version6):
    proto = maker.random.choices((6, 17, 132, 58 if version6 else 1, maker.pick(*OTHER_PROTOCOLS)),
                                 (10, 5, 4, 2, 1))[0]
    return proto, maker.pick(*PORTS, 0) if proto in PROTOCOLS.values() else 0


def _service(maker, aims, dst):
    """Protocol and port."""
    kind, declared = maker.random.random(), aims.declared.get(dst)
    if kind < 0.35 and aims.mentioned:
        proto, port = maker.pick(*aims.mentioned)
    elif kind < 0.6 and declared:
        proto, port = maker.pick(*declared)
    else:
        return _any_service(maker, ":" in dst)
    if maker.chance(0.15):
        proto = NEARLY[proto]
    return proto, (port + maker.random.choices((0, -1, 1), (8, 1, 1))[0]) & 0xffff


def _probe(maker, scene, aims):
    mine = maker.pick(*aims.local)
    theirs = _other_end(maker, aims, mine)
    src, dst = maker.pick((mine, theirs), (theirs, mine))
    # Nothing from outside has an address of this node; a socket of it may have one that the agent does not know.
    from_host = src in scene.hosts or (src in WORLD and maker.chance(0.1))
    return Probe(src, dst, *_service(maker, aims, dst), from_host)


def probes(maker, scene, count):
    aims = _aims(scene)
    return [_probe(maker, scene, aims) for _ in range(count)] if aims.local else []
