# SPDX-License-Identifier: Apache-2.0
"""The root directory of an image: programs, what they load, and directories that they expect."""

import os
import re
import shutil
import subprocess

# A program that is linked with a library names it by the path that the loader finds.
LOADED = re.compile(r"^\s+(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
MISSING = re.compile(r"^\s+(\S+) => not found$", re.MULTILINE)

class Incomplete(Exception):
    """A program cannot be started with what is on this machine."""


def libraries(program):
    """Paths of all that the loader loads for a program, itself included; none for a static one."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    text = said.stdout + said.stderr
    if "not a dynamic executable" in text or "statically linked" in text:
        return set()
    missing = MISSING.findall(text)
    if said.returncode or missing:
        raise Incomplete(f"{program}: {', '.join(missing) or text.strip()} is missing")
    return set(LOADED.findall(text))


def put(root, path, source):
    """A copy of a file that anybody may execute. Its path now."""
    target = root + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)
    os.chmod(target, 0o755)
    return target


def fill(root, programs, directories=()):
    """programs: path in the image -> file. What they load lies where the loader looks for it."""
    needed = set()
    for path, source in programs.items():
        put(root, path, source)
        needed |= libraries(source)
    for path in sorted(needed):
        put(root, path, os.path.realpath(path))
    for path in directories:
        os.makedirs(root + path, exist_ok=True)


def bytes_of(root):
    """What the files of a tree take."""
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(root) for name in names)
