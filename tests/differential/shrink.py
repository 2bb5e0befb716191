# SPDX-License-Identifier: Apache-2.0
"""Makes a scene smaller as long as something about it stays true."""

import copy
import dataclasses

# Without these an object is no object: they are left as they are.
IDENTITY = {"apiVersion", "kind", "name", "namespace", "nodeName", "action", "priority", "tier"}


def _parts(value, path=()):
    """Paths of everything that can be left out of a tree of lists and dicts, large parts first."""
    children = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    for key, _ in children:
        if key not in IDENTITY and not (key == "metadata" and not path):
            yield (*path, key)
    for key, child in children:
        yield from _parts(child, (*path, key))


def _without(tree, path):
    tree = copy.deepcopy(tree)
    place = tree
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return tree


def _fewer(items, still):
    """As few of a list of items as are found for which still(items): large parts are left out first."""
    size = len(items)
    while size:
        at = 0
        while at < len(items):
            less = items[:at] + items[at + size:]
            if still(less):
                items = less
            else:
                at += size
        size //= 2
    return items


def _less_of(tree, still):
    """A tree of lists and dicts with fewer parts for which still(tree)."""
    tried = set()
    while path := next((path for path in _parts(tree) if path not in tried), None):
        less = _without(tree, path)
        if still(less):
            tree = less
        else:
            tried.add(path)
    return tree


def _shrink_objects(scene, still):
    def with_objects(objects):
        return dataclasses.replace(scene, objects=objects)

    objects = _fewer(scene.objects, lambda less: still(with_objects(less)))
    for at in range(len(objects)):
        objects = [*objects[:at], _less_of(objects[at], lambda obj, at=at, objects=objects: still(
            with_objects([*objects[:at], obj, *objects[at + 1:]]))), *objects[at + 1:]]
    return with_objects(objects)


def _shrink_pods(scene, still):
    def with_pods(pods):
        return dataclasses.replace(scene, pods=dict(pods))

    pods = _fewer(list(scene.pods.items()), lambda less: still(with_pods(less)))
    for at, (slot, pod) in enumerate(pods):
        ips = _fewer(pod.ips, lambda less, at=at, slot=slot, pod=pod, pods=pods: bool(less) and still(
            with_pods([*pods[:at], (slot, pod._replace(ips=less)), *pods[at + 1:]])))
        pods = [*pods[:at], (slot, pod._replace(ips=ips)), *pods[at + 1:]]
    return with_pods(pods)


def shrink(scene, still):
    """The smallest scene that is found from here on for which still(scene)."""
    before = None
    while before != scene:
        before = scene
        scene = _shrink_objects(_shrink_pods(scene, still), still)
    return scene
