# SPDX-License-Identifier: Apache-2.0
"""The API source when servers are away: the copy on the disk, and the next server."""

import pytest

from fake_api import FakeApi, cut_page
from test_api_source import FIRST, Source, api, put_pod  # noqa: F401 (api is a fixture)
from weir import wait_for


def serve_again(api):
    """A server at the same address, with the same objects."""
    again = FakeApi(api.address)
    with api.lock, again.lock:
        again.objects, again.version = api.objects, api.version
    return again


def test_without_a_server_the_last_state_is_known(api, tmp_path):
    with Source(api.url, state=tmp_path) as source:
        source.synced()
        put_pod(api, "back")
        put_pod(api, "gone")
        source.has("Pod shop/back", "Pod shop/gone")
        api.delete("pods", "shop", "gone")
        source.lacks("Pod shop/gone")
    api.close()
    with Source(api.url, state=tmp_path) as source:
        assert wait_for(lambda: source.last, "a first line")["ready"]
        source.is_exactly(*FIRST, "Pod shop/back")
        assert source.problem("Connection refused")["warning"] and not source.last["synced"]
    with open(tmp_path / "api" / "pods", encoding="utf-8") as file:
        assert "managedFields" not in file.read()


def test_without_a_server_and_a_copy_nothing_is_ready(tmp_path):
    with Source("http://127.0.0.1:9", state=tmp_path) as source:
        assert not source.problem("Connection refused")["warning"] and not source.last["ready"]


def test_what_changed_meanwhile_is_found_out(api, tmp_path):
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    put_pod(api, "back")
    api.delete("pods", "shop", "front")
    with Source(api.url, state=tmp_path) as source:
        source.is_exactly("Namespace shop", "NetworkPolicy shop/deny", "Pod shop/back")
    api.close()
    with Source(api.url, state=tmp_path) as source:
        source.is_exactly("Namespace shop", "NetworkPolicy shop/deny", "Pod shop/back")


def test_a_deletion_is_written_at_once(api, tmp_path):
    """Also when a list told of it: whoever is killed then does not bring the object back."""
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    api.delete("pods", "shop", "front")
    with Source(api.url, state=tmp_path) as source:
        source.lacks("Pod shop/front")
        wait_for(lambda: " -shop/front\n" in (tmp_path / "api" / "pods").read_text(), "the deletion is in the copy")


def damage(text, line):
    lines = text.splitlines(keepends=True)
    lines[line] = lines[line].replace("shop", "shoq")
    return "".join(lines)


@pytest.mark.parametrize("harm, ready", (
    (lambda text: text[:-7], True), (lambda text: damage(text, 1), True), (lambda text: text + "x", True),
    (lambda text: text.replace("weir-api 1", "weir-api 2"), False), (lambda text: "", False),
))
def test_a_damaged_copy(api, tmp_path, harm, ready):
    """What can be read of it counts; a file of another version is none."""
    put_pod(api, "a")
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    path = tmp_path / "api" / "pods"
    text = harm(path.read_text())
    path.write_text(text)
    url = api.url
    api.close()
    with Source(url, state=tmp_path) as source:
        assert wait_for(lambda: source.last, "a first line")["ready"] == ready
        assert len([o for o in source.last["objects"] if o.startswith("Pod")]) == (ready and 1 + text.endswith("x"))
        assert not ready or source.problem("of the copy cannot be read")["file"] == str(path)
    with serve_again(api) as again, Source(url, state=tmp_path) as source:
        source.synced()
        put_pod(again, "b")
        source.has("Pod shop/b")
    with Source(url, state=tmp_path) as source:
        source.is_exactly(*FIRST, "Pod shop/a", "Pod shop/b")


def test_a_copy_that_cannot_be_written(api, tmp_path):
    (tmp_path / "api").write_text("a file")
    with Source(api.url, state=tmp_path, watch=1000) as source:
        assert source.problem("the copy for the next start cannot be kept")["warning"]
        source.is_exactly(*FIRST)
        (tmp_path / "api").unlink()
        source.no_problems()
        assert (tmp_path / "api" / "pods").exists()


def test_what_cannot_be_read_any_more_is_in_the_copy(api, tmp_path):
    """A first list that is cut, and a second one in which an object of it cannot be used."""
    put_pod(api, "z")

    def fault(handler, plural, query):
        cut_page(0.95)(handler, plural, query)
        api.put("pods", "shop", "front", labels={"app": 7}, spec={"nodeName": "n1", "containers": []}, status={})
    api.misbehave("list", "pods", fault)
    with Source(api.url, state=tmp_path) as source:
        source.synced()
        assert source.problem("its former version stays in force")["object"] == "Pod shop/front"
        source.is_exactly(*FIRST, "Pod shop/z")
    api.close()
    with Source(api.url, state=tmp_path) as source:
        source.is_exactly(*FIRST, "Pod shop/z")


def test_a_policy_that_was_never_read_isolates_from_the_copy(api, tmp_path):
    with Source(api.url, state=tmp_path) as source:
        source.synced()
        api.put("networkpolicies", "shop", "huge", spec={"podSelector": {}, "ingress": [{"ports": [{}] * 100000}]})
        source.has("NetworkPolicy shop/huge")
    api.close()
    with Source(api.url, state=tmp_path) as source:
        source.is_exactly(*FIRST, "NetworkPolicy shop/huge")


# Whose copy it is


def test_a_copy_from_other_servers_is_not_used(api, tmp_path):
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    with Source("http://127.0.0.1:9", state=tmp_path) as source:
        assert source.problem("they came from other servers")["file"] == str(tmp_path / "api" / "cluster")
        assert not source.last["ready"] and not source.last["objects"]
    # Nothing was heard there, so it is still the copy of the first one.
    api.close()
    with Source(api.url, state=tmp_path) as source:
        source.is_exactly(*FIRST)
        assert source.last["ready"]


def test_what_other_servers_say_takes_the_place_of_the_copy(api, tmp_path):
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    with FakeApi() as other:
        other.put("namespaces", "", "other")
        with Source(other.url, state=tmp_path) as source:
            source.synced()
            source.is_exactly("Namespace other")
            source.no_problems()
    with Source(other.url, state=tmp_path) as source:
        source.is_exactly("Namespace other")
    api.close()
    with Source(api.url, state=tmp_path) as source:
        source.problem("they came from other servers")
        assert not source.last["ready"] and not source.last["objects"]


def test_a_cluster_that_was_made_anew_at_the_same_address(api, tmp_path):
    """Its kube-system has another UID: nothing of the former one's counts until all is listed."""
    api.put("namespaces", "", "kube-system", uid="aaaa-1")
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    assert "uid aaaa-1\n" in (tmp_path / "api" / "cluster").read_text()
    api.delete("pods", "shop", "front")
    api.delete("networkpolicies", "shop", "deny")
    api.put("namespaces", "", "kube-system", uid="bbbb-2")
    api.forbidden = {"networkpolicies"}
    with Source(api.url, state=tmp_path) as source:
        source.problem("kube-system has another UID")
        wait_for(lambda: not source.last["ready"], "the former policies do not count")
        assert not (tmp_path / "api" / "cluster").exists()
        api.forbidden = set()
        source.synced()
        source.is_exactly("Namespace kube-system", "Namespace shop")
        source.no_problems()
        assert source.last["ready"]
    assert "uid bbbb-2\n" in (tmp_path / "api" / "cluster").read_text()
    api.close()
    with Source(api.url, state=tmp_path) as source:
        source.is_exactly("Namespace kube-system", "Namespace shop")


def test_a_copy_of_a_former_version_that_is_nobody_s(api, tmp_path):
    with Source(api.url, state=tmp_path) as source:
        source.synced()
    (tmp_path / "api" / "cluster").unlink()
    with Source(api.url, state=tmp_path) as source:
        source.synced()
        source.problem("not known of which cluster")
        source.no_problems()
    assert (tmp_path / "api" / "cluster").exists()


# Several servers


def test_the_next_server_takes_over(api):
    """Watches move on from where they were."""
    with FakeApi() as other:
        with api.lock, other.lock:
            other.objects, other.history, other.version = api.objects, api.history, api.version
        with Source("http://127.0.0.1:9", api.url, other.url) as source:
            source.synced()
            assert source.last["server"] == api.url
            api.cut()
            api.close()
            put_pod(other, "late")
            source.is_exactly(*FIRST, "Pod shop/late")
            wait_for(lambda: source.last["server"] == other.url, "the other server")
            source.no_problems()
        assert not other.asked("list", "pods")
