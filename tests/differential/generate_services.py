# SPDX-License-Identifier: Apache-2.0
"""Random Services and EndpointSlices that aim at the edges of the specification.

What the specification leaves open is not made: of one address and port of a service there are at most
two accounts, one that has it on this node and one that has not.
"""

import copy
import ipaddress

from evaluate import Endpoint
from generate import Maker, Scene
from services import FAMILIES, OTHERS_LABELS, SERVICE_LABEL, ZONE_LABEL, Question
from reading import PROTOCOLS
from stock import HOSTS, LOCAL_IPS, NODE, NODE_IPS, OTHER_NODES, REMOTE_IPS, WORLD

VIPS = ([f"10.96.0.{n}" for n in range(1, 11)], [f"fd00:96::{n:x}" for n in range(1, 11)])
USUAL_VIPS = [*VIPS[0][:6], *VIPS[1][:6]]  # which of them Services have
EXTERNAL_IPS = ["198.51.100.7", "198.51.100.8", "2001:db8:ffff::7"]
BALANCER_IPS = ["203.0.113.9", "203.0.113.10", "2001:db8:fffe::9"]
NAMES = [("default", "front"), ("default", "back"), ("shop", "front"), ("shop", "back"), ("bank", "front")]
PORTS, TARGETS, NODE_PORTS = (53, 80, 443), (53, 8080, 8081), (30000, 30001, 30002, 32767)
NUMBERS = ("port", "nodePort")
PORT_NAMES = ("", "http", "dns", "web")
ZONES = ("zone-a", "zone-b")
CLIENTS = ("pod", "pod", "outside", "host")
PODS = 4
ACCOUNTS = {4: [*LOCAL_IPS[0][:PODS], *REMOTE_IPS[0], HOSTS[0], "192.0.2.3", "198.51.100.99"],
            6: [*LOCAL_IPS[1][:PODS], *REMOTE_IPS[1], HOSTS[1], "2001:db8::3", "2001:db8:ffff::99"]}
TYPES = ("ClusterIP", "ClusterIP", None, "NodePort", "LoadBalancer", "LoadBalancer", "ExternalName")


def of_family(version, addresses):
    return [address for address in addresses if ipaddress.ip_address(address).version == version]


class ServiceMaker(Maker):
    """views: (namespace, name) of a Service -> {(address, is it here): conditions, hints and nodeName}.

    protocols: (key of a Service, name of a port) -> its usual protocol.
    """

    PODS_VIPS = 0.05  # how many ClusterIPs are pods' addresses

    def __init__(self, random):
        super().__init__(random)
        self.views = {}
        self.protocols = {}

    # Services

    def protocol(self, key, name):
        """Of a port: mostly the same wherever the port of a service is named."""
        usual = self.protocols.setdefault((key, name), self.pick(*PROTOCOLS, "TCP", "TCP", "UDP"))
        protocol = usual if self.chance(0.85) else self.pick(*PROTOCOLS)
        return {} if protocol == "TCP" and self.chance(0.3) else {"protocol": protocol}

    def service_ports(self, key, has_node_ports):
        names, ports = self.random.sample(PORT_NAMES[1:], self.pick(1, 2, 3)), []
        if len(names) == 1 and self.chance(0.5):
            names = [""]  # only a single port may have none
        for name in names:
            port = {"port": self.pick(*PORTS), **self.protocol(key, name)}
            if name or self.chance(0.2):
                port["name"] = name
            if has_node_ports and self.chance(0.8):
                port["nodePort"] = self.pick(*NODE_PORTS)
            taken = {(each.get(field), each.get("protocol") or "TCP") for each in ports for field in NUMBERS}
            if not taken & {(number, port.get("protocol") or "TCP") for number in map(port.get, NUMBERS) if number}:
                ports.append(port)
        return ports

    def cluster_ips(self, index):
        if self.chance(0.03):
            index = 0  # somebody else's
        stock = REMOTE_IPS if self.chance(self.PODS_VIPS) else VIPS
        both = [stock[0][index], stock[1][index]]
        return self.pick(both, both[::-1], both[:1], both[1:])

    def external_ips(self):
        """Now and then what nobody may take."""
        forbidden = [VIPS[0][0], VIPS[1][1], NODE_IPS["node-2"][0], HOSTS[1], REMOTE_IPS[0][0]]
        return [self.pick(*EXTERNAL_IPS, *EXTERNAL_IPS, *forbidden) for _ in range(self.pick(1, 1, 2))]

    def ingress(self):
        entries = []
        for address in self.random.sample(BALANCER_IPS, self.pick(1, 2, 3)):
            entry = {"ip": address}
            if self.chance(0.5):
                entry["ipMode"] = self.pick("VIP", "VIP", "Proxy")
            entries.append(entry)
        return [*entries, {"hostname": "balancer.example.com"}] if self.chance(0.2) else entries

    def source_range(self):
        around = self.pick(*WORLD, *LOCAL_IPS[0][:2], *LOCAL_IPS[1][:2], *HOSTS, *HOSTS)
        bits = self.pick(4, 8, 24, 32) if "." in around else self.pick(4, 16, 64, 128)
        text = str(ipaddress.ip_network(f"{around}/{bits}", strict=False))
        return f" {text} " if self.chance(0.4) else text

    def affinity(self):
        if self.chance(0.6):
            return self.pick({}, {"sessionAffinity": "None"})
        timeout = {"clientIP": {"timeoutSeconds": self.pick(1, 60, 86400)}}
        return {"sessionAffinity": "ClientIP", **({"sessionAffinityConfig": timeout} if self.chance(0.7) else {})}

    def service_spec(self, key, index):
        kind = self.pick(*TYPES)
        if kind == "ExternalName":
            spec, ips = {"type": kind, "externalName": "example.com", "ports": self.service_ports(key, False)}, \
                self.cluster_ips(index)
            # Left over from what it was before.
            return {**spec, "clusterIP": ips[0], "clusterIPs": ips} if self.chance(0.5) else spec
        spec = {"ports": self.service_ports(key, kind in ("NodePort", "LoadBalancer")), **self.affinity()}
        spec.update({"type": kind} if kind else {})
        ips = self.cluster_ips(index)
        if self.chance(0.05):
            spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
        else:
            spec["clusterIP"] = ips[0]
            if len(ips) > 1 or self.chance(0.8):
                spec["clusterIPs"] = ips
        if self.chance(0.25):
            spec["externalIPs"] = self.external_ips()
        for which in ("internalTrafficPolicy", "externalTrafficPolicy"):
            if self.chance(0.6):
                spec[which] = self.pick("Cluster", "Local", "Local")
        if kind == "LoadBalancer" and self.chance(0.4):
            spec["loadBalancerSourceRanges"] = [self.source_range() for _ in range(self.pick(1, 2, 3))]
        if kind == "LoadBalancer" and (spec.get("externalTrafficPolicy") == "Local" or self.chance(0.1)):
            spec["healthCheckNodePort"] = 31000 + index
        return spec

    def service(self, namespace, name):
        index = NAMES.index((namespace, name)) + 1
        labels = {"app": name}
        if self.chance(0.08):
            labels[self.pick(*OTHERS_LABELS)] = self.pick("", "someone")
        made = {"apiVersion": "v1", "kind": "Service", "spec": self.service_spec((namespace, name), index),
                "metadata": {"name": name, "namespace": namespace, "labels": labels}}
        if made["spec"].get("type") == "LoadBalancer":
            made["status"] = {"loadBalancer": {"ingress": self.ingress()} if self.chance(0.9) else {}}
        return made

    # EndpointSlices

    def conditions(self, mood):
        ready = {"ready": (None, True, True, True), "mixed": (None, True, False), "none": (False,), "ends": (False,)}
        said = {"ready": self.pick(*ready[mood]), "serving": self.pick(None, True, False),
                "terminating": self.pick(None, True, False)}
        if self.chance({"ends": 0.8, "mixed": 0.3}.get(mood, 0)):
            said.update(ready=False, serving=True, terminating=True)
        return {name: value for name, value in said.items() if value is not None or self.chance(0.5)}

    def hints(self, mood):
        hints = {}
        for kind, names in (("forNodes", (NODE, *OTHER_NODES)), ("forZones", ZONES)):
            if self.chance({"none": 0, "most": 0.7, "all": 1}[mood[kind]]):
                hints[kind] = [{"name": name} for name in self.random.sample(names, self.pick(1, 1, 2))]
        return hints

    def view(self, key, address, mood):
        """One of the two accounts that a service has of an address."""
        home = NODE if address in (*LOCAL_IPS[0], *LOCAL_IPS[1], *HOSTS) else self.pick(*OTHER_NODES)
        here = (home == NODE) != self.chance(0.1)
        views = self.views.setdefault(key, {})
        if (address, here) not in views:
            said = {"conditions": self.conditions(mood["conditions"]), "hints": self.hints(mood),
                    "nodeName": NODE if here else self.pick(None, *OTHER_NODES)}
            views[(address, here)] = {name: value for name, value in said.items() if value or self.chance(0.3)}
        return views[(address, here)]

    def endpoint(self, key, version, mood):
        address = self.pick(*ACCOUNTS[version])
        if self.chance(0.08):
            address = self.pick(*of_family(version, USUAL_VIPS + EXTERNAL_IPS + BALANCER_IPS))
        more = [self.pick(*ACCOUNTS[version])] if self.chance(0.05) else []
        return {"addresses": [address, *more], **copy.deepcopy(self.view(key, address, mood))}

    def slice_ports(self, key):
        ports = []
        for name in self.random.sample(PORT_NAMES, self.pick(1, 2, 3, 4, 4)):
            port = {"name": name, "port": self.pick(*TARGETS), **self.protocol(key, name)}
            if self.chance(0.08):
                port.update(self.pick({"name": None}, {"port": None}, {"port": 0}))
            ports.append(port)
        return ports

    def slice(self, key, number, mood):
        namespace, name = key
        kind = self.pick("IPv4", "IPv4", "IPv6", "IPv6", "FQDN" if self.chance(0.2) else "IPv4")
        made = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": kind,
                "metadata": {"name": f"{name}-{number}", "namespace": namespace, "labels": {SERVICE_LABEL: name}},
                "ports": self.slice_ports(key), "endpoints": []}
        if self.chance(0.04):
            made["metadata"]["labels"] = self.pick({}, {SERVICE_LABEL: "nobody"})
        if kind == "FQDN":
            made["endpoints"] = [{"addresses": ["www.example.com"], "conditions": {"ready": True}}]
        else:
            made["endpoints"] = [self.endpoint(key, FAMILIES[kind], mood) for _ in range(self.pick(0, 1, 3, 4, 5))]
        return made

    def mood(self):
        return {"conditions": self.pick("ready", "ready", "mixed", "none", "ends"),
                **{kind: self.pick("none", "most", "all") for kind in ("forNodes", "forZones")}}

    def slices(self, key):
        self.views.pop(key, None)
        mood = self.mood()
        return [self.slice(key, number, mood) for number in range(self.pick(0, 2, 3, 4, 5, 6))]

    # Clusters

    def zoned_node(self, name, ips):
        made = self.node(name, ips)
        if self.chance(0.85):
            made["metadata"]["labels"][ZONE_LABEL] = self.pick(*ZONES)
        return made

    def live_pod(self, index):
        made = self.pod("default", f"remote-{index}", self.pick(*OTHER_NODES), [ips[index] for ips in REMOTE_IPS])
        made["status"].update(phase="Running", podIPs=[{"ip": ips[index]} for ips in REMOTE_IPS])
        return made

    def scene(self):
        objects = [self.zoned_node(name, ips) for name, ips in ((NODE, HOSTS), *NODE_IPS.items())]
        objects += [self.live_pod(index) for index in range(2)]
        for key in NAMES:
            objects += [self.service(*key)] if self.chance(0.8) else []
            objects += self.slices(key)
        pods = {slot: Endpoint("default", f"local-{slot}", [ips[slot] for ips in LOCAL_IPS]) for slot in range(PODS)}
        return Scene(NODE, HOSTS, objects, pods)

    # What becomes of them

    def replaced(self, objects, made):
        """With made in the place of the object of its kind and name."""
        def same(obj):
            return obj["kind"] == made["kind"] and all(
                obj["metadata"].get(part) == made["metadata"].get(part) for part in ("namespace", "name"))
        return [*(obj for obj in objects if not same(obj)), made]

    def new_conditions(self, key, slices):
        """An address of a service becomes ready, or ends; by every account of it that is alike."""
        address, here = self.pick(*self.views[key])
        said = self.conditions("mixed")
        self.views[key][(address, here)]["conditions"] = said
        for endpoint in (endpoint for piece in slices for endpoint in piece["endpoints"]):
            if endpoint["addresses"][0] == address and (endpoint.get("nodeName") == NODE) == here:
                endpoint["conditions"] = copy.deepcopy(said)

    def change(self, objects):
        key = self.pick(*NAMES)
        slices = [obj for obj in objects if obj["kind"] == "EndpointSlice"
                  and (obj["metadata"]["namespace"], obj["metadata"]["name"].rpartition("-")[0]) == key]
        others = [obj for obj in objects if obj not in slices]
        kind = self.random.random()
        if kind < 0.2:
            return self.replaced(objects, self.service(*key))
        if kind < 0.25:
            return [obj for obj in objects if obj["kind"] != "Service" or obj["metadata"]["name"] != key[1]]
        if kind < 0.3:
            return self.replaced(objects, self.zoned_node(NODE, HOSTS))
        if kind < 0.65 and self.views.get(key):
            self.new_conditions(key, slices)
            return objects
        if kind < 0.75 and slices:
            gone = self.pick(*slices)
            return [obj for obj in objects if obj is not gone]
        if kind < 0.9 and slices:
            return self.replaced(objects, self.slice(key, self.random.randrange(6), self.mood()))
        return [*others, *self.slices(key)]

    def later(self, scene):
        objects = copy.deepcopy(scene.objects)
        for _ in range(self.pick(1, 2, 4, 8)):
            objects = self.change(objects)
        return Scene(scene.node, scene.hosts, objects, scene.pods)

    # Questions

    def source_of(self, scene, client, address):
        version = ipaddress.ip_address(address).version
        if client == "pod":
            return self.pick(*of_family(version, [ip for pod in scene.pods.values() for ip in pod.ips]))
        if client == "host":
            return self.pick(*of_family(version, scene.hosts))
        return address if address in BALANCER_IPS and self.chance(0.4) else self.pick(*of_family(version, WORLD))

    def question(self, scene, services):
        service = self.pick(*services)
        spec, port = service["spec"], self.pick(*service["spec"]["ports"])
        ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        places = [*(spec.get("clusterIPs") or [spec.get("clusterIP")]), *spec.get("externalIPs", []),
                  *[entry["ip"] for entry in ingress if "ip" in entry]]
        if ingress and self.chance(0.2):
            places = [entry["ip"] for entry in ingress if "ip" in entry]
        asked = [(place, port["port"]) for place in places if place not in (None, "None")]
        if "nodePort" in port:
            asked += [(host, port["nodePort"]) for host in scene.hosts]
        address, number = self.pick(*asked) if asked else (VIPS[0][0], 80)
        if self.chance(0.08):
            number = self.pick(*PORTS, *NODE_PORTS, *TARGETS)
        client = self.pick(*CLIENTS)
        proto = self.pick(*PROTOCOLS) if self.chance(0.1) else port.get("protocol") or "TCP"
        return Question(client, self.source_of(scene, client, address), address, number, PROTOCOLS[proto])

    def questions(self, scene, count):
        services = [obj for obj in scene.objects if obj["kind"] == "Service"]
        return [self.question(scene, services) for _ in range(count)] if services else []
