# SPDX-License-Identifier: Apache-2.0
"""What the API server of fake_api.py does with requests that change something."""

import copy

from fake_api_kinds import place_of, status_object


def merge_conditions(item, conditions):
    """What a strategic merge and a server-side apply do with a list whose key is the type."""
    status = item.setdefault("status", {})
    mine = {condition["type"]: condition for condition in conditions}
    former = [condition for condition in status.get("conditions", []) if condition["type"] not in mine]
    status["conditions"] = former + list(mine.values())


def patch_list(item, patch):
    """A JSON patch of tests and removals; False: a test fails."""
    for step in patch:
        *parents, last = step["path"].strip("/").split("/")
        value = item
        for part in parents:
            value = value[int(part) if isinstance(value, list) else part]
        at = int(last) if isinstance(value, list) else last
        if isinstance(value, list) and at >= len(value):
            return False
        if step["op"] == "test" and value[at] != step["value"]:
            return False
        if step["op"] == "remove":
            del value[at]
    return True


def write(api, method, path, content_type, body):
    """Status and answer of a request that changes something."""
    if method == "POST" and path.endswith("/events"):
        key = path.split("/")[-2], body["metadata"]["name"]
        if body["metadata"]["namespace"] != key[0]:
            return 400, status_object(400, "the namespace differs")
        if key in api.events:
            return 409, status_object(409, "already exists")
        api.events[key] = body
        return 201, body
    place = place_of(path.removesuffix("/status"))
    item = place and copy.deepcopy(api.objects[place[0]].get(place[1]))
    if method != "PATCH" or not item:
        return 404, status_object(404, "not found")
    merging = ("application/strategic-merge-patch+json", "application/apply-patch+yaml")
    if path.endswith("/status") and content_type in merging:
        merge_conditions(item, body["status"]["conditions"])
    elif content_type != "application/json-patch+json" or not patch_list(item, body):
        return 422, status_object(422, "the patch does not apply")
    api.change(place[0], item)
    return 200, api.whole(*place)
