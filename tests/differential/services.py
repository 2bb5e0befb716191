# SPDX-License-Identifier: Apache-2.0
"""Where does a packet to a service go? A naive evaluator of Services and EndpointSlices.

Written from the specification, for reading rather than for speed, and sharing nothing with weir: it
takes the objects as they stand in manifests and goes through all of them for every question.
"""

import collections
import ipaddress

from reading import PROTOCOLS, address_of, metadata, namespace_of

SERVICE_LABEL = "kubernetes.io/service-name"
ZONE_LABEL = "topology.kubernetes.io/zone"
OTHERS_LABELS = ("service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name")
AFFINITY_S = 10800
FAMILIES = {"IPv4": 4, "IPv6": 6}

# client: "pod" of this node, "host" (a socket of this node) or "outside"; source and address are texts.
Question = collections.namedtuple("Question", "client source address port proto")
# what: "pass" (for no service), "backends" (one of them), "refuse" or "drop".
Answer = collections.namedtuple("Answer", "what backends affinity_s", defaults=(frozenset(), 0))
# What a health check is told: the number of local ready addresses, None without a healthCheckNodePort.
Health = collections.namedtuple("Health", "port ready_local")

# Something a service asks for. kind: "cluster", "external", "balancer" or "node".
Claim = collections.namedtuple("Claim", "address port proto kind service spec")


class Endpoint:
    """An address of an EndpointSlice with the port that one service port finds there."""

    def __init__(self, node, zone, said, port):
        conditions = said.get("conditions") or {}
        self.at = (address_of(said["addresses"][0]), port)
        self.local = said.get("nodeName") == node
        self.ready = conditions.get("ready") is not False
        serving = conditions.get("serving")
        self.serving = self.ready if serving is None else serving
        self.terminating = bool(conditions.get("terminating"))
        hints = said.get("hints") or {}
        nodes, zones = ([hint["name"] for hint in hints.get(kind) or []] for kind in ("forNodes", "forZones"))
        self.has_hint = {"node": bool(nodes), "zone": bool(zones)}
        self.fits = {"node": node in nodes, "zone": zone in zones}

    @property
    def finishes(self):
        """Not ready any more, and still worth more than nothing."""
        return self.serving and self.terminating


class Services:
    """What one node sees of the services of a cluster. In cidrs an address is a service's or nobody's."""

    def __init__(self, node, hosts, objects, cidrs=()):
        self.cidrs = [ipaddress.ip_network(cidr) for cidr in cidrs]
        self.node, self.hosts = node, [address_of(ip) for ip in hosts]
        self.objects = objects
        self.zone = next((metadata(obj, "labels", {}).get(ZONE_LABEL) for obj in self.of_kind("Node")
                          if metadata(obj, "name") == node), None)
        self.nobodys = self.nobodys_addresses()
        self.claims = self.settled([claim for service in self.of_kind("Service") if self.is_ours(service)
                                    for spec in service["spec"].get("ports") or []
                                    for claim in self.claims_of(service, spec)])

    def of_kind(self, kind):
        return [obj for obj in self.objects if obj["kind"] == kind]

    # Which addresses are a service's

    def is_ours(self, service):
        spec, labels = service["spec"], metadata(service, "labels", {})
        return spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None" and \
            not any(label in labels for label in OTHERS_LABELS)

    def cluster_ips(self, service):
        return service["spec"].get("clusterIPs") or [service["spec"]["clusterIP"]]

    def balancer_ips(self, service):
        ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        return [entry["ip"] for entry in ingress if "ip" in entry and entry.get("ipMode", "VIP") == "VIP"]

    def families(self, service):
        """A family is the service's when it has a ClusterIP of it."""
        return {address_of(ip).version for ip in self.cluster_ips(service)}

    def claims_of(self, service, spec):
        """Whatever its family."""
        proto, port = PROTOCOLS[spec.get("protocol") or "TCP"], spec["port"]
        for kind, addresses in (("cluster", self.cluster_ips(service)), ("balancer", self.balancer_ips(service)),
                                ("external", service["spec"].get("externalIPs") or [])):
            for address in addresses:
                yield Claim(address_of(address), port, proto, kind, service, spec)
        for address in self.hosts if spec.get("nodePort") else ():
            yield Claim(address, spec["nodePort"], proto, "node", service, spec)

    def settled(self, claims):
        """What services get: of their families, and nobody takes a cluster's own addresses by externalIPs."""
        claims = [claim for claim in claims if claim.address.version in self.families(claim.service)]
        owned = self.owned_addresses()
        return [claim for claim in claims if claim.kind != "external" or claim.address not in owned]

    def nobodys_addresses(self):
        """ClusterIPs, which no host has: none of them is an endpoint."""
        return {address_of(ip) for service in self.of_kind("Service") if self.is_ours(service)
                for ip in self.cluster_ips(service)} - self.held_addresses()

    def held_addresses(self):
        """Those of nodes and pods."""
        nodes = {address_of(address["address"]) for obj in self.of_kind("Node")
                 for address in obj["status"]["addresses"] if address["type"] in ("InternalIP", "ExternalIP")}
        pods = {address_of(ip["ip"]) for obj in self.of_kind("Pod") for ip in obj["status"].get("podIPs") or []}
        return nodes | pods | set(self.hosts)

    def owned_addresses(self):
        # Also of services that another proxy serves, and of what an ExternalName was before.
        services = {address_of(ip) for obj in self.of_kind("Service") if "clusterIP" in obj["spec"]
                    for ip in self.cluster_ips(obj) if ip != "None"}
        return self.held_addresses() | services

    # Endpoints

    def slices(self, service, version):
        return [obj for obj in self.of_kind("EndpointSlice") if namespace_of(obj) == namespace_of(service)
                and metadata(obj, "labels", {}).get(SERVICE_LABEL) == metadata(service, "name")
                and FAMILIES.get(obj["addressType"]) == version]

    def port_matches(self, port, spec):
        return port.get("name") is not None and bool(port.get("port")) and port["name"] == (spec.get("name") or "") \
            and (port.get("protocol") or "TCP") == (spec.get("protocol") or "TCP")

    def endpoints(self, service, spec, version):
        """Each address and port once; of several the one that is said to be here."""
        found = {}
        for piece in self.slices(service, version):
            for port in piece.get("ports") or []:
                for said in (piece.get("endpoints") or []) if self.port_matches(port, spec) else []:
                    endpoint = Endpoint(self.node, self.zone, said, port["port"])
                    if endpoint.at[0] in self.nobodys:
                        continue
                    if endpoint.at not in found or endpoint.local:
                        found[endpoint.at] = endpoint
        return list(found.values())

    # Choosing

    def near(self, ready):
        """By topology: those whose hints fit, where every one has hints."""
        for kind in ("node", "zone"):
            if all(endpoint.has_hint[kind] for endpoint in ready) and any(endpoint.fits[kind] for endpoint in ready):
                return [endpoint for endpoint in ready if endpoint.fits[kind]]
        return ready

    def cluster_set(self, endpoints):
        return self.near([each for each in endpoints if each.ready]) or [each for each in endpoints if each.finishes]

    def local_set(self, endpoints):
        here = [each for each in endpoints if each.local]
        return [each for each in here if each.ready] or [each for each in here if each.finishes]

    def anywhere(self, endpoints):
        return any(each.ready or each.finishes for each in endpoints)

    def is_local(self, claim, client):
        """Does traffic policy Local decide?"""
        spec = claim.service["spec"]
        if claim.kind == "cluster":
            return spec.get("internalTrafficPolicy") == "Local"
        return spec.get("externalTrafficPolicy") == "Local" and client == "outside"

    def affinity_s(self, service):
        spec = service["spec"]
        if spec.get("sessionAffinity") != "ClientIP":
            return 0
        return ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds") or AFFINITY_S

    def may(self, claim, source):
        """loadBalancerSourceRanges."""
        ranges = claim.service["spec"].get("loadBalancerSourceRanges") or []
        if claim.kind != "balancer" or not ranges:
            return True
        nets = [ipaddress.ip_network(text.strip(), strict=False) for text in ranges]
        # What this node sends to itself by way of the balancer has the balancer's address.
        itself = source in [address_of(ip) for ip in self.balancer_ips(claim.service)] and \
            any(host in net for net in nets for host in self.hosts if host.version == source.version)
        return itself or any(source in net for net in nets)

    def chosen(self, claim, question):
        endpoints = self.endpoints(claim.service, claim.spec, claim.address.version)
        choose = self.local_set if self.is_local(claim, question.client) else self.cluster_set
        backends = frozenset(each.at for each in choose(endpoints))
        if backends:
            return Answer("backends", backends, self.affinity_s(claim.service))
        return Answer("drop" if self.anywhere(endpoints) else "refuse")

    def left_to_others(self):
        """ClusterIPs of services that another proxy carries."""
        return {address_of(ip) for obj in self.of_kind("Service") if OTHERS_LABELS[1] in metadata(obj, "labels", {})
                and OTHERS_LABELS[0] not in metadata(obj, "labels", {}) and obj["spec"].get("type") != "ExternalName"
                and obj["spec"].get("clusterIP") != "None" for ip in self.cluster_ips(obj)}

    def unknown_port(self, claims):
        return Answer("refuse" if any(claim.kind == "cluster" for claim in claims) else "pass")

    def elsewhere(self, address, claims):
        """The answer at an address where services have other ports, or no service has one."""
        if not claims and any(address in cidr for cidr in self.cidrs) and \
                address not in self.held_addresses() | self.left_to_others():
            return Answer("drop")
        return self.unknown_port(claims)

    def answers(self, question):
        """All that may be: more than one where services contradict each other."""
        there = [claim for claim in self.claims if claim.address == address_of(question.address)]
        claims = [claim for claim in there if (claim.port, claim.proto) == (question.port, question.proto)]
        return [self.chosen(claim, question) if self.may(claim, address_of(question.source)) else Answer("drop")
                for claim in claims] or [self.elsewhere(address_of(question.address), there)]

    # Health checks

    def health(self, service):
        spec = service["spec"]
        if not self.is_ours(service) or spec.get("type") != "LoadBalancer" or \
                spec.get("externalTrafficPolicy") != "Local" or not spec.get("healthCheckNodePort"):
            return None
        ready = {each.at[0] for port in spec["ports"] for version in self.families(service)
                 for each in self.endpoints(service, port, version) if each.local and each.ready}
        return Health(spec["healthCheckNodePort"], len(ready))
