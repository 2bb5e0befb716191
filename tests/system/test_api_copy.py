# SPDX-License-Identifier: Apache-2.0
"""The API source when servers are away: the copy on the disk, and the next server."""

import pytest

from fake_api import FakeApi
from test_api_source import FIRST, Source, api, put_pod  # noqa: F401 (api is a fixture)
from weir import wait_for


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
    with Source("http://127.0.0.1:9", state=tmp_path) as source:
        assert wait_for(lambda: source.last, "a first line")["ready"] == ready
        assert len([o for o in source.last["objects"] if o.startswith("Pod")]) == (ready and 1 + text.endswith("x"))
        assert not ready or source.problem("of the copy cannot be read")["file"] == str(path)
    with Source(url, state=tmp_path) as source:
        source.synced()
        put_pod(api, "b")
        source.has("Pod shop/b")
    with Source("http://127.0.0.1:9", state=tmp_path) as source:
        source.is_exactly(*FIRST, "Pod shop/a", "Pod shop/b")


def test_a_copy_that_cannot_be_written(api, tmp_path):
    (tmp_path / "api").write_text("a file")
    with Source(api.url, state=tmp_path, watch=1000) as source:
        assert source.problem("the copy for the next start cannot be kept")["warning"]
        source.is_exactly(*FIRST)
        (tmp_path / "api").unlink()
        source.no_problems()
        assert (tmp_path / "api" / "pods").exists()


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
