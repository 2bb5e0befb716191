# SPDX-License-Identifier: Apache-2.0
"""weir's answer about services: a Model is a weir-services process, and Images are what it says of one scene.

Images are read as include/weir/service.h says that the datapath reads them.
"""

import collections
import ipaddress
import json
import subprocess

from kernel import BUILD, Broken, key_of, manifests
from reading import address_of
from services import Answer, Health

PROGRAM = f"{BUILD}/tests/differential/weir-services"
SETS = CLUSTER, LOCAL = 0, 1
SILENT = 1  # of enum service_empty
CLUSTER_IP = 0  # of enum frontend_kind
EXTERNAL_FLAG, LOCAL_FLAG, RANGES_FLAG, RANGES_NODE_FLAG = 2, 4, 8, 16  # of enum frontend_flag
FAMILIES = {True: 4, False: 6}

Frontend = collections.namedtuple("Frontend", "item flags")


class Images:
    """services: (namespace, name) -> what weir-services printed."""

    def __init__(self, services):
        self.services, self.frontends, self.whole = services, {}, set()
        for item in (item for service in services.values() for item in service["items"]):
            for frontend in item["frontends"]:
                self._add(item, frontend)

    def _add(self, item, frontend):
        address = address_of(frontend["addr"])
        key = address, frontend["port"], frontend["proto"]
        if key in self.frontends:
            raise Broken(f"two services have {key}: {self.frontends[key].item} and {item}")
        if address.version != FAMILIES[item["v4"]] or frontend["proto"] != item["proto"]:
            raise Broken(f"{frontend} is none of {item}")
        self.frontends[key] = Frontend(item, frontend["flags"])
        if frontend["kind"] == CLUSTER_IP:
            self.whole.add(address)
        if bool(frontend["flags"] & EXTERNAL_FLAG) != (frontend["kind"] != CLUSTER_IP):
            raise Broken(f"flags of {frontend}")

    def answer(self, question):
        address = address_of(question.address)
        found = self.frontends.get((address, question.port, question.proto))
        if not found:
            return Answer("refuse" if address in self.whole else "pass")
        item, source = found.item, address_of(question.source)
        # A socket of the node is judged before it has an address.
        allowed = found.flags & RANGES_NODE_FLAG if question.client == "host" else \
            any(source in ipaddress.ip_network(text) for text in item["ranges"])
        if found.flags & RANGES_FLAG and not allowed:
            return Answer("drop")
        inside = found.flags & EXTERNAL_FLAG and question.client != "outside"
        which = LOCAL if found.flags & LOCAL_FLAG and not inside else CLUSTER
        backends = frozenset((address_of(backend["addr"]), backend["port"]) for backend in item["backends"]
                             if backend["flags"] & 1 << which)
        if backends:
            return Answer("backends", backends, item["affinity_s"])
        return Answer("drop" if item["empty"][which] == SILENT else "refuse")

    def health(self, key):
        service = self.services.get(key)
        if not service or not service["health_port"]:
            return None
        return Health(service["health_port"], service["ready_local"])

    def kept(self, key, spec_name, proto, version):
        """Addresses and ports at which connections of this service port go on."""
        return {(address_of(backend["addr"]), backend["port"])
                for item in self.services.get(key, {"items": ()})["items"] for backend in item["backends"]
                if (item["port_name"], item["proto"], FAMILIES[item["v4"]]) == (spec_name, proto, version)}


class Model:
    """Objects of the last scene stay; apply() brings the model from there to the next one."""

    def __init__(self):
        self._process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._objects, self._services = {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _say(self, text):
        self._process.stdin.write(text.encode())

    def _lines(self):
        self._process.stdin.flush()
        while (line := self._process.stdout.readline().decode()) != ".\n":
            if not line:
                raise Broken(f"weir-services ended: {self._process.wait()}")
            yield line[:-1]

    def reset(self):
        self._say("reset\n")
        self._objects, self._services = {}, {}

    def apply(self, scene, as_yaml=False):
        """The Images of the scene, from what has changed since the last one."""
        self._say(f"node {scene.node} {' '.join(scene.hosts)}\n")
        objects = {key_of(obj): obj for obj in scene.objects}
        for key in self._objects.keys() - objects.keys():
            self._say(f"delete {' '.join(key)}\n")
        changed = [obj for key, obj in objects.items() if self._objects.get(key) != obj]
        if changed:
            text = manifests(changed, as_yaml)
            self._say(f"put {len(text.encode())}\n{text}")
        self._objects = objects
        self._say("changes\n")
        for line in self._lines():
            service = json.loads(line)
            key = service["namespace"], service["name"]
            self._services[key] = service
        return Images({key: service for key, service in self._services.items() if service["items"]})

    def problems(self):
        self._say("problems\n")
        return list(self._lines())
