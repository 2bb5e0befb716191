# SPDX-License-Identifier: Apache-2.0
"""What the cluster takes of this machine: a bridge, network namespaces, cgroups, processes, one directory.

All of it has names that begin with PREFIX, so that remove_all() takes everything back after any end of
any run, also of one that was killed. Clusters beside each other have a number each, which is in their names,
addresses and ports; lock() sees to it that no two have the same.
"""

import fcntl
import glob
import os
import shutil
import signal
import subprocess
import time

NUMBER = int(os.environ.get("WEIR_TEST_CLUSTER") or 0)  # scripts/test-cluster has looked at it
PREFIX = f"weir-tc{NUMBER or ''}"
DIR = f"/var/tmp/{PREFIX}"
LOCK = f"/run/{PREFIX}.lock"
LINK = f"weirtc{NUMBER}-" if NUMBER else "weirtc"
BRIDGE = f"{LINK}0"
CGROUPS = "/sys/fs/cgroup"
NETS = {4: f"10.250.{NUMBER}", 6: f"fd00:{250 + NUMBER}:"}
HOST_IPS = {4: f"{NETS[4]}.1", 6: f"{NETS[6]}:1"}
PREFIX_LENGTH = {4: 24, 6: 64}
DEADLINE_S = 60
CPU_SHARES = {"cpu.shares": 6 * 1024, "cpu.weight": 6 * 100}  # of v1 and v2: as six processes


class Failed(Exception):
    """A program or a wait did not end as it should."""


def run(*args, check=True, **more):
    """Text of a program's stdout; Failed with what it said otherwise."""
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 300, **more}
    done = subprocess.run([str(arg) for arg in args], check=False, **more)
    if check and done.returncode:
        raise Failed(f"{' '.join(map(str, args))}: exit {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def wait_for(condition, what, deadline_s=DEADLINE_S, every_s=0.25):
    """The first true value of condition(); a failure in it counts as "not yet"."""
    until, last = time.monotonic() + deadline_s, None
    while True:
        try:
            value = condition()
            if value:
                return value
        except (OSError, Failed, KeyError, IndexError) as error:
            last = error
        if time.monotonic() > until:
            raise Failed(f"not within {deadline_s} s: {what}" + (f" ({last})" if last else ""))
        time.sleep(every_s)


def lock():
    """A file that is held until this process ends; Failed when another run holds it."""
    file = open(LOCK, "w", encoding="ascii")  # pylint: disable=consider-using-with
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Failed(f"test cluster {NUMBER} runs on this machine; WEIR_TEST_CLUSTER=N has another") from None
    return file


# Cgroups

def _hierarchies():
    """Where cgroups can be made: every controller of v1, or v2 as a whole."""
    if os.path.exists(f"{CGROUPS}/cgroup.controllers"):
        return [CGROUPS]
    return [path for path in glob.glob(f"{CGROUPS}/*") if not os.path.islink(path) and
            os.path.exists(f"{path}/cgroup.procs") and os.path.basename(path) != "unified"]


def make_cgroup(name):
    """For the processes of a part of the cluster: /PREFIX-name in each hierarchy."""
    for hierarchy in _hierarchies():
        path = f"{hierarchy}/{PREFIX}-{name}"
        os.makedirs(path, exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if os.path.exists(f"{path}/{file}"):
                shutil.copyfile(f"{hierarchy}/{file}", f"{path}/{file}")
        # Otherwise its dozens of processes together get as much of a busy machine as any single other one.
        for file, share in CPU_SHARES.items():
            if os.path.exists(f"{path}/{file}"):
                with open(f"{path}/{file}", "w", encoding="ascii") as out:
                    out.write(str(share))
    return f"/{PREFIX}-{name}"


def _folders(topdown=True):
    """All cgroups of the cluster: those that were made, and what runtimes made of the name in v2 beside v1."""
    return [folder for hierarchy in {*_hierarchies(), f"{CGROUPS}/unified"}
            for top in glob.glob(f"{hierarchy}/{PREFIX}-*") for folder, _, _ in os.walk(top, topdown=topdown)]


def _members():
    found = set()
    for folder in _folders():
        try:
            with open(f"{folder}/cgroup.procs", encoding="ascii") as file:
                found |= {int(line) for line in file if line.strip() != "0"}
        except OSError:
            pass  # it went meanwhile
    return found - {os.getpid()}


def _end_processes():
    def gone():
        for pid in _members():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not _members()
    wait_for(gone, "all processes of the cluster have ended")


def _remove_cgroups():
    for folder in _folders(topdown=False):
        wait_for(lambda path=folder: not os.path.exists(path) or os.rmdir(path) is None,
                 f"{folder} can be removed", 10)


def spawn(cgroup, log, *args, env=None, enter=()):
    """A process in the cgroup /PREFIX-cgroup, whose output goes to a file; enter goes before the program."""
    def join():
        os.setsid()
        for hierarchy in _hierarchies():
            with open(f"{hierarchy}/{PREFIX}-{cgroup}/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "a", encoding="utf-8") as out:
        return subprocess.Popen([*enter, *map(str, args)], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                env={**os.environ, **(env or {})}, preexec_fn=join)


def run_for(seconds, cgroup, log, *args, env=None):
    """Like spawn(), to the program's end, or its end by force when the time is over: whether it was."""
    process = spawn(cgroup, log, *args, env=env)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


# Network

def make_bridge():
    """The network of the nodes, with this machine on it as the control plane's node."""
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    for family, address in HOST_IPS.items():
        nodad = ["nodad"] if family == 6 else []
        run("ip", "addr", "add", f"{address}/{PREFIX_LENGTH[family]}", "dev", BRIDGE, *nodad)
    run("ip", "link", "set", BRIDGE, "up")


def node_ips(number):
    """Addresses of a node by family."""
    return {4: f"{NETS[4]}.{10 + number}", 6: f"{NETS[6]}:{10 + number}"}


def make_node_network(name, number):
    """A network namespace on the bridge. Its path."""
    netns = f"{PREFIX}-{name}"
    run("ip", "netns", "add", netns)
    run("ip", "link", "add", f"{LINK}{number}", "type", "veth", "peer", "name", "eth0", "netns", netns)
    run("ip", "link", "set", f"{LINK}{number}", "master", BRIDGE, "up")
    run("ip", "-n", netns, "link", "set", "lo", "up")
    for family, address in node_ips(number).items():
        nodad = ["nodad"] if family == 6 else []
        run("ip", "-n", netns, "addr", "add", f"{address}/{PREFIX_LENGTH[family]}", "dev", "eth0", *nodad)
    run("ip", "-n", netns, "link", "set", "eth0", "up")
    for family, address in HOST_IPS.items():
        run("ip", "-n", netns, f"-{family}", "route", "add", "default", "via", address)
    return f"/run/netns/{netns}"


def _remove_network():
    for path in glob.glob(f"/run/netns/{PREFIX}-*"):
        run("ip", "netns", "del", os.path.basename(path), check=False)
    run("ip", "link", "del", BRIDGE, check=False)


def _unmount():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = [line.split()[1] for line in file]
    for path in reversed([path for path in mounts if path.startswith(f"{DIR}/")]):
        run("umount", "-l", path, check=False)


def remove_all():
    """Everything that any run of this number has left; every step is tried, the first failure is raised."""
    failed = None
    for step in (_end_processes, _unmount, _remove_network, _remove_cgroups):
        try:
            step()
        except (Failed, OSError) as error:
            failed = failed or error
    shutil.rmtree(DIR, ignore_errors=True)
    if failed:
        raise failed
