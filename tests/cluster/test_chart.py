# SPDX-License-Identifier: Apache-2.0
"""The Helm chart renders to what weir.yaml says."""

import pytest
import yaml

import builds
from deploy import MANIFEST, REPO
from machine import Failed, run

CHART = f"{REPO}/docs/kubernetes/helm/weir"


def render(*words):
    """Name of kind and object -> object."""
    # A helm that was not built by its own makefile takes every cluster for an old one.
    text = run(f"{builds.BIN}/helm", "template", "weir", CHART, "--namespace", "kube-system",
               "--kube-version", builds.KUBERNETES, *words)
    return {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(text) if item}


def test_the_chart_is_the_manifest():
    with open(MANIFEST, encoding="utf-8") as file:
        wanted = {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(file) if item}
    assert render("--set", "apiServers={https://API-SERVER:6443}") == wanted


def test_without_an_api_server_nothing_is_rendered():
    with pytest.raises(Failed, match="apiServers"):
        render()


def test_values_arrive():
    found = render("--set", "apiServers={https://a:6443,https://b:6443}", "--set", "config.masquerade=no",
                   "--set", "image.repository=registry.example/weir", "--set", "image.tag=9", "--set",
                   "health.port=9879")
    config = yaml.safe_load(found["ConfigMap", "weir"]["data"]["weir.yaml"])
    assert config["api-server"] == ["https://a:6443", "https://b:6443"]
    assert config["masquerade"] in ("no", False)
    pod = found["DaemonSet", "weir"]["spec"]["template"]["spec"]
    assert {c["image"] for c in pod["initContainers"] + pod["containers"]} == {"registry.example/weir:9"}
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["port"] == 9879
    assert config["health-address"] == "0.0.0.0:9879"
