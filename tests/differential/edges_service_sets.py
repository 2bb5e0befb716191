# SPDX-License-Identifier: Apache-2.0
"""Edges of Services: which endpoints are chosen for whom, and by whom."""

from edges_service import edge, with_spec
from services import Services


# Which of them are chosen

@edge("none ready: nobody, also when some serve while they terminate")
class NoFallback(Services):
    def cluster_set(self, endpoints):
        return super().cluster_set([each for each in endpoints if each.ready])

    def local_set(self, endpoints):
        return super().local_set([each for each in endpoints if each.ready])


@edge("none ready: also those that terminate and do not serve")
class DeadFallback(Services):
    def cluster_set(self, endpoints):
        return super().cluster_set(endpoints) or [each for each in endpoints if each.terminating]


@edge("none ready: also those that serve and do not terminate")
class ServingFallback(Services):
    def cluster_set(self, endpoints):
        return super().cluster_set(endpoints) or [each for each in endpoints if each.serving]


@edge("those that serve while they terminate: beside the ready ones")
class FallbackBeside(Services):
    def cluster_set(self, endpoints):
        return list({*super().cluster_set(endpoints), *(each for each in endpoints if each.finishes)})


@edge("fallback of the local set: only when nobody is ready anywhere")
class OneFallback(Services):
    def local_set(self, endpoints):
        return [each for each in super().local_set(endpoints)
                if each.ready or not any(other.ready for other in endpoints)]


@edge("fallback: by topology")
class NearFallback(Services):
    def cluster_set(self, endpoints):
        ready = [each for each in endpoints if each.ready]
        return self.near(ready) or self.near([each for each in endpoints if each.finishes])


@edge("hints: used where only some have them")
class SomeHints(Services):
    def near(self, ready):
        for endpoint in ready:
            endpoint.has_hint = {"node": True, "zone": True}
        return super().near(ready)


@edge("hints: of those that are not ready count too")
class HintsOfAll(Services):
    def cluster_set(self, endpoints):
        near = self.near(endpoints)
        return [each for each in near if each.ready] or [each for each in endpoints if each.finishes]


@edge("hints: nobody where none fits")
class NoneFits(Services):
    def near(self, ready):
        if ready and all(each.has_hint["zone"] for each in ready):
            return [each for each in ready if each.fits["zone"]]
        return super().near(ready)


def without_hints(*kinds):
    class Hintless(Services):
        def near(self, ready):
            for endpoint in ready:
                for kind in kinds:
                    endpoint.has_hint[kind] = False
            return super().near(ready)
    return Hintless


edge("hints: none are used")(without_hints("node", "zone"))
edge("hints of nodes: none are used")(without_hints("node"))
edge("hints of zones: none are used")(without_hints("zone"))


@edge("hints: zones before nodes")
class ZonesFirst(Services):
    def near(self, ready):
        for endpoint in ready:
            for each in (endpoint.has_hint, endpoint.fits):
                each["node"], each["zone"] = each["zone"], each["node"]
        return super().near(ready)


@edge("hints: also for the local set")
class LocalByHints(Services):
    def local_set(self, endpoints):
        near = self.near([each for each in endpoints if each.ready])
        return [each for each in super().local_set(endpoints) if each in near or not each.ready]


# Traffic policies

def policy_ignored(name):
    class Ignorant(Services):
        def is_local(self, claim, client):
            return super().is_local(claim._replace(service=with_spec(claim.service, **{name: None})), client)
    return Ignorant


for each in ("internalTrafficPolicy", "externalTrafficPolicy"):
    edge(f"{each}: ignored")(policy_ignored(each))


@edge("externalTrafficPolicy: decides for the ClusterIP too")
class ExternalInside(Services):
    def is_local(self, claim, client):
        return super().is_local(claim._replace(kind="node"), client)


@edge("internalTrafficPolicy: decides for all addresses")
class InternalOutside(Services):
    def is_local(self, claim, client):
        return super().is_local(claim._replace(kind="cluster"), client)


@edge("externalTrafficPolicy Local: also for pods and this node")
class LocalForAll(Services):
    def is_local(self, claim, client):
        return super().is_local(claim, "outside")


@edge("internalTrafficPolicy Local: not for this node")
class HostIsCluster(Services):
    def is_local(self, claim, client):
        return client != "host" and super().is_local(claim, client)


@edge("no local endpoint: refused")
class RefusesLocal(Services):
    def anywhere(self, endpoints):
        return False


@edge("no endpoint at all: dropped")
class DropsAll(Services):
    def anywhere(self, endpoints):
        return True


@edge("no endpoint anywhere: those that only terminate count as some")
class AnyEndpoint(Services):
    def anywhere(self, endpoints):
        return bool(endpoints)


@edge("no local endpoint: others that serve while they terminate do not count")
class OnlyReadyCount(Services):
    def anywhere(self, endpoints):
        return any(each.ready for each in endpoints)


# Source ranges, affinity, families

@edge("loadBalancerSourceRanges: ignored")
class NoRanges(Services):
    def may(self, claim, source):
        return True


@edge("loadBalancerSourceRanges: for every address of the service")
class RangesForAll(Services):
    def may(self, claim, source):
        return super().may(claim._replace(kind="balancer"), source)


@edge("loadBalancerSourceRanges: only for clients outside of the cluster")
class RangesOutside(Services):
    def may(self, claim, source):
        pods = {endpoint for endpoint in self.owned_addresses() if endpoint.is_private}
        return source in pods or super().may(claim, source)


@edge("loadBalancerSourceRanges: none of the family, no filter")
class RangesOfFamily(Services):
    def may(self, claim, source):
        ranges = claim.service["spec"].get("loadBalancerSourceRanges") or []
        return not any((":" in text) == (source.version == 6) for text in ranges) or super().may(claim, source)


@edge("loadBalancerSourceRanges: with spaces around them, not read")
class SpacesMatter(Services):
    def may(self, claim, source):
        ranges = claim.service["spec"].get("loadBalancerSourceRanges") or []
        read = [text for text in ranges if text == text.strip()]
        if ranges and not read:
            return claim.kind != "balancer"
        return super().may(claim._replace(service=with_spec(claim.service, loadBalancerSourceRanges=read)), source)


@edge("loadBalancerSourceRanges: the balancer's own address is one as any other")
class NoSelfAddress(Services):
    def may(self, claim, source):
        self.hosts, hosts = [], self.hosts
        answer = super().may(claim, source)
        self.hosts = hosts
        return answer


@edge("sessionAffinity: ignored")
class NoAffinity(Services):
    def affinity_s(self, service):
        return 0


@edge("sessionAffinity ClientIP without a timeout: none")
class NoDefaultTimeout(Services):
    def affinity_s(self, service):
        return super().affinity_s(service) if service["spec"].get("sessionAffinityConfig") else 0


@edge("sessionAffinity: the default timeout, whatever is said")
class DefaultTimeout(Services):
    def affinity_s(self, service):
        return super().affinity_s(with_spec(service, sessionAffinityConfig=None))


@edge("endpoints of either family behind each address")
class MixedFamilies(Services):
    def endpoints(self, service, spec, version):
        return super().endpoints(service, spec, 4) + super().endpoints(service, spec, 6)
