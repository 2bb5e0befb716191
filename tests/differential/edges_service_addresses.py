# SPDX-License-Identifier: Apache-2.0
"""Edges of Services: which addresses are a service's, and which endpoints it has."""

from edges_service import edge, with_endpoints
from reading import address_of, metadata
from services import OTHERS_LABELS, SERVICE_LABEL, Answer, Services


# Which addresses are a service's

@edge("type ExternalName: as any other")
class ExternalNameServes(Services):
    def is_ours(self, service):
        return super().is_ours({**service, "spec": {**service["spec"], "type": "ClusterIP"}})

    def cluster_ips(self, service):
        return service["spec"].get("clusterIPs") or [ip for ip in [service["spec"].get("clusterIP")] if ip]


def blind_to(label):
    class Blind(Services):
        def is_ours(self, service):
            labels = {key: value for key, value in metadata(service, "labels", {}).items() if key != label}
            return super().is_ours({**service, "metadata": {**service["metadata"], "labels": labels}})
    return Blind


for each in OTHERS_LABELS:
    edge(f"label {each}: ignored")(blind_to(each))


@edge("label service-proxy-name: ignored when it is empty")
class EmptyNameIsOurs(Services):
    def is_ours(self, service):
        labels = metadata(service, "labels", {})
        full = {key: value for key, value in labels.items() if value or key != OTHERS_LABELS[1]}
        return super().is_ours({**service, "metadata": {**service["metadata"], "labels": full}})


@edge("clusterIPs: only the first")
class FirstClusterIp(Services):
    def cluster_ips(self, service):
        return super().cluster_ips(service)[:1]


@edge("clusterIP without clusterIPs: none")
class NoSingleClusterIp(Services):
    def cluster_ips(self, service):
        return service["spec"].get("clusterIPs") or []


@edge("status.loadBalancer: ipMode Proxy is a VIP")
class ProxyIsVip(Services):
    def balancer_ips(self, service):
        ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        return [entry["ip"] for entry in ingress if "ip" in entry]


@edge("status.loadBalancer: without ipMode no VIP")
class NoModeNoVip(Services):
    def balancer_ips(self, service):
        ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        return [entry["ip"] for entry in ingress if entry.get("ipMode") == "VIP"]


@edge("externalIPs: also what is a node's, a pod's or another ClusterIP")
class TakesAnything(Services):
    def settled(self, claims):
        return [claim for claim in claims if claim.address.version in self.families(claim.service)]


@edge("endpoints: also ClusterIPs")
class AnyTarget(Services):
    def nobodys_addresses(self):
        return set()


@edge("endpoints: no external IP or load balancer address of a Service")
class NoExternalTarget(Services):
    def nobodys_addresses(self):
        externals = {address_of(ip) for service in self.of_kind("Service") if self.is_ours(service)
                     for ip in (*self.balancer_ips(service), *(service["spec"].get("externalIPs") or []))}
        return super().nobodys_addresses() | externals - self.owned_addresses()


@edge("endpoints: no ClusterIP of another proxy's Service")
class NoForeignTarget(Services):
    def nobodys_addresses(self):
        return super().nobodys_addresses() | {address_of(ip) for obj in self.of_kind("Service")
                                              if "clusterIP" in obj["spec"]
                                              for ip in self.cluster_ips(obj) if ip != "None"}


@edge("endpoints: no ClusterIP that a pod or node has")
class NoHostsTarget(Services):
    def nobodys_addresses(self):
        return {address_of(ip) for service in self.of_kind("Service") if self.is_ours(service)
                for ip in self.cluster_ips(service)}


@edge("a protocol is not part of what a service port is")
class AnyProtocol(Services):
    def answers(self, question):
        numbers = {claim.proto for claim in self.claims
                   if (str(claim.address), claim.port) == (question.address, question.port)}
        return super().answers(question._replace(proto=min(numbers)) if numbers else question)


@edge("nodePort: on one address of this node only")
class OneNodeAddress(Services):
    def claims_of(self, service, spec):
        return [claim for claim in super().claims_of(service, spec)
                if claim.kind != "node" or claim.address == self.hosts[0]]


@edge("addresses of a family without a ClusterIP: served")
class AnyFamily(Services):
    def families(self, service):
        return {4, 6}


@edge("a port that a ClusterIP does not have: passes")
class UnknownPasses(Services):
    def unknown_port(self, claims):
        return Answer("pass")


@edge("a port that any service address does not have: refused")
class UnknownRefused(Services):
    def unknown_port(self, claims):
        return Answer("refuse" if claims else "pass")


# Which endpoints there are

@edge("slices: those of one service only once")
class OneSlice(Services):
    def slices(self, service, version):
        return super().slices(service, version)[:1]


@edge("slices: whatever their namespace")
class AnyNamespace(Services):
    def slices(self, service, version):
        namespaces = {metadata(obj, "namespace") for obj in self.objects} - {None}
        return [piece for namespace in sorted(namespaces) for piece in super(AnyNamespace, self).slices(
            {**service, "metadata": {**service["metadata"], "namespace": namespace}}, version)]


@edge("slices: by their names")
class ByNameOfSlice(Services):
    def slices(self, service, version):
        changed = Services(self.node, (), [{**obj, "metadata": {**obj["metadata"], "labels": {
            SERVICE_LABEL: obj["metadata"]["name"].rpartition("-")[0]}}} for obj in self.of_kind("EndpointSlice")])
        return changed.slices(service, version)


@edge("slice ports: matched by place, not by name")
class ByPlace(Services):
    def port_matches(self, port, spec):
        return super().port_matches({**port, "name": spec.get("name") or ""}, spec)


@edge("slice ports: without a name as with an empty one")
class NilIsEmpty(Services):
    def port_matches(self, port, spec):
        return super().port_matches({**port, "name": port.get("name") or ""}, spec)


@edge("slice ports: of any protocol")
class AnySliceProtocol(Services):
    def port_matches(self, port, spec):
        return super().port_matches({**port, "protocol": spec.get("protocol")}, spec)


@edge("slice ports: the number is the service's")
class SamePort(Services):
    def endpoints(self, service, spec, version):
        found = super().endpoints(service, spec, version)
        for endpoint in found:
            endpoint.at = (endpoint.at[0], spec["port"])
        return found


@edge("one address and port in two slices: the one that is not here")
class FarView(Services):
    def endpoints(self, service, spec, version):
        near, self.node = self.node, None
        far = {each.at: each for each in super().endpoints(service, spec, version)}
        self.node = near
        return [far[each.at] for each in super().endpoints(service, spec, version)]


@edge("endpoints: every address counts, not the first")
class AllAddresses(Services):
    def slices(self, service, version):
        return [{**piece, "endpoints": [{**endpoint, "addresses": [address]} for endpoint in piece["endpoints"]
                                        for address in endpoint["addresses"]]}
                for piece in super().slices(service, version)]


def conditions(said):
    return said.get("conditions") or {}


@edge("ready unknown: not ready")
@with_endpoints
def unknown_is_not_ready(endpoint, said):
    endpoint.ready = conditions(said).get("ready") is True


@edge("serving unknown: serving, whatever ready says")
@with_endpoints
def unknown_serves(endpoint, said):
    endpoint.serving = conditions(said).get("serving") is not False


@edge("ready and terminating: not ready")
@with_endpoints
def terminating_is_not_ready(endpoint, _):
    endpoint.ready = endpoint.ready and not endpoint.terminating


@edge("serving: decides instead of ready")
@with_endpoints
def serving_is_ready(endpoint, _):
    endpoint.ready = endpoint.serving


@edge("nodeName absent: here")
@with_endpoints
def unknown_is_here(endpoint, said):
    endpoint.local = endpoint.local or not said.get("nodeName")


