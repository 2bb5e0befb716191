# SPDX-License-Identifier: Apache-2.0
"""What networking.k8s.io/v1 NetworkPolicies say about a connection, by the words of the specification.

A malformed element matches nothing, and the policy that holds it isolates all the same.
"""

import re

from reading import PROTOCOLS, Malformed, namespace_of, network, selects


def _block_holds(block, address):
    whole = network(block.get("cidr"))
    holes = [network(text) for text in block.get("except") or []]
    for hole in holes:
        if hole.version != whole.version or hole.prefixlen <= whole.prefixlen or not hole.subnet_of(whole):
            raise Malformed(f"except {hole} of {whole}")
    return address in whole and not any(address in hole for hole in holes)


def port_holds(port, proto, number, destination):
    """destination is the pod that is connected to, or None."""
    name = port.get("protocol") or "TCP"
    if name not in PROTOCOLS:
        raise Malformed(f"protocol {name}")
    wanted, end = port.get("port"), port.get("endPort")
    if isinstance(wanted, str):
        if end is not None or not re.fullmatch("(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?", wanted):
            raise Malformed(f"port {port}")
        return proto == PROTOCOLS[name] and (wanted, proto, number) in (destination.ports if destination else ())
    if wanted is None and end is not None:
        raise Malformed(f"port {port}")
    if wanted is not None and not (1 <= wanted <= (wanted if end is None else end) <= 65535):
        raise Malformed(f"port {port}")
    if proto != PROTOCOLS[name]:
        return False
    return wanted is None or wanted <= number <= (wanted if end is None else end)


def peer_holds(cluster, peer, home, address):
    """home is the policy's namespace."""
    block, pods, namespaces = (peer.get(name) for name in ("ipBlock", "podSelector", "namespaceSelector"))
    if block is not None:
        if pods is not None or namespaces is not None:
            raise Malformed("ipBlock beside a selector")
        return _block_holds(block, address)
    if pods is None and namespaces is None:
        raise Malformed("empty peer")
    pod = cluster.peer_at(address)
    place = pod.namespace if pod else ""
    # Judged even without a pod, so that a malformed selector is always found.
    near = place == home if namespaces is None else selects(namespaces, cluster.namespace_labels(place))
    return selects(pods, pod.labels if pod else {}) and near and pod is not None


def _any_holds(elements, holds):
    found = False
    for element in elements:
        try:
            found = holds(element) or found
        except Malformed:
            pass
    return found


def peers_hold(cluster, rule, side, home, other):
    peers = rule.get(side) or []
    return not peers or _any_holds(peers, lambda peer: peer_holds(cluster, peer, home, other))


def _rule_holds(cluster, rule, side, home, probe, other):
    ports, destination = rule.get("ports") or [], cluster.destination(probe, side)
    return peers_hold(cluster, rule, side, home, other) and \
        (not ports or _any_holds(ports, lambda port: port_holds(port, probe.proto, probe.port, destination)))


def isolating(cluster, kind, pod):
    """The policies that isolate pod in this direction. kind is "Ingress" or "Egress"."""
    for policy in cluster.policies["NetworkPolicy"]:
        spec = policy.get("spec") or {}
        types = spec.get("policyTypes") or ["Ingress"] + ["Egress"] * bool(spec.get("egress"))
        if kind in types and namespace_of(policy) == pod.namespace and selects(spec.get("podSelector"), pod.labels):
            yield policy


def says(cluster, kind, pod, other, probe):
    """True, False, or None: pod is not isolated. other is the far end's address."""
    side, isolated = {"Ingress": "from", "Egress": "to"}[kind], False
    for policy in isolating(cluster, kind, pod):
        isolated = True
        if any(_rule_holds(cluster, rule, side, pod.namespace, probe, other)
               for rule in (policy.get("spec") or {}).get(kind.lower()) or []):
            return True
    return False if isolated else None
