# SPDX-License-Identifier: Apache-2.0
"""The API source, alone, against an API server that misbehaves in every way it can."""

import json
import subprocess
import threading

import pytest

from fake_api import KINDS, OPTIONAL, FakeApi, cut_page, events, garbage, hang, refuse, status_object
from fake_api_http import ACCOUNT
from weir import BUILD, wait_for

PROBE = f"{BUILD}/tests/system/weir-api-probe"
# Milliseconds. A stall is far longer than the server's bookmarks are apart.
TIMES = {"retry_min": 20, "retry_max": 200, "absent": 200, "watch": 60000, "stall": 2000}
REQUIRED = [plural for plural in KINDS if plural not in OPTIONAL]


class Source:
    """A running probe. last is what it printed last, told are all problems that it ever had."""

    def __init__(self, *servers, kubeconfig="-", state="-", pod_dir="/nowhere", env=None, **times):
        times = [str({**TIMES, **times}[name]) for name in TIMES]
        self.process = subprocess.Popen([PROBE, kubeconfig, state, pod_dir, *times, *servers], text=True, env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines, self.last, self.told = 0, {}, []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.last = json.loads(line)
            self.told += [problem for problem in self.last["problems"] if problem not in self.told]
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

    def has(self, *objects):
        wait_for(lambda: set(objects) <= set(self.last["objects"]), f"{objects} are known, not {self.last}")

    def lacks(self, *objects):
        wait_for(lambda: not set(objects) & set(self.last["objects"]), f"{objects} are gone, not {self.last}")

    def is_exactly(self, *objects):
        wait_for(lambda: sorted(self.last["objects"]) == sorted(objects), f"exactly {objects}, not {self.last}")

    def synced(self):
        wait_for(lambda: self.last["synced"], f"synced, not {self.last}")

    def problem(self, text):
        """One that was told at some time."""
        return wait_for(lambda: next((p for p in self.told if text in p["text"]), None),
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


def test_a_list_in_pages(api):
    for number in range(1200):
        put_pod(api, f"p{number:04}")
    with Source(api.url) as source:
        source.synced()
        assert source.last["kinds"]["pods"]["objects"] == 1201
        pages = api.asked("list", "pods")
        assert len(pages) == 3 and [bool(page.get("continue")) for page in pages] == [False, True, True]


def test_a_page_that_aged(api):
    """410 for the rest of a list: it is listed anew, and as a whole."""
    for number in range(600):
        put_pod(api, f"p{number:04}")

    def fault(handler, plural, query):
        page = api.page(plural, query)
        api.compact()
        handler.answer(*page)
    api.misbehave("list", "pods", fault)
    with Source(api.url) as source:
        source.synced()
        assert source.last["kinds"]["pods"]["objects"] == 601
    assert [sorted(query) for query in api.asked("list", "pods")] == [["limit"], ["continue", "limit"], []]


def test_a_page_that_is_cut_is_asked_for_again(api):
    for number in range(600):
        put_pod(api, f"p{number:04}")
    api.misbehave("list", "pods", cut_page(0.7), cut_page(0.9999))
    with Source(api.url) as source:
        source.synced()
        assert source.last["kinds"]["pods"]["objects"] == 601
        source.no_problems()
    assert len(api.asked("list", "pods")) == 4


def test_a_watch_that_is_cut_resumes(api):
    """In the middle of an event: nothing of it counts, and nothing is listed again."""
    with Source(api.url) as source:
        source.synced()
        wait_for(api.watched, "all is watched")
        put_pod(api, "back")
        source.has("Pod shop/back")
        version = api.version
        before = len(api.asked("watch", "pods"))
        api.cut()
        wait_for(lambda: len(api.asked("watch", "pods")) > before, "another watch")
        assert int(api.asked("watch", "pods", before)[0]["resourceVersion"]) >= version
        put_pod(api, "late")
        source.has("Pod shop/late")
        source.is_exactly(*FIRST, "Pod shop/back", "Pod shop/late")
    assert len(api.asked("list", "pods")) == 1


def test_bookmarks_move_the_watch_on(api):
    """A quiet kind resumes from a version that is not yet forgotten."""
    with Source(api.url) as source:
        source.synced()
        wait_for(api.watched, "all is watched")
        for number in range(3):
            put_pod(api, f"p{number}")
        version = api.version
        before = len(api.asked("watch", "namespaces"))
        wait_for(lambda: source.last["version"] and source.lines, "events came")

        def moved():
            api.cut()
            queries = api.asked("watch", "namespaces", before)
            return queries and int(queries[-1]["resourceVersion"]) >= version
        wait_for(moved, "a watch of namespaces from the version of the pods", every_s=0.4)
    assert len(api.asked("list", "namespaces")) == 1


def test_a_watch_that_is_too_old_is_listed_again(api):
    """Who was away for long gets 410; what was deleted meanwhile is gone."""
    with Source(api.url) as source:
        source.synced()
        wait_for(api.watched, "all is watched")
        api.bookmarks = False
        api.misbehave("watch", "pods", refuse(500), refuse(500))
        api.cut()
        api.delete("pods", "shop", "front")
        put_pod(api, "new")
        api.compact()
        source.is_exactly("Namespace shop", "NetworkPolicy shop/deny", "Pod shop/new")
        source.no_problems()
    assert len(api.asked("list", "pods")) == 2


def test_410_as_a_status(api):
    api.misbehave("watch", "pods", refuse(410, "Expired"))
    with Source(api.url) as source:
        wait_for(api.watched, "all is watched")
        source.is_exactly(*FIRST)
    assert len(api.asked("list", "pods")) == 2


def test_410_for_ever_is_no_storm(api):
    api.misbehave("watch", "pods", *[refuse(410)] * 1000)
    with Source(api.url) as source:
        source.problem("HTTP status 410")
        wait_for(lambda: len(api.asked("watch", "pods")) >= 6, "some tries")
        with api.lock:
            times = [when for verb, plural, _, when in api.requests if (verb, plural) == ("watch", "pods")]
        # 20, 40, 80 ms, then 200 ms at most; half of each at least.
        assert times[5] - times[0] >= 0.01 + 0.02 + 0.04 + 0.08 + 0.1 - 0.01
        source.is_exactly(*FIRST)


@pytest.mark.parametrize("code", (429, 503))
def test_a_server_that_asks_to_wait(api, code):
    api.misbehave("list", "networkpolicies", refuse(code, "slow down", [("Retry-After", "1")]))
    with Source(api.url) as source:
        source.synced()
        source.is_exactly(*FIRST)
    with api.lock:
        times = [when for verb, plural, _, when in api.requests if (verb, plural) == ("list", "networkpolicies")]
    assert len(times) == 2 and times[1] - times[0] >= 1


def test_a_stalled_watch_is_noticed(api):
    with Source(api.url, stall=600) as source:
        source.synced()
        wait_for(api.watched, "all is watched")
        before = {plural: len(api.asked("watch", plural)) for plural in REQUIRED}
        api.stall()
        put_pod(api, "meanwhile")
        source.has("Pod shop/meanwhile")
        wait_for(lambda: all(len(api.asked("watch", p)) > n for p, n in before.items()), "all watches are made anew")
    assert len(api.asked("list", "pods")) == 1


def test_a_stalled_list_is_noticed(api):
    api.misbehave("list", "pods", hang)
    with Source(api.url, stall=600) as source:
        source.problem("nothing was heard")
        source.synced()
        source.is_exactly(*FIRST)
        source.no_problems()


@pytest.mark.parametrize("text", (
    "<html>not found</html>", "", "[]", "{", '{"kind":"PodList"}', '{"items":[1]}', '{"items":["x"]}', "{}{}",
    '{"kind":"Status","apiVersion":"v1","code":500}', '{"metadata":{"resourceVersion":"0"},"items":[]}',
    '{"metadata":{"resourceVersion":7},"items":[]}', "[" * 300, '{"items":' + "[" * 300,
))
def test_a_list_that_is_none(api, text):
    """It takes nothing away and is asked for again."""
    with Source(api.url) as source:
        source.synced()
        api.misbehave("list", "pods", garbage(text), garbage(text))
        api.compact()
        api.cut()
        wait_for(lambda: len(api.asked("list", "pods")) >= 4, "two lists that are none, and one that is")
        source.is_exactly(*FIRST)
        source.no_problems()


POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x", "namespace": "shop", "resourceVersion": "99999"}}


@pytest.mark.parametrize("line", (
    b"garbage\n", b"[]\n", b"7\n", b'{"type":"ADDED"}\n', b'{"type":7,"object":{}}\n', b"{}\n", b'{"type"\xff}\n',
    {"type": "ADDED", "object": {}}, {"type": "ADDED", "object": {"metadata": {"resourceVersion": "99999"}}},
    {"type": "ADDED", "object": {**POD, "kind": "Secret"}}, {"type": "RENAMED", "object": POD},
    {"type": "BOOKMARK", "object": {"metadata": {}}}, {"type": "ERROR", "object": {}},
    {"type": "ERROR", "object": status_object(500, "etcd is away")},
    {"type": "ADDED", "object": {**POD, "metadata": {**POD["metadata"], "resourceVersion": "3"}}},
))
def test_an_event_that_is_none(api, line):
    """The watch ends, and in the end all is known all the same."""
    api.misbehave("watch", "pods", events(line))
    with Source(api.url) as source:
        source.synced()
        wait_for(lambda: len(api.asked("watch", "pods")) >= 2, "another watch")
        put_pod(api, "late")
        source.is_exactly(*FIRST, "Pod shop/late")
        source.no_problems()


def test_versions_that_go_backwards(api):
    """An old event does not replace what is newer: the kind is listed again."""
    old = {"type": "DELETED", "object": {**POD, "metadata": {"name": "front", "namespace": "shop", "resourceVersion": "5"}}}
    api.misbehave("watch", "pods", events(old))
    with Source(api.url) as source:
        wait_for(lambda: len(api.asked("list", "pods")) == 2 and api.watched(), "it is listed again")
        source.is_exactly(*FIRST)


def test_a_server_that_was_set_back(api):
    """What it says is from before what is known, and its versions are lower for a long time."""
    put_pod(api, "kept")
    former = api.snapshot()
    with Source(api.url, stall=600) as source:
        source.synced()
        for number in range(20):
            put_pod(api, f"late-{number}")
        source.has("Pod shop/late-19")
        wait_for(api.watched, "all is watched")
        api.delete("pods", "shop", "kept")
        source.lacks("Pod shop/kept")
        api.set_back(former)
        source.is_exactly(*FIRST, "Pod shop/kept")
        assert len(api.asked("list", "pods")) >= 2
        # Versions that were there before mean something else now.
        put_pod(api, "other")
        source.is_exactly(*FIRST, "Pod shop/kept", "Pod shop/other")
        source.no_problems()


@pytest.mark.parametrize("plural, policy, services", (
    ("networkpolicies", False, True), ("pods", False, True), ("services", True, False), ("endpointslices", True, False),
    ("nodes", False, False),
))
def test_a_kind_that_is_forbidden_stops_only_what_needs_it(api, plural, policy, services):
    api.forbidden = {plural}
    with Source(api.url) as source:
        problem = source.problem(f"the account {ACCOUNT} may not list {plural}: HTTP status 403: {plural} is forbidden")
        assert not problem["warning"] and problem["file"].endswith(f"/{plural}") and "before it is known" in problem["text"]
        wait_for(lambda: (source.last["policy"], source.last["services"]) == (policy, services), "what is ready")
        assert not source.last["ready"] and not source.last["synced"]
        kind = source.last["kinds"][plural]
        assert (kind["forbidden"], kind["account"]) == ("list", ACCOUNT)
        wait_for(lambda: len(api.asked("list", plural)) > 3, "it is tried again")
        api.forbidden = set()
        source.synced()
        source.no_problems()
        assert source.last["kinds"][plural]["forbidden"] == ""


def test_deletions_do_not_wait_for_what_another_need_is_refused(api, tmp_path):
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    api.delete("pods", "shop", "front")
    api.forbidden = {"services"}
    with Source(api.url, state=tmp_path) as source:
        source.lacks("Pod shop/front")
        assert not source.last["synced"] and source.last["services"], "the copy of services is used"
        assert source.problem("may not list services")["warning"]


def test_objects_that_cannot_be_used(api):
    """The others count; of one that was usable before, that version stays in force."""
    put_pod(api, "BAD_NAME")
    with Source(api.url) as source:
        source.synced()
        assert source.problem("lower case")["object"] == "Pod shop/BAD_NAME"
        api.delete("pods", "shop", "BAD_NAME")
        source.no_problems()
        api.put("networkpolicies", "shop", "deny", spec={"podSelector": {"matchLabels": {"app": 7}}})
        problem = wait_for(lambda: next((p for p in source.told if p["object"] == "NetworkPolicy shop/deny"), None),
                           "a problem of the policy")
        assert problem["file"] == "/apis/networking.k8s.io/v1/networkpolicies" and "matchLabels" in problem["field"]
        source.is_exactly(*FIRST)
        api.put("networkpolicies", "shop", "deny", spec={"podSelector": {}})
        source.no_problems()
        version = source.last["version"]
        api.put("pods", "shop", "front", labels={"app": 7}, spec={"nodeName": "n1", "containers": []}, status={})
        assert source.problem("its former version stays in force")["object"] == "Pod shop/front"
        source.is_exactly(*FIRST)
        assert source.last["version"] == version
        api.delete("pods", "shop", "front")
        source.no_problems()


def test_an_object_that_nobody_can_read_hides_no_other(api):
    def fault(handler, plural, query):
        _, body = api.page(plural, query)
        text = json.dumps(body).replace('"items": [', '"items": [{"metadata": {"name": nonsense}}, ')
        handler.answer(200, text)
    with Source(api.url) as source:
        source.synced()
        put_pod(api, "back")
        source.has("Pod shop/back")
        api.misbehave("list", "pods", fault)
        api.delete("pods", "shop", "front")
        source.lacks("Pod shop/front")
        api.compact()
        api.cut()
        source.problem("cannot be read")
        source.is_exactly("Namespace shop", "NetworkPolicy shop/deny", "Pod shop/back")


def test_text_with_nul_is_text(api):
    api.put("pods", "shop", "odd", spec={"nodeName": "n1", "containers": [], "note": "a\0b"}, status={})
    with Source(api.url) as source:
        source.is_exactly(*FIRST, "Pod shop/odd")
        source.no_problems()


def test_what_text_contains_makes_no_object_too_large(api):
    with Source(api.url) as source:
        source.is_exactly(*FIRST)
        api.put("pods", "shop", "odd", spec={"nodeName": "n1", "containers": [], "note": "{" * 200000}, status={})
        source.is_exactly(*FIRST, "Pod shop/odd")
        source.no_problems()


def put_huge(api, name):
    ports = [{"containerPort": 1}] * 100000
    api.put("pods", "shop", name, spec={"nodeName": "n1", "containers": [{"name": "c", "ports": ports}]}, status={})


def test_an_object_that_is_too_large_stands_in_nobody_s_way(api):
    with Source(api.url) as source:
        source.is_exactly(*FIRST)
        put_huge(api, "front")
        assert source.problem("its former version stays in force")["object"] == "Pod shop/front"
        put_huge(api, "new")
        put_pod(api, "back")
        source.is_exactly(*FIRST, "Pod shop/back")
        # What is missing in a list that has them is gone.
        api.misbehave("watch", "pods", lambda handler, plural, query: handler.answer(500, "down"))
        api.cut()
        api.delete("pods", "shop", "back")
        api.compact()
        source.is_exactly(*FIRST)
        source.problem("too large")
        api.delete("pods", "shop", "front")
        api.delete("pods", "shop", "new")
        source.lacks("Pod shop/front")
        source.no_problems()


def test_a_policy_that_is_too_large_isolates(api):
    with Source(api.url) as source:
        source.is_exactly(*FIRST)
        api.put("networkpolicies", "shop", "huge", spec={"podSelector": {}, "ingress": [{"ports": [{}] * 100000}]})
        assert source.problem("too large")["object"] == "NetworkPolicy shop/huge"
        source.is_exactly(*FIRST, "NetworkPolicy shop/huge")
        api.put("networkpolicies", "shop", "huge", spec={"podSelector": {}})
        source.no_problems()
        source.is_exactly(*FIRST, "NetworkPolicy shop/huge")


GUARD = {"priority": 5, "subject": {"namespaces": {}}, "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}]}


@pytest.mark.parametrize("kind, title, spec", (
    ("adminnetworkpolicies", "AdminNetworkPolicy guard", GUARD),
    ("servicecidrs", "ServiceCIDR guard", {"cidrs": ["10.96.0.0/12", "fd00:96::/112"]}),
))
def test_a_kind_appears_and_vanishes(api, kind, title, spec):
    with Source(api.url) as source:
        source.synced()
        assert source.last["kinds"][kind]["state"] == 3
        with api.lock:
            api.absent.discard(kind)
        api.put(kind, "", "guard", spec=spec)
        source.has(title)
        wait_for(lambda: api.watched(kind), "it is watched")
        with api.lock:
            api.absent.add(kind)
        api.cut()
        source.is_exactly(*FIRST)
        wait_for(lambda: source.last["kinds"][kind]["state"] == 3, "absent again")
        source.no_problems()
        with api.lock:
            api.absent.discard(kind)
        source.has(title)


def test_service_cidrs_that_are_forbidden_hold_up_nothing(api):
    api.absent.discard("servicecidrs")
    api.forbidden = {"servicecidrs"}
    with Source(api.url) as source:
        problem = source.problem(f"the account {ACCOUNT} may not list servicecidrs: HTTP status 403: servicecidrs is forbidden")
        assert "no service CIDR but those of the option" in problem["text"]
        source.synced()
        source.is_exactly(*FIRST)
        api.put("servicecidrs", "", "kubernetes", spec={"cidrs": ["10.96.0.0/12"]})
        api.forbidden = set()
        source.has("ServiceCIDR kubernetes")
        source.no_problems()


def test_one_404_takes_nothing_away(api):
    """It may be the word of a server that has just started."""
    kind = "adminnetworkpolicies"
    api.absent.discard(kind)
    api.put(kind, "", "guard", spec={"priority": 5, "subject": {"namespaces": {}}})
    with Source(api.url) as source:
        source.is_exactly(*FIRST, "AdminNetworkPolicy guard")
        wait_for(lambda: api.watched(kind), "it is watched")
        api.misbehave("watch", kind, refuse(404))
        version = source.last["version"]
        api.cut()
        wait_for(lambda: len(api.asked("list", kind)) == 2 and api.watched(kind), "it is listed again")
        assert source.last["version"] == version
        source.is_exactly(*FIRST, "AdminNetworkPolicy guard")


def test_a_builtin_kind_that_is_not_found_is_an_error(api):
    api.absent.add("networkpolicies")
    with Source(api.url) as source:
        problem = source.problem("HTTP status 404")
        assert problem["file"] == "/apis/networking.k8s.io/v1/networkpolicies" and not problem["warning"]
        assert not source.last["ready"]
        with api.lock:
            api.absent.discard("networkpolicies")
        source.synced()


def test_nothing_is_taken_away_before_all_is_listed(api, tmp_path):
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    api.delete("pods", "shop", "front")
    api.misbehave("list", "networkpolicies", *[refuse(403, "networkpolicies is forbidden")] * 3)
    with Source(api.url, state=tmp_path) as source:
        source.has(*FIRST)
        source.problem("networkpolicies is forbidden")
        wait_for(lambda: api.watched("pods"), "pods are listed")
        if not source.last["synced"]:
            assert "Pod shop/front" in source.last["objects"]
        source.lacks("Pod shop/front")
        assert source.last["synced"]
