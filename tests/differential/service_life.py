# SPDX-License-Identifier: Apache-2.0
"""What becomes of connections to services when their backends go."""

from reading import address_of, metadata, namespace_of


def wanted(right, question):
    """The claims of what the question asks for."""
    return [claim for claim in right.claims if claim[:3] ==
            (address_of(question.address), question.port, question.proto)]


def owner_of(right, question):
    """(namespace, name of the service, name of its port), of the only one that wants it, or None."""
    claims = wanted(right, question)
    if len(claims) != 1:
        return None
    service = claims[0].service
    return namespace_of(service), metadata(service, "name"), claims[0].spec.get("name") or ""


def _serves_for(right, claim, place):
    endpoints = right.endpoints(claim.service, claim.spec, claim.address.version)
    sets = {*right.cluster_set(endpoints), *right.local_set(endpoints)}
    mine = [each for each in endpoints if each.at == place]
    if any(each.serving or each in sets for each in mine):
        return True
    # What is ready and does not serve.
    return None if any(each.ready for each in mine) else False


def serves(right, question, owner, place):
    """Does the backend of a connection still, at an address and port? None: either may be. owner: of when it began."""
    said = [_serves_for(right, claim, place) for claim in wanted(right, question)]
    if not any(each is not False for each in said):
        return False
    # Another service may have the same backend, or contradict: nobody says.
    return said[0] if owner_of(right, question) == owner else None
