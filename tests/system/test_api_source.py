# SPDX-License-Identifier: Apache-2.0
"""The API source, alone, against an API server that misbehaves in every way it can."""

import json
import subprocess
import threading

import pytest

from fake_api import KINDS, OPTIONAL, FakeApi, cut_page, events, garbage, hang, refuse, status_object
from weir import BUILD, wait_for

PROBE = f"{BUILD}/tests/system/weir-api-probe"
# Milliseconds. A stall is far longer than the server's bookmarks are apart.
TIMES = {"retry_min": 20, "retry_max": 200, "absent": 200, "watch": 60000, "stall": 2000}
REQUIRED = [plural for plural in KINDS if plural not in OPTIONAL]


class Source:
    """A running probe. last is what it printed last."""

    def __init__(self, *servers, kubeconfig="-", state="-", pod_dir="/nowhere", env=None, **times):
        times = [str({**TIMES, **times}[name]) for name in TIMES]
        self.process = subprocess.Popen([PROBE, kubeconfig, state, pod_dir, *times, *servers], text=True, env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines, self.last = 0, {}
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.last = json.loads(line)
            self.lines += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends it; whatever a sanitizer has to say is a failure."""
        try:
            self.process.stdin.close()
            status = self.process.wait(20)
            self.reader.join(20)
            assert not status, self.process.stderr.read()
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()

    def has(self, *objects):
        wait_for(lambda: set(objects) <= set(self.last["objects"]), f"{objects} are known, not {self.last}")

    def lacks(self, *objects):
        wait_for(lambda: not set(objects) & set(self.last["objects"]), f"{objects} are gone, not {self.last}")

    def is_exactly(self, *objects):
        wait_for(lambda: sorted(self.last["objects"]) == sorted(objects), f"exactly {objects}, not {self.last}")

    def synced(self):
        wait_for(lambda: self.last["synced"], f"synced, not {self.last}")

    def problem(self, text):
        return wait_for(lambda: next((p for p in self.last["problems"] if text in p["text"]), None),
                        f"a problem about {text!r}, not {self.last}")

    def no_problems(self):
        wait_for(lambda: not self.last["problems"], f"no problems, not {self.last}")


@pytest.fixture
def api():
    with FakeApi() as server:
        server.put("namespaces", "", "shop", labels={"kubernetes.io/metadata.name": "shop"})
        server.put("pods", "shop", "front", labels={"app": "front"}, spec={"nodeName": "n1", "containers": []},
                   status={"podIPs": [{"ip": "10.0.0.7"}]})
        server.put("networkpolicies", "shop", "deny", spec={"podSelector": {}, "policyTypes": ["Ingress"]})
        yield server


FIRST = ("Namespace shop", "Pod shop/front", "NetworkPolicy shop/deny")


def put_pod(api, name, address="10.0.0.9"):
    api.put("pods", "shop", name, spec={"nodeName": "n1", "containers": []}, status={"podIPs": [{"ip": address}]})


def test_lists_and_watches(api):
    with Source(api.url) as source:
        source.is_exactly(*FIRST)
        source.synced()
        put_pod(api, "back")
        source.has("Pod shop/back")
        api.delete("networkpolicies", "shop", "deny")
        source.lacks("NetworkPolicy shop/deny")
        source.no_problems()
        assert source.last["kinds"]["adminnetworkpolicies"]["synced"]
    assert api.asked("list", "pods") == [{"limit": "500"}]
    watch = api.asked("watch", "pods")[0]
    assert watch["allowWatchBookmarks"] == "true" and 30 <= int(watch["timeoutSeconds"]) <= 60
