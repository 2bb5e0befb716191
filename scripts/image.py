# SPDX-License-Identifier: Apache-2.0
"""Makes the container image of weir from built programs; started by scripts/image."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

from imagelib import oci, tree

MIB = 1 << 20
# Where volumes are mounted, so that none has to be made in an image that is read-only. The last
# one is where libcurl looks for authorities that no kubeconfig names.
DIRECTORIES = ("/dev", "/proc", "/sys", "/tmp", "/run/weir", "/var/run", "/var/lib/weir",
               "/etc/weir", "/etc/cni/net.d", "/host/cni/bin", "/etc/ssl/certs")
AGENT, COMMAND, PLUGIN = "/usr/sbin/weir-agent", "/usr/bin/weir", "/opt/cni/bin/weir-cni"


def version_of(program):
    """The version that a program of weir prints."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[1]


def programs(build, plugin):
    """Where they lie in the image, and where they are now."""
    found = {AGENT: f"{build}/agent/weir-agent", COMMAND: f"{build}/agent/weir", PLUGIN: plugin}
    # Masquerade and host ports are written with it.
    found["/usr/sbin/nft"] = shutil.which("nft") or sys.exit("scripts/image: nft is not installed")
    return found


def check(root, version):
    """Runs the programs in their root directory, where nothing else is."""
    for program in (AGENT, COMMAND, PLUGIN):
        done = subprocess.run(["chroot", root, program, "--version"],
                              capture_output=True, text=True, check=False)
        wanted = f"{os.path.basename(program)} {version}\n"
        if done.returncode or done.stdout != wanted:
            said = (done.stdout + done.stderr).strip()
            sys.exit(f"scripts/image: {program} says {said!r}, not {wanted.strip()!r}")
    print(f"checked: the programs of the image run without anything else and are {version}")


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/image")
    parser.add_argument("--build", required=True)
    parser.add_argument("--plugin", required=True)
    parser.add_argument("--output")
    parser.add_argument("--name")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(argv)
    if args.name and not re.search(r"[^/]:[\w.-]+$", args.name):
        parser.error(f"--name: {args.name!r} has no tag")
    return args


def main(argv):
    args = parse(argv)
    version = version_of(f"{args.build}/agent/weir")
    output, name = args.output or f"{args.build}/weir.tar", args.name or f"localhost/weir:{version}"
    with tempfile.TemporaryDirectory(prefix="weir-image-") as scratch:
        root = f"{scratch}/root"
        tree.fill(root, programs(args.build, args.plugin), DIRECTORIES)
        for path in (AGENT, COMMAND, PLUGIN):
            subprocess.run(["strip", "--strip-unneeded", root + path], check=True)
        if args.check:
            check(root, version)
        size = oci.write(output, root, [name], {
            "Entrypoint": [AGENT], "Env": ["PATH=/usr/sbin:/usr/bin"],
            "Labels": {"org.opencontainers.image.title": "weir",
                       "org.opencontainers.image.version": version,
                       "org.opencontainers.image.licenses": "Apache-2.0"}})
        unpacked = tree.bytes_of(root)
    print(f"{output}: image {name}, {size / MIB:.1f} MiB, {unpacked / MIB:.1f} MiB unpacked")


main(sys.argv[1:])
