# SPDX-License-Identifier: Apache-2.0
"""Two pods that want to reach a third, and the manifests that say which of them may."""

import os
import shutil
import time

import yaml

from traffic import policy, rule
from weir import wait_for

FRONT_ONLY = [rule("from", labels={"app": "front"})]
NOBODY = []
BROKEN_YAML = "apiVersion: v1\nkind: [\n"


class Scene:
    """A front and a stranger that want to reach a back; tests change who may."""

    def __init__(self, node):
        self.node = node
        self.front, self.stranger, self.back = (
            node.add_pod("shop", name, labels={"app": name}) for name in ("front", "stranger", "back"))
        self.back.serve("tcp:80")
        self.base = set(os.listdir(node.manifests))

    def clean(self):
        """Nothing but the Pod objects stays."""
        for name in set(os.listdir(self.node.manifests)) - self.base:
            path = f"{self.node.manifests}/{name}"
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        self.node.settle()

    def path(self, name):
        return f"{self.node.manifests}/{name}"

    def reach(self):
        """Who reaches the back, over both families alike."""
        found = set()
        for pod in (self.front, self.stranger):
            results = pod.probe(*[("tcp", ip, 80) for ip in self.back.ips], timeout_ms=250)
            assert len(set(results)) == 1, f"the families differ: {results}"
            found |= {pod.pod} if results[0] == "open" else set()
        return found

    def becomes(self, change, *expected):
        """The change acts by itself, without another one that makes the agent look. Seconds it took."""
        before = self.applied()
        started = time.monotonic()
        change()
        wait_for(lambda: self.applied() > before, "the change is in force", every_s=0.001)
        took = time.monotonic() - started
        self.node.settle()  # of several files, the first may be in force before the last
        assert self.reach() == set(expected)
        return took

    def applied(self):
        return self.node.status()["policy"]["appliedVersion"]

    def problem(self, name):
        """The only problem, which is of this file; the log and `weir status` say the same of it."""
        [found] = wait_for(self.node.problems, f"a problem of {name} is reported")
        assert found["file"] == self.path(name)
        place = found["file"] + (f":{found['line']}" if found["line"] else "")
        place += f": document {found['document']}" if found["document"] else ""
        place += "".join(f": {found[part]}" for part in ("object", "field") if found[part])
        line = f"{place}: {found['text']}"
        assert line in self.node.weir("status")
        wait_for(lambda: f"{line}\n" in self.node.log_text(), "the log says it too")
        assert self.node.log_text().count(f"{line}\n") == 1
        return found

    def healthy(self):
        wait_for(lambda: not self.node.problems(), "the problem is gone")
        assert self.node.status()["healthy"]


def back_policy(ingress, name="back"):
    return policy("shop", name, {"app": "back"}, ingress=ingress)


def text_of(*objects):
    return yaml.safe_dump_all(objects, sort_keys=False)


def write_in_place(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
