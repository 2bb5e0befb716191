# SPDX-License-Identifier: Apache-2.0
"""The container image: complete, the same for the same programs, and understood by runtimes."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile

import pytest

import weir
from weir import BUILD, PLUGIN, REPO, run

NAME = "localhost/weir-image-test:1"


def make(path, *words):
    return run("/usr/bin/python3", f"{REPO}/scripts/image.py", "--build", BUILD, "--plugin", PLUGIN, "--output", path,
               *words, timeout=300)


@pytest.fixture(scope="module", name="archive")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "weir.tar"
    # Every program has run in a root directory that holds nothing else.
    assert "checked:" in make(path, "--name", NAME, "--check")
    return str(path)


def read(archive, name):
    with tarfile.open(archive) as tar:
        return tar.extractfile(name).read()


def blob(archive, descriptor):
    data = read(archive, f"blobs/{descriptor['digest'].replace(':', '/')}")
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (descriptor["digest"][7:], descriptor["size"])
    return data


def test_the_same_programs_give_the_same_bytes(archive, tmp_path):
    again = tmp_path / "again.tar"
    make(again, "--name", NAME)
    with open(archive, "rb") as first, open(again, "rb") as second:
        assert first.read() == second.read()


def test_what_the_archive_says_is_in_it(archive):
    [entry] = json.loads(read(archive, "index.json"))["manifests"]
    assert NAME in entry["annotations"].values()
    manifest = json.loads(blob(archive, entry))
    [layer] = manifest["layers"]
    config = json.loads(blob(archive, manifest["config"]))
    assert blob(archive, layer)
    assert config["config"]["Entrypoint"] == ["/usr/sbin/weir-agent"]


def test_a_mistake_is_told():
    done = subprocess.run(["/usr/bin/python3", f"{REPO}/scripts/image.py", "--build", BUILD, "--plugin", PLUGIN,
                           "--name", "no-tag"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "has no tag" in done.stderr


def test_podman_loads_and_runs_it(archive):
    if not shutil.which("podman"):
        pytest.skip("not installed: podman")
    place = tempfile.mkdtemp(prefix="weir-image-")  # pytest's own is longer than podman allows
    podman = ("podman", "--root", f"{place}/root", "--runroot", f"{place}/run", "--storage-driver", "vfs",
              "--cgroup-manager", "cgroupfs")
    try:
        assert NAME in run(*podman, "load", "-i", archive)
        config = json.loads(run(*podman, "image", "inspect", NAME))[0]["Config"]
        assert config["Entrypoint"] == ["/usr/sbin/weir-agent"]
        root = run(*podman, "image", "mount", NAME).strip()
        assert run("chroot", root, "/usr/bin/weir", "--version") == run(weir.CLI, "--version")
        assert os.access(f"{root}/opt/cni/bin/weir-cni", os.X_OK)
        run(*podman, "image", "umount", "-a")
    finally:
        run(*podman, "rmi", "-f", NAME, check=False)
        shutil.rmtree(place, ignore_errors=True)
