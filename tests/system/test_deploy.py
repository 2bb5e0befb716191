# SPDX-License-Identifier: Apache-2.0
"""docs/kubernetes: what weir.yaml and the chart say fits together, and fits the programs."""

import re

import pytest
import yaml

import weir
from fake_api import KINDS
from weir import REPO, run

PLACE = f"{REPO}/docs/kubernetes"
CHART = f"{PLACE}/helm/weir"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@pytest.fixture(scope="module", name="objects")
def by_kind():
    """Kind -> the one object of it."""
    found = [item for item in yaml.safe_load_all(read(f"{PLACE}/weir.yaml")) if item]
    kinds = {item["kind"]: item for item in found}
    assert len(kinds) == len(found)
    return kinds


@pytest.fixture(scope="module", name="pod")
def pod_spec(objects):
    return objects["DaemonSet"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module", name="config")
def agent_config(objects):
    return yaml.safe_load(objects["ConfigMap"]["data"]["weir.yaml"])


def containers(pod):
    return pod["initContainers"] + pod["containers"]


def test_objects_refer_to_each_other(objects, pod):
    account, binding = objects["ServiceAccount"]["metadata"], objects["ClusterRoleBinding"]
    assert binding["roleRef"]["name"] == objects["ClusterRole"]["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account["name"],
                                    "namespace": account["namespace"]}]
    assert pod["serviceAccountName"] == account["name"]
    for kind in ("ConfigMap", "DaemonSet"):
        assert objects[kind]["metadata"]["namespace"] == account["namespace"]
    spec = objects["DaemonSet"]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_every_volume_is_there_and_is_used(objects, pod):
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    used = {mount["name"] for container in containers(pod) for mount in container["volumeMounts"]}
    assert used == set(volumes)
    assert volumes["config"]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]


def test_the_agent_may_read_every_kind_that_it_asks_for(objects):
    rules = objects["ClusterRole"]["rules"]
    for plural, (path, _, _) in KINDS.items():
        group = path.split("/")[2] if path.startswith("/apis/") else ""
        assert any(group in rule["apiGroups"] and plural in rule["resources"] and
                   {"list", "watch"} <= set(rule["verbs"]) for rule in rules), plural


def test_the_agent_may_do_what_is_documented_and_nothing_else(objects):
    [documented] = re.findall(r"```yaml\n(apiVersion: rbac.*?)```", read(f"{REPO}/docs/operations.md"), re.DOTALL)
    role = yaml.safe_load(documented)
    assert objects["ClusterRole"]["rules"] == role["rules"]
    assert not any("*" in rule[part] for rule in role["rules"] for part in ("apiGroups", "resources", "verbs"))


def test_the_configuration_is_one_that_the_agent_takes(config, nodes, tmp_path):
    node = nodes(start=False)
    path = tmp_path / "weir.yaml"
    path.write_text(yaml.safe_dump({**config, "cni-conf": str(tmp_path / "05-weir.conflist")}))
    run(*node.net.enter(weir.AGENT, "--config", path, "--cleanup", "--state-dir", node.state, "--run-dir",
                        node.run_dir, "--bpffs", node.bpffs))


def test_what_the_agent_uses_is_mounted_where_it_looks(config, pod):
    [agent] = pod["containers"]
    mounts = {mount["mountPath"]: mount for mount in agent["volumeMounts"]}
    help_text = " ".join(run(weir.AGENT, "--help").split())
    for option in ("state-dir", "run-dir"):
        assert re.search(rf"--{option}=DIR.*?\(default (\S+)\)", help_text)[1] in mounts
    assert config["cni-conf"].rsplit("/", maxsplit=1)[0] in mounts
    # Pins have to outlive the container, also where the agent had to mount the file system.
    assert mounts["/sys/fs/bpf"]["mountPropagation"] == "Bidirectional"
    assert agent["securityContext"]["privileged"]
    assert agent["readinessProbe"]["httpGet"]["port"] == int(config["health-address"].rsplit(":", maxsplit=1)[1])


def test_what_is_started_is_in_the_image(pod):
    script = read(f"{REPO}/scripts/image.py")
    [install], [agent] = pod["initContainers"], pod["containers"]
    for program in (install["command"][0], agent["livenessProbe"]["exec"]["command"][0]):
        assert f'"{program}"' in script
    assert install["command"][1:] == ["--install", install["volumeMounts"][0]["mountPath"]]


def test_versions_agree(pod):
    version = re.search(r"^\s*version: '(.*)'", read(f"{REPO}/meson.build"), re.MULTILINE)[1]
    assert {container["image"] for container in containers(pod)} == {f"localhost/weir:{version}"}
    chart = yaml.safe_load(read(f"{CHART}/Chart.yaml"))
    assert (chart["version"], chart["appVersion"]) == (version, version)


def leaves(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict) and value and key != "resources":
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def test_every_value_of_the_chart_is_used_and_there():
    templates = "".join(read(f"{CHART}/templates/{name}.yaml") for name in ("access", "config", "daemonset"))
    used = set(re.findall(r"\.Values\.([\w.]+)", templates))
    assert used == set(leaves(yaml.safe_load(read(f"{CHART}/values.yaml"))))
