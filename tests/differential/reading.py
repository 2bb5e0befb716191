# SPDX-License-Identifier: Apache-2.0
"""How parts of Kubernetes objects are read: selectors, CIDRs, and what the API server would refuse."""

import functools
import ipaddress

PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132}
NAME_LABEL = "kubernetes.io/metadata.name"


def metadata(obj, name, default=None):
    return (obj.get("metadata") or {}).get(name) or default


def namespace_of(obj):
    return metadata(obj, "namespace", "default")


class Malformed(Exception):
    """The API server would refuse this part."""


def requirement_holds(expression, labels):
    key, operator = expression.get("key"), expression.get("operator")
    values = expression.get("values") or []
    if not key or operator not in ("In", "NotIn", "Exists", "DoesNotExist") or bool(values) != operator.endswith("In"):
        raise Malformed(f"expression {expression}")
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return key not in labels or labels[key] not in values
    return (key in labels) == (operator == "Exists")


def selects(selector, labels):
    """An absent selector, like an empty one, selects everything here; who calls knows what absent means."""
    selector = selector or {}
    wanted = (selector.get("matchLabels") or {}).items()
    held = [requirement_holds(expression, labels) for expression in selector.get("matchExpressions") or []]
    return all(key in labels and labels[key] == value for key, value in wanted) and all(held)


# Each is read many times: an address by every rule that is asked about it, a CIDR for every connection.
address_of = functools.lru_cache(65536)(ipaddress.ip_address)


@functools.lru_cache(65536)
def network(text):
    try:
        base, length = text.split("/")
        return ipaddress.ip_network((base, int(length)), strict=False)
    except (AttributeError, ValueError):
        raise Malformed(f"CIDR {text}") from None
