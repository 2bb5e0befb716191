# SPDX-License-Identifier: Apache-2.0
"""weir's verdicts beside those of the specification, and what to show of a difference."""

import time

import yaml

from evaluate import Cluster
from kernel import Broken
from probes import way_of
from reading import Malformed
from shrink import shrink

PATIENCE_S = 60


def expected(scene, probes):
    cluster = Cluster(scene.node, scene.objects, scene.pods.values())
    return [cluster.allows(probe) for probe in probes]


def verdicts(judge, scene, probes):
    return judge.ask(probes, way_of(scene))


def differing(found, wanted, probes):
    return [probe for probe, got, want in zip(probes, found, wanted) if got != want]


def _still(judge, probe, before=None):
    """A function: does the probe differ in this scene, from a cold start or after the scene before?

    After a while it says no, so that what is shrunk stays as small as it is then.
    """
    end = time.monotonic() + PATIENCE_S

    def still(scene):
        if time.monotonic() > end:
            return False
        here = {ip for pod in scene.pods.values() for ip in pod.ips}
        if not here & {probe.src, probe.dst}:
            return False
        try:
            wanted = expected(scene, [probe])
        except (Malformed, KeyError, TypeError, AttributeError):
            return False  # shrunk beyond what the specification speaks about
        judge.reset()
        if before:
            judge.apply(before)
        judge.apply(scene)
        return verdicts(judge, scene, [probe]) != wanted
    return still


def describe(scene):
    pods = [f"#   slot {slot}: {pod.namespace}/{pod.name} {' '.join(pod.ips)}" for slot, pod in scene.pods.items()]
    return "\n".join([f"# node {scene.node}, addresses {' '.join(scene.hosts)}; its running pods:", *pods,
                      yaml.safe_dump_all(scene.objects, sort_keys=False)])


def report(judge, scene, probe, before=None):
    """The smallest case that is found, as manifests and one probe. before: the scene from which it came."""
    wanted = expected(scene, [probe])[0]
    lines = [f"{probe}, on the way {way_of(scene)(probe)}:",
             f"the specification says {'allow' if wanted else 'deny'}, weir says {'deny' if wanted else 'allow'}"]
    try:
        still = _still(judge, probe)
        if still(scene):
            return "\n".join([*lines, describe(shrink(scene, still))])
        if before and _still(judge, probe, before)(scene):
            before = shrink(before, lambda less: _still(judge, probe, less)(scene))
            scene = shrink(scene, _still(judge, probe, before))
            return "\n".join([*lines, "## before", describe(before), "## changed to", describe(scene)])
    except Broken as error:
        lines.append(f"(not made smaller: {error})")
    return "\n".join([*lines, "only after all that went before (the seed repeats it)", describe(scene)])
