# SPDX-License-Identifier: Apache-2.0
"""Kubernetes and what goes with it, built from Go modules into a cache directory.

A second run finds everything there. What is built is named by its version, so that another version
here is another directory.
"""

import json
import os
import re
import shutil
import subprocess
import textwrap

import without_sctp

KUBERNETES, ETCD, COREDNS, HELM = "v1.34.1", "v3.6.5", "v1.12.4", "v3.18.6"
CYCLONUS = "v0.5.6"
# Releases of the network-policy-api: the last with AdminNetworkPolicy, and one with ClusterNetworkPolicy.
POLICY_APIS = ("v0.1.1", "v0.3.0")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir-test-cluster")
BIN = f"{CACHE}/bin-{KUBERNETES}"
PARTS = ("cmd/kubelet", "cmd/kube-apiserver", "cmd/kube-controller-manager", "cmd/kube-scheduler", "cmd/kubectl",
         "test/images/agnhost", "test/images/regression-issue-74839")
# What agnhost's image has beside the program.
AGNHOST_FILES = ("localhost.crt", "localhost.key")
ETCD_MAIN = """\
package main

import (
\t"os"

\t"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
"""


class BuildFailed(Exception):
    """A Go program could not be built; the text is what the tool said last."""


def _go(*words, cwd=None, mod=True):
    flags = "-trimpath -buildvcs=false" + (" -mod=mod" if mod else "")
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": flags, "GOBIN": BIN}
    # It shares the machine with whoever works on it.
    done = subprocess.run(["nice", "go", *words], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"go {' '.join(words)}: {done.stderr[-2000:]}")
    return done.stdout


def _stamp():
    """Linker options: no symbols, and the version that servers and nodes tell."""
    major, minor = KUBERNETES.lstrip("v").split(".")[:2]
    values = {"component-base/version.gitVersion": KUBERNETES, "component-base/version.gitMajor": major,
              "component-base/version.gitMinor": minor, "component-base/version.gitTreeState": "clean",
              "client-go/pkg/version.gitVersion": KUBERNETES}
    return "-s -w " + " ".join(f"-X k8s.io/{name}={value}" for name, value in values.items())


def _go_mod(source):
    """Of a module that depends on Kubernetes, whose staging modules are releases of their own."""
    with open(f"{source}/go.mod", encoding="utf-8") as file:
        text = file.read()
    staging = sorted(set(re.findall(r"^\s*(k8s\.io/\S+) => \./staging", text, re.MULTILINE)))
    go = re.search(r"^go (\S+)", text, re.MULTILINE)[1]
    ginkgo = re.search(r"^\s*github\.com/onsi/ginkgo/v2 (\S+)", text, re.MULTILINE)[1]
    replacements = "\n".join(f"\t{name} => {name} {KUBERNETES.replace('v1', 'v0', 1)}" for name in staging)
    return textwrap.dedent(f"""\
        module weir-test-cluster/kubernetes

        go {go}

        godebug default=go{'.'.join(go.split('.')[:2])}

        require (
        \tk8s.io/kubernetes {KUBERNETES}
        \tgithub.com/onsi/ginkgo/v2 {ginkgo}
        )

        replace (
        """) + replacements + "\n)\n"


def _missing(*names):
    return [name for name in names if not os.path.exists(f"{BIN}/{name}")]


def _workplace(name):
    path = f"{CACHE}/src-{KUBERNETES}/{name}"
    os.makedirs(path, exist_ok=True)
    return path


def _source(module):
    """Directory of a module with its version, as it was published."""
    return json.loads(_go("mod", "download", "-json", module, mod=False, cwd="/"))["Dir"]


def _kubernetes_source():
    return _source(f"k8s.io/kubernetes@{KUBERNETES}")


def _kubernetes_place():
    """A module in which parts of Kubernetes can be built."""
    place = _workplace("kubernetes")
    if not os.path.exists(f"{place}/go.mod"):
        text = _go_mod(_kubernetes_source())
        with open(f"{place}/go.mod", "w", encoding="utf-8") as file:
            file.write(text)
    return place


def _kubernetes(say):
    missing = _missing(*[part.rsplit("/", maxsplit=1)[1] for part in PARTS])
    if missing:
        say(f"building Kubernetes {KUBERNETES}")
        packages = [f"k8s.io/kubernetes/{part}" for part in PARTS if part.rsplit("/", maxsplit=1)[1] in missing]
        _go("install", "-ldflags", _stamp(), *packages, cwd=_kubernetes_place())
    for name in _missing(*AGNHOST_FILES):
        shutil.copyfile(f"{_kubernetes_source()}/test/images/agnhost/porter/{name}", f"{BIN}/{name}")


def _suites(say):
    place = _kubernetes_place()
    if _missing("e2e.test"):
        say("building the end-to-end tests of Kubernetes")
        _go("test", "-vet=off", "-c", "-ldflags", _stamp(), "-o", f"{BIN}/e2e.test", "k8s.io/kubernetes/test/e2e", cwd=place)
    if _missing("ginkgo"):
        _go("install", "-ldflags", "-s -w", "github.com/onsi/ginkgo/v2/ginkgo", cwd=place)


def _etcd(say):
    if not _missing("etcd"):
        return
    say(f"building etcd {ETCD}")
    place = _workplace("etcd")
    with open(f"{place}/main.go", "w", encoding="ascii") as file:
        file.write(ETCD_MAIN)
    if not os.path.exists(f"{place}/go.mod"):
        _go("mod", "init", "weir-test-cluster/etcd", cwd=place)
    _go("get", f"go.etcd.io/etcd/server/v3@{ETCD}", cwd=place)
    _go("build", "-ldflags", "-s -w", "-o", f"{BIN}/etcd", ".", cwd=place)


def _plain(say, name, package):
    if _missing(name):
        say(f"building {name}")
        _go("install", "-ldflags", "-s -w", package, mod=False, cwd="/")


def policy_api_test(version):
    """The conformance suite of a release of the network-policy-api."""
    return f"policy-api-{version}.test"


def policy_api_place(version):
    """Its source, in which what needs SCTP sockets is taken out."""
    return _workplace(f"policy-api-{version}")


def _policy_api(say, version):
    if not _missing(policy_api_test(version)):
        return
    say(f"building the conformance suite of network-policy-api {version}")
    place = policy_api_place(version)
    shutil.rmtree(place)
    shutil.copytree(_source(f"sigs.k8s.io/network-policy-api@{version}"), place, copy_function=shutil.copyfile)
    try:
        without_sctp.change(f"{place}/conformance")
    except without_sctp.NoSuchCode as error:
        raise BuildFailed(f"network-policy-api {version}: {error}") from None
    _go("test", "-c", "-ldflags", "-s -w", "-o", f"{BIN}/{policy_api_test(version)}", "./conformance", cwd=place)


def _policy_apis(say):
    for version in POLICY_APIS:
        _policy_api(say, version)


# Of each suite; those that are not here are of e2e.test.
_NEEDED = {
    "own": lambda say: _plain(say, "helm", f"helm.sh/helm/v3/cmd/helm@{HELM}"),
    "cyclonus": lambda say: _plain(say, "cyclonus", f"github.com/mattfenwick/cyclonus/cmd/cyclonus@{CYCLONUS}"),
    "policy-api": _policy_apis,
    "none": lambda say: None,
}


def build(say, suites):
    """What a cluster needs, and what the suites need as well. say(text) is told what takes long."""
    if not shutil.which("go"):
        raise BuildFailed("go is not installed: Kubernetes is built from its modules (Go 1.24 or newer)")
    os.makedirs(BIN, exist_ok=True)
    _etcd(say)
    _plain(say, "coredns", f"github.com/coredns/coredns@{COREDNS}")
    _kubernetes(say)
    for suite in suites:
        _NEEDED.get(suite, _suites)(say)
