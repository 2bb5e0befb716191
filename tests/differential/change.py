# SPDX-License-Identifier: Apache-2.0
"""Changes of a scene: to a later one of the same cluster, and to one that must mean the same."""

import copy
import dataclasses
import zlib

from evaluate import addresses_of, is_ordinary
from kernel import key_of
from reading import NAME_LABEL
from stock import KEYS, NAMESPACES, OTHER_NODES, VALUES
from tiers import place


def _claims(obj):
    """Addresses that a remote pod's object claims for itself alone: which of two is right is nobody's rule."""
    remote = obj["kind"] == "Pod" and is_ordinary(obj) and obj["spec"].get("nodeName") in OTHER_NODES
    return addresses_of(obj) if remote else []


def _succeeded(maker, pod):
    """Another pod at the same address."""
    name = pod["metadata"]["name"]
    heir = maker.pod(maker.home(), name[5:] if name.startswith("heir-") else f"heir-{name}", pod["spec"]["nodeName"],
                     addresses_of(pod))
    return {**heir, "status": pod["status"]}


def _touched(maker, obj):
    """One thing about it is different now."""
    obj = copy.deepcopy(obj)
    if _claims(obj) and maker.chance(0.3):
        return _succeeded(maker, obj)
    if obj["kind"] == "Pod" and maker.chance(0.3):
        obj["spec"]["containers"] = [maker.container("c0")]
    elif obj["kind"] == "Pod" and maker.chance(0.2):
        obj["status"]["phase"] = maker.pick("Running", "Succeeded", "Failed")
    elif obj["kind"] == "NetworkPolicy" and maker.chance(0.5):
        obj["spec"]["podSelector"] = maker.valid_selector(maker.selector)
    elif obj["kind"].endswith("Policy"):
        rules = maker.pick(*(obj["spec"].get(direction) or [] for direction in ("ingress", "egress")))
        rules.reverse() if maker.chance(0.5) else rules.clear()
    else:
        obj["metadata"]["labels"] = maker.labels()
    return obj


def _mixed(maker, share, old, new):
    """Of objects by key: most are the old ones, some new, some changed."""
    for key in sorted(old.keys() | new.keys()):
        obj = (new if maker.chance(share) else old).get(key)
        if obj:
            yield _touched(maker, obj) if maker.chance(0.3 if obj["kind"] in ("Namespace", "Node") else 0.15) else obj


def later(maker, scene, share=0.25):
    """Some time after scene: objects changed, came and went, pods took over slots and addresses of others."""
    # Often only few things happen, so that it shows when one of them was not noticed.
    share = maker.pick(share, share / 5)
    other = maker.scene()
    objects, claimed, keys = [], set(), set()
    for obj in _mixed(maker, share, *({key_of(obj): obj for obj in each.objects} for each in (scene, other))):
        if key_of(obj) not in keys and not claimed & set(_claims(obj)):
            claimed.update(_claims(obj))
            keys.add(key_of(obj))
            objects.append(obj)
    pods, taken = {}, set()
    for slot in sorted(scene.pods.keys() | other.pods.keys()):
        pod = (other if maker.chance(share) else scene).pods.get(slot)
        if pod and not taken & set(pod.ips):
            taken.update(pod.ips)
            pods[slot] = pod
    maker.random.shuffle(objects)
    return dataclasses.replace(scene, objects=objects, pods=pods)


# Changes that must change no verdict: each makes another scene, and says which names were exchanged.

def reordered(maker, scene):
    """Objects, the rules of a NetworkPolicy (those of the other tiers have an order), and what is in rules."""
    objects = copy.deepcopy(scene.objects)
    maker.random.shuffle(objects)
    for policy in (obj for obj in objects if obj["kind"].endswith("Policy")):
        for direction in ("ingress", "egress"):
            rules = policy["spec"].get(direction) or []
            if policy["kind"] == "NetworkPolicy":
                maker.random.shuffle(rules)
            for elements in (value for rule in rules for value in rule.values() if isinstance(value, list)):
                maker.random.shuffle(elements)
    return dataclasses.replace(scene, objects=objects)


def _halves(policy):
    """Two NetworkPolicies that say together what one says."""
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress"] + ["Egress"] * bool(spec.get("egress"))
    for half in (0, 1):
        part = copy.deepcopy(policy)
        part["metadata"]["name"] += f"-{half}"
        part["spec"]["policyTypes"] = types
        for direction in ("ingress", "egress"):
            part["spec"][direction] = (spec.get(direction) or [])[half::2]
        yield part


def _first_and_rest(policy, rank):
    """Two policies with priorities of their own: what one says, at the place that it has among all."""
    for half, rules in ((0, slice(None, 1)), (1, slice(1, None))):
        part = copy.deepcopy(policy)
        part["metadata"]["name"] += f"-{half}"
        part["spec"]["priority"] = 2 * rank + half
        part["spec"].update({direction: policy["spec"][direction][rules]
                             for direction in ("ingress", "egress") if direction in policy["spec"]})
        yield part


def split(_, scene):
    """A BaselineAdminNetworkPolicy stays: there is one."""
    ranked = sorted((obj for obj in scene.objects if "priority" in obj.get("spec", {})), key=place)
    objects = []
    for obj in scene.objects:
        if obj["kind"] == "NetworkPolicy":
            objects += _halves(obj)
        elif obj in ranked:
            objects += _first_and_rest(obj, ranked.index(obj))
        else:
            objects.append(obj)
    return dataclasses.replace(scene, objects=objects)


def joined_by_a_stranger(maker, scene):
    """A pod that no probe is about, in a namespace of its own. It comes first, so that it may stand in the others' way."""
    stranger = maker.pod("abroad", "stranger", OTHER_NODES[0], ["10.9.9.9", "fd09::9"])
    return dataclasses.replace(scene, objects=[stranger, maker.namespace("abroad"), *scene.objects])


def _exchange(tree, keys, values, names):
    """Label keys, label values and namespaces exchanged wherever they stand."""
    if isinstance(tree, list):
        return [_exchange(item, keys, values, names) for item in tree]
    if not isinstance(tree, dict):
        return tree
    result = {}
    for key, item in tree.items():
        if key in ("labels", "matchLabels"):
            result[key] = {keys.get(k, k): (names if k == NAME_LABEL else values).get(v, v)
                           for k, v in (item or {}).items()}
        elif key == "matchExpressions":
            result[key] = [{**e, "key": keys.get(e["key"], e["key"]), **({"values": [
                (names if e["key"] == NAME_LABEL else values).get(v, v) for v in e["values"]]} if "values" in e else {})}
                           for e in item]
        else:
            result[key] = _exchange(item, keys, values, names)
    return result


def _shuffled(maker, stock):
    return dict(zip(stock, maker.random.sample(stock, len(stock))))


def relabelled(maker, scene):
    keys, values = _shuffled(maker, KEYS), _shuffled(maker, VALUES)
    return dataclasses.replace(scene, objects=_exchange(scene.objects, keys, values, {}))


def _other_name(name):
    """Of another order among its like."""
    return f"z{zlib.crc32(name.encode()):08x}"


def renamed(maker, scene):
    """Namespaces exchange their names, pods and policies get new ones: in the same order where it has a meaning."""
    names = _shuffled(maker, NAMESPACES)
    objects = _exchange(scene.objects, {}, {}, names)
    for obj in objects:
        metadata = obj["metadata"]
        if "namespace" in metadata:
            metadata["namespace"] = names[metadata["namespace"]]
        if obj["kind"] == "Namespace":
            metadata["name"] = names[metadata["name"]]
        elif obj["kind"] != "Node":
            ordered = obj["kind"] not in ("Pod", "NetworkPolicy")
            metadata["name"] = f"z{metadata['name']}" if ordered else _other_name(metadata["name"])
    pods = {slot: pod._replace(namespace=names[pod.namespace], name=_other_name(pod.name))
            for slot, pod in scene.pods.items()}
    return dataclasses.replace(scene, objects=objects, pods=pods)


SAME = {change.__name__: change for change in (reordered, split, joined_by_a_stranger, relabelled, renamed)}
