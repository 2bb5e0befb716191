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
    """A copy; None when there is nothing at path any more."""
    tree = copy.deepcopy(tree)
    place = tree
    try:
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
    except (KeyError, IndexError, TypeError):
        return None
    return tree


def _smaller_objects(scene):
    for at in reversed(range(len(scene.objects))):
        yield dataclasses.replace(scene, objects=scene.objects[:at] + scene.objects[at + 1:])
    for at, obj in enumerate(scene.objects):
        for path in _parts(obj):
            less = _without(obj, path)
            if less is not None:
                yield dataclasses.replace(scene, objects=scene.objects[:at] + [less] + scene.objects[at + 1:])


def _smaller(scene):
    for slot in list(scene.pods):
        yield dataclasses.replace(scene, pods={key: pod for key, pod in scene.pods.items() if key != slot})
    yield from _smaller_objects(scene)
    for slot, pod in scene.pods.items():
        for ip in pod.ips[:-1] and pod.ips:
            yield dataclasses.replace(scene, pods={**scene.pods, slot: pod._replace(ips=[i for i in pod.ips if i != ip])})


def shrink(scene, still):
    """The smallest scene that is found from here on for which still(scene)."""
    progress = True
    while progress:
        progress = False
        for less in _smaller(scene):
            if still(less):
                scene, progress = less, True
                break
    return scene
