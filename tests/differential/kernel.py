# SPDX-License-Identifier: Apache-2.0
"""weir's verdict in the kernel: a Judge is a weir-judge process that is asked about one Scene after another."""

import collections
import json
import os
import subprocess

import yaml

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WEIR_BUILD") or os.path.join(REPO, "build")
PROGRAM = f"{BUILD}/tests/differential/weir-judge"
# Numbers of include/weir/reason.h that a policy's refusal is counted under.
POLICY_REASONS = {10, 11}


class Broken(AssertionError):
    """The kernel refused for another reason than policy, or the program ended."""


def key_of(obj):
    """What tells objects apart: kind, namespace ("-": none), name."""
    scoped = obj["kind"] in ("Pod", "NetworkPolicy", "Service", "EndpointSlice")
    return obj["kind"], (obj["metadata"].get("namespace") or "default") if scoped else "-", obj["metadata"]["name"]


def manifests(objects, as_yaml):
    if as_yaml:
        return yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False)
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


class Judge:
    """Objects and pods of the last scene stay in force; apply() brings the kernel from there to the next one."""

    def __init__(self):
        self._process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._objects, self._pods = {}, {}
        # Addresses of pods that went: until it settles nothing passes from or to them, whatever policy says.
        self.departed = set()
        self._line()

    def _line(self):
        line = self._process.stdout.readline().decode()
        if not line.endswith("\n"):
            raise Broken(f"weir-judge ended: {self._process.wait()}")
        return line[:-1]

    def _say(self, text):
        self._process.stdin.write(text.encode())

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def reset(self):
        self._say("reset\n")
        self._objects, self._pods = {}, {}
        self.departed = set()

    def forget(self):
        """All connections."""
        self._say("forget\n")

    def cidrs(self, prefixes):
        """Of services, until the next reset."""
        self._say(f"cidrs {' '.join(prefixes)}\n")

    def restart(self):
        """Of the agent; what is in force stays so, and the next apply() starts from there."""
        self._say("restart\n")

    def settle(self):
        self._say("settle\n")
        self.departed = set()

    def apply(self, scene, as_yaml=False):
        self._say(f"node {scene.node}\nhosts {' '.join(scene.hosts)}\n")
        objects = {key_of(obj): obj for obj in scene.objects}
        for key in self._objects.keys() - objects.keys():
            self._say(f"delete {' '.join(key)}\n")
        changed = [obj for key, obj in objects.items() if self._objects.get(key) != obj]
        if changed:
            text = manifests(changed, as_yaml)
            self._say(f"put {len(text.encode())}\n{text}")
        for slot, pod in self._pods.items():
            if scene.pods.get(slot) != pod:
                self._say(f"unplug {slot}\n")
                self.departed.update(pod.ips)
        for slot, pod in scene.pods.items():
            if self._pods.get(slot) != pod:
                self._say(f"plug {slot} {pod.namespace} {pod.name} {' '.join(pod.ips)}\n")
            self.departed.difference_update(pod.ips)
        self._say("apply\n")
        self._objects, self._pods = objects, dict(scene.pods)

    def ask(self, probes, way):
        """True or False for each probe; way(probe) says how its packet comes to the node."""
        self._say("".join(f"probe {p.src} {p.dst} {p.proto} {p.port} {way(p)}\n" for p in probes) + "answer\n")
        self._process.stdin.flush()
        verdicts, *reasons = self._line().split(" ")
        counts = collections.Counter()
        for reason, count in (item.split("=") for item in reasons):
            counts[int(reason)] += int(count)
        if len(verdicts) != len(probes):
            raise Broken(f"{len(verdicts)} answers to {len(probes)} probes")
        if counts.keys() - POLICY_REASONS or sum(counts.values()) != verdicts.count("d"):
            raise Broken(f"packets were refused for reasons {dict(counts)}, {verdicts.count('d')} by verdict")
        return [verdict == "a" for verdict in verdicts]

    def ask_service(self, questions):
        """Where packets of pods go: of each (question, source port) "drop", "refuse" or "address port"."""
        self._say("".join(f"serve {q.source} {q.address} {q.proto} {q.port} {source_port}\n"
                          for q, source_port in questions) + "answer\n")
        self._process.stdin.flush()
        lines = [self._line() for _ in questions]
        self._line()
        return lines

    def send_frames(self, items):
        """Of each (enum wire_place, slot, mark, frame): (TC_ACT_*, mark, frame)."""
        self._say("".join(f"frame {place} {slot} {mark} {frame.hex()}\n" for place, slot, mark, frame in items)
                  + "answer\n")
        self._process.stdin.flush()
        lines = [self._line().split(" ") for _ in items]
        self._line()
        return [(int(action), int(mark), bytes.fromhex(frame)) for action, mark, frame in lines]

    def dump(self):
        """Map -> {key: value}, in bytes, when the last change has settled."""
        self._say("settle\ndump\n")
        self._process.stdin.flush()
        maps = collections.defaultdict(dict)
        while (line := self._line()) != ".":
            name, key, value = line.split(" ")
            if name != "generation":
                maps[name][bytes.fromhex(key)] = bytes.fromhex(value)
        return maps


class Judges:
    """Two of them: one whose maps grow by changes, and a spare one for whatever is asked about a cold start."""

    def __init__(self):
        self.grown = Judge()
        try:
            self.spare = Judge()
        except Broken:
            self.grown.close()
            raise

    def __iter__(self):
        return iter((self.grown, self.spare))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for judge in self:
            judge.close()
