# SPDX-License-Identifier: Apache-2.0
"""Images that the nodes need, from programs of this machine: the pause of pods and those of the suites."""

import os
import shutil
import subprocess
import sys

import builds
from machine import DIR, Failed

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))
from imagelib import oci, tree  # noqa: E402  pylint: disable=wrong-import-position

REGISTRY = "registry.k8s.io"
PAUSE, AGNHOST = f"{REGISTRY}/pause:3.10.1", f"{REGISTRY}/e2e-test-images/agnhost:2.56"
BUSYBOX = f"{REGISTRY}/e2e-test-images/busybox:1.37.0-1"
CONNTRACK_SERVER = f"{REGISTRY}/e2e-test-images/regression-issue-74839:1.2"
# Those that start with agnhost, and those that start what they are told to.
# Older ones are what suites beside upstream's ask for.
WITH_AGNHOST = (PAUSE, AGNHOST, *[AGNHOST.replace("2.56", version) for version in ("2.43", "2.45")])
WITH_SHELL = (BUSYBOX, f"{REGISTRY}/e2e-test-images/jessie-dnsutils:1.7")
PROGRAMS = {"/bin/bash": "bash", "/bin/sh": "bash", "/bin/nc": "nc.openbsd", "/usr/bin/curl": "curl",
            "/usr/bin/dig": "dig", "/usr/bin/nslookup": "nslookup", "/sbin/ip": "ip", "/usr/bin/getent": "getent",
            "/usr/bin/wget": "wget", "/usr/sbin/conntrack": "conntrack"}
# busybox' shell prefers its own nc, which lacks -v, and its wget crashes on look-ups when it is static.
NOT_BUSYBOX = {"sh", "ash", "nc", "wget", "ip", "nslookup"}


def _find(name):
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") or None


def _fill(root):
    agnhost = f"{builds.BIN}/agnhost"
    found = {path: _find(name) for path, name in PROGRAMS.items()}
    for needed in ("/bin/sh", "/bin/nc", "/usr/bin/curl", "/usr/bin/dig", "/usr/bin/nslookup"):
        if not found[needed]:
            raise Failed(f"{PROGRAMS[needed]} is not installed: the images of the suites need it")
    tree.fill(root, {"/agnhost": agnhost, "/bin/busybox": _find("busybox"),
                     **{path: file for path, file in found.items() if file}},
              ("/tmp", "/etc", "/root", "/var/run"))
    tree.fill(root, {"/coredns": f"{builds.BIN}/coredns",
                     **{f"/{name}": f"{builds.BIN}/{name}" for name in builds.AGNHOST_FILES}})
    os.chmod(f"{root}/tmp", 0o1777)
    for name in subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if name not in NOT_BUSYBOX and not os.path.exists(f"{root}/bin/{name}"):
            os.symlink("busybox", f"{root}/bin/{name}")
    with open(f"{root}/etc/passwd", "w", encoding="ascii") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    with open(f"{root}/etc/group", "w", encoding="ascii") as file:
        file.write("root:x:0:\nnogroup:x:65534:\n")


def _make_conntrack_server(archive, env):
    root, program = f"{DIR}/conntrack-root", "/regression-issue-74839"
    tree.fill(root, {program: f"{builds.BIN}{program}"})
    oci.write(archive, root, (CONNTRACK_SERVER,), {"Entrypoint": [program], "Env": env}, level=1)
    shutil.rmtree(root)


def make():
    """Archives for `ctr image import`."""
    root, env = f"{DIR}/image-root", ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    _fill(root)
    archives = [f"{DIR}/{name}.tar" for name in ("agnhost", "shell", "conntrack")]
    oci.write(archives[0], root, WITH_AGNHOST, {"Entrypoint": ["/agnhost"], "Cmd": ["pause"], "Env": env}, level=1)
    oci.write(archives[1], root, WITH_SHELL, {"Cmd": ["/bin/sh"], "Env": env}, level=1)
    shutil.rmtree(root)
    _make_conntrack_server(archives[2], env)
    return archives
