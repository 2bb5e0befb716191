# SPDX-License-Identifier: Apache-2.0
"""Pods whose link or addresses are another plugin's: Debian's bridge and host-local beside weir."""

import os

import pytest

needs_plugins = pytest.mark.skipif(not os.path.exists("/usr/lib/cni/bridge"), reason="no reference plugins")


def host_local(node):
    return {"type": "host-local", "dataDir": f"{node.dir}/ipam",
            "ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd09::/64"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}


class Chain:
    """Debian's bridge plugin with weir behind it, as a runtime runs a list."""

    def __init__(self, node):
        self.node = node
        self.bridge = node.conf("1.0.0", type="bridge", bridge="br0", isGateway=True, isDefaultGateway=True,
                                ipam={**host_local(node), "routes": []})

    def add(self, name):
        pod = self.node.new_pod("shop", name)
        before = self.node.cni(pod.env("ADD"), self.bridge, "/usr/lib/cni/bridge")
        pod.conf = self.node.conf("1.0.0", prevResult=before)
        pod.result = self.node.cni(pod.env("ADD"), pod.conf)
        assert pod.result["ips"] == before["ips"] and pod.result["interfaces"] == before["interfaces"]
        return pod

    def delete(self, pod):
        self.node.del_pod(pod, keep=True)
        assert "eth0" in pod.links(), "the link is the other plugin's"
        self.node.cni(pod.env("DEL"), {**self.bridge, "prevResult": pod.result}, "/usr/lib/cni/bridge")
        self.node.forget_pod(pod)
