# SPDX-License-Identifier: Apache-2.0
"""podman with its CNI back end, with configuration and storage of its own.

The demonstration and the system tests start their containers with it. The image is made from
local files: nothing is pulled.
"""

import json
import os
import resource
import shutil
import subprocess
import tempfile

from demolib.node import Failed, in_netns, remove_cgroups, run

IMAGE = "localhost/weir-demo"
# What starts containers depends on how the machine arranges its cgroups: the first that can.
KINDS = (("crun", ()), ("runc", ()), ("crun", ("--cgroups=disabled",)))


def make_rootfs(rootfs, build):
    """The content of images: busybox and the probe."""
    os.makedirs(f"{rootfs}/bin")
    os.makedirs(f"{rootfs}/tmp")
    shutil.copy("/bin/busybox", f"{rootfs}/bin/busybox")
    shutil.copy(f"{build}/tests/probe/weir-probe", f"{rootfs}/bin/weir-probe")
    for name in ("sh", "true", "ping", "nc", "wget", "ip", "nslookup", "sleep"):
        os.symlink("busybox", f"{rootfs}/bin/{name}")


class Podman:
    """@prefix names its cgroups; @directory is made here and removed with its parent."""

    name = "podman"

    def __init__(self, netns, directory, build, prefix):
        self.netns, self.dir, self.build, self.prefix = netns, directory, build, prefix
        self.oci_runtime, self.run_options = KINDS[0]

    def command(self, *words):
        return [*in_netns(self.netns), "podman", "--root", f"{self.dir}/root",
                "--runroot", f"{self.dir}/runroot", "--cgroup-manager", "cgroupfs",
                "--runtime", self.oci_runtime, *words]

    def environment(self):
        return dict(os.environ, CONTAINERS_CONF=f"{self.dir}/containers.conf")

    def podman(self, *words, **options):
        return run(*self.command(*words), env=self.environment(), **options).stdout

    def prepare(self, conflists):
        """Raises Failed when no container can run here."""
        if not shutil.which("podman"):
            raise Failed("podman is not installed")
        os.makedirs(f"{self.dir}/net.d")
        self._configure()
        for conflist in conflists:
            with open(f"{self.dir}/net.d/{conflist['name']}.conflist", "w",
                      encoding="utf-8") as file:
                json.dump(conflist, file, indent=1)
        self._import_image()
        self._choose_kind()

    def _configure(self):
        open_files = min(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        processes = min(1024, resource.getrlimit(resource.RLIMIT_NPROC)[1])
        with open(f"{self.dir}/containers.conf", "w", encoding="utf-8") as file:
            # podman asks for more than an unprivileged machine may give.
            file.write('[containers]\ndefault_ulimits = '
                       f'["nofile={open_files}:{open_files}", "nproc={processes}:{processes}"]\n'
                       '[network]\nnetwork_backend = "cni"\n'
                       f'cni_plugin_dirs = ["{self.build}/cni", "/usr/lib/cni"]\n'
                       f'network_config_dir = "{self.dir}/net.d"\n'
                       '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')

    def _choose_kind(self):
        for kind in KINDS:
            self.oci_runtime, self.run_options = kind
            try:
                self.podman("run", "--rm", "--network", "none", *self.options(), IMAGE,
                            "/bin/true")
                return
            except Failed as error:
                last = error
        raise last

    def _import_image(self):
        with tempfile.TemporaryDirectory(dir=self.dir) as rootfs:
            make_rootfs(rootfs, self.build)
            with subprocess.Popen(["tar", "-C", rootfs, "-c", "."], stdout=subprocess.PIPE) as tar:
                self.podman("import", "-", IMAGE, stdin=tar.stdout)

    def options(self):
        if "--cgroups=disabled" in self.run_options:
            return self.run_options
        return (*self.run_options, "--cgroup-parent", f"/{self.prefix}")

    def run(self, name, network, *words, options=()):
        """Starts a container in the background; its process id."""
        self.podman("run", "-d", "--name", name, "--hostname", name, "--network", network,
                    *self.options(), *options, IMAGE, *words)
        return self.pid(name)

    def pid(self, name):
        return self.podman("inspect", "-f", "{{.State.Pid}}", name).strip()

    def stop(self):
        if os.path.exists(f"{self.dir}/containers.conf"):
            self.podman("rm", "-f", "-t", "0", "-a", check=False)
        # conmon has a podman clean up behind it, which mounts the storage once more.
        remove_cgroups(self.prefix)
        run("umount", "-R", f"{self.dir}/root/overlay", check=False)
