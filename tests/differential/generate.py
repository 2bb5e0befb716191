# SPDX-License-Identifier: Apache-2.0
"""Random clusters and policies that aim at the edges of the specification.

A Maker draws from one random.Random: equal seeds make equal scenes.
"""

import dataclasses
import ipaddress

import generate_tiers
from evaluate import Endpoint
from stock import (HOSTS, KEYS, LOCAL_IPS, NAMESPACES, NOBODY_DECLARES, NODE, NODE_IPS, OTHER_NODES, PORT_NAMES, PORTS,
                   PROTOCOLS, REMOTE_IPS, SLOTS, VALUES, WORLD)

@dataclasses.dataclass
class Scene:
    """A cluster as one node sees it. pods: slot -> Endpoint."""
    node: str
    hosts: tuple
    objects: list
    pods: dict


class Maker:
    def __init__(self, random):
        self.random = random
        # In a plain scene rules have few parts, so that more hangs on each.
        self.plain = False

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, *items):
        return self.random.choice(items)

    def few(self, most):
        """How many of something that there is at least one of."""
        return 1 if self.plain else self.random.randint(1, most)

    def some(self, stock, most):
        return self.random.sample(stock, self.random.randint(0, min(most, len(stock))))

    def home(self):
        """A namespace; few in which much is, so that it meets."""
        return self.random.choices(NAMESPACES, (5, 3, 2, 1))[0]

    # Labels and selectors

    def labels(self):
        return {key: self.pick(*VALUES) for key in self.some(KEYS, 2)}

    def expression(self, keys):
        operator = self.pick("In", "NotIn", "NotIn", "Exists", "DoesNotExist")
        expression = {"key": self.pick(*keys), "operator": operator}
        if operator.endswith("In"):
            stock = NAMESPACES if expression["key"].endswith("metadata.name") else VALUES
            expression["values"] = self.some(stock, 3) or [self.pick(*stock)]
        elif self.chance(0.2):
            expression["values"] = []
        if self.chance(0.02):
            expression.update(self.pick({"operator": "Gt"}, {"operator": "in"},
                                        {"operator": "In", "values": []}, {"operator": "Exists", "values": ["x"]}))
        return expression

    def selector(self, keys=KEYS):
        kind = self.random.random()
        if kind < 0.25:
            return {}
        selector = {}
        if kind < 0.65 or self.chance(0.2):
            chosen = self.random.sample(KEYS, self.pick(0, 1, 1, 2))
            selector["matchLabels"] = {key: self.pick(*VALUES) for key in chosen}
        if kind >= 0.65 or self.chance(0.1):
            selector["matchExpressions"] = [self.expression(keys) for _ in range(self.pick(0, 1, 1, 2))]
        return selector

    def valid_selector(self, make):
        """For a policy's own pods: which ones a malformed selector would isolate is nobody's rule."""
        while True:
            selector = make()
            if all(e["operator"] in ("In", "NotIn", "Exists", "DoesNotExist")
                   and bool(e.get("values")) == e["operator"].endswith("In")
                   for e in selector.get("matchExpressions", [])):
                return selector

    def namespace_selector(self):
        if self.chance(0.25):
            return {"matchLabels": {"kubernetes.io/metadata.name": self.pick(*NAMESPACES)}}
        if self.chance(0.5):
            return self.pick({"matchLabels": {self.pick(*KEYS): self.pick(*VALUES)}},
                             {"matchExpressions": [{"key": self.pick(*KEYS), "operator": self.pick("In", "NotIn"),
                                                    "values": self.random.sample(VALUES, self.pick(1, 2))}]})
        return self.selector((*KEYS, "kubernetes.io/metadata.name"))

    # Rules

    def any_address(self):
        return self.pick(*WORLD, *HOSTS, *LOCAL_IPS[0], *LOCAL_IPS[1], *REMOTE_IPS[0], *REMOTE_IPS[1],
                         *NODE_IPS["node-2"])

    def network(self, inside=None):
        """A CIDR around an address of the stock, often with host bits; inside: within that network."""
        if not inside and self.chance(0.12):
            return self.pick("0.0.0.0/0", "::/0")  # of one family
        address = ipaddress.ip_address(self.any_address())
        if inside and (address.version != inside.version or address not in inside):
            address = inside.network_address + self.random.randrange(min(inside.num_addresses, 1 << 20))
        width, low = address.max_prefixlen, inside.prefixlen + 1 if inside else 0
        lengths = [n for n in (0, 1, 8, 15, 16, 23, 24, 28, 29, 30, 31, 64, 112, 120, 124, 126, 127, width)
                   if low <= n <= width] or [width]
        bits = self.pick(*lengths)
        if self.chance(0.7):
            address = ipaddress.ip_network(f"{address}/{bits}", strict=False).network_address
        return f"{address}/{bits}"

    def block(self):
        cidr = self.network()
        block, whole = {"cidr": cidr}, ipaddress.ip_network(cidr, strict=False)
        if self.chance(0.5) and whole.prefixlen < whole.max_prefixlen:
            block["except"] = [self.network(whole) for _ in range(self.random.randint(0, 3))]
            if self.chance(0.2):
                first, second = whole.subnets() if whole.num_addresses > 1 else (whole, whole)
                block["except"] = [str(first), str(second)]
        if self.chance(0.03):
            block.update(self.pick({"except": [str(whole)]}, {"except": ["1.2.3.0/24"]}, {"cidr": "10.1.0.0"},
                                   {"except": ["::/1"]}, {"cidr": "10.1.0.0/33"}))
        return block

    def peer(self):
        kind = self.random.random()
        if kind < 0.03:
            return {}
        if kind < 0.06:
            return {"ipBlock": self.block(), "podSelector": {}}
        if kind < 0.35:
            return {"ipBlock": self.block()}
        if kind < 0.6:
            return {"podSelector": self.selector()}
        if kind < 0.8:
            return {"namespaceSelector": self.namespace_selector()}
        return {"podSelector": self.selector(), "namespaceSelector": self.namespace_selector()}

    def port(self):
        kind = self.random.random()
        port = {"protocol": self.pick(*PROTOCOLS, "TCP")} if self.chance(0.75) else {}
        if kind < 0.05:
            port.update(self.pick({"endPort": 80}, {"port": "http", "endPort": 80}, {"port": 81, "endPort": 80},
                                  {"port": 0}, {"port": 65536}, {"port": "-"}, {"port": "80"}, {"protocol": "ICMP"}))
        elif kind < 0.4:
            port["port"] = self.pick(*PORTS)
        elif kind < 0.75:
            port["port"] = self.pick(*PORT_NAMES, *PORT_NAMES, NOBODY_DECLARES)
        elif kind < 0.9:
            port["port"], port["endPort"] = sorted((self.pick(*PORTS), self.pick(*PORTS)))
        return port

    def rule(self, side):
        rule = {}
        if self.chance(0.8):
            rule[side] = [self.peer() for _ in range(self.few(3))] if self.chance(0.95) else []
        if self.chance(0.7):
            rule["ports"] = [self.port() for _ in range(self.few(3))] if self.chance(0.95) else []
        return rule

    def policy(self, name):
        spec = {}
        if self.chance(0.95):
            spec["podSelector"] = self.pick(None, *(self.valid_selector(self.selector) for _ in range(7)))
        if self.chance(0.7):
            spec["policyTypes"] = self.pick([], ["Ingress"], ["Egress"], ["Ingress", "Egress"], ["Egress", "Egress"])
        for kind, side in (("ingress", "from"), ("egress", "to")):
            if self.chance(0.7):
                spec[kind] = [self.rule(side) for _ in range(self.few(3))] if self.chance(0.85) else []
            elif self.chance(0.2):
                spec[kind] = None
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": name, "namespace": self.home()}, "spec": spec}

    # Crowds: so many rules for the same pods that their bit sets are wider than a word

    def narrow_network(self):
        address = self.any_address()
        return f"{address}/{126 if ':' in address else 30}"

    def narrow_selector(self):
        return {"matchLabels": {key: self.pick(*VALUES) for key in self.random.sample(KEYS, 2)}}

    def narrow_rule(self, side):
        peer = self.pick({"ipBlock": {"cidr": self.narrow_network()}}, {"podSelector": self.narrow_selector()})
        return {side: [peer], "ports": [self.port(), self.port()]}

    def crowd(self):
        home = self.home()
        return [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                 "metadata": {"name": f"crowd-{n}", "namespace": home},
                 "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"],
                          "ingress": [self.narrow_rule("from") for _ in range(3)],
                          "egress": [self.narrow_rule("to") for _ in range(3)]}}
                for n in range(self.random.randint(25, 70))]

    def throng(self):
        """So many that even the first look at wide bit sets is no longer at all of them; each has a port of its own."""
        kind, side = self.pick(("ingress", "from"), ("egress", "to"))
        ports = [{"protocol": name, "port": port} for name in PROTOCOLS for port in (*PORTS, *range(2000, 3500))]
        self.random.shuffle(ports)
        return [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                 "metadata": {"name": "throng", "namespace": self.home()},
                 "spec": {"podSelector": {}, "policyTypes": [kind.title()],
                          kind: [{side: [{"namespaceSelector": {}}], "ports": [port]} for port in ports]}}]

    # Clusters

    def namespace(self, name):
        labels = self.labels() if self.chance(0.3) else {key: self.pick(*VALUES) for key in KEYS}
        if self.chance(0.1):
            labels["kubernetes.io/metadata.name"] = name
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}

    def container(self, name):
        ports = []
        for port_name in self.random.sample(PORT_NAMES, self.pick(0, 1, 2, 2)):
            for protocol in self.random.sample(PROTOCOLS, self.pick(1, 2, 3)):
                port = {"containerPort": self.pick(*PORTS), "name": port_name}
                if protocol != "TCP" or self.chance(0.5):
                    port["protocol"] = protocol
                ports.append(port)
        if self.chance(0.2):
            ports.append({"containerPort": self.pick(*PORTS)})
        return {"name": name, "image": "x", **({"ports": ports} if ports or self.chance(0.5) else {})}

    def pod(self, namespace, name, node, ips):
        spec = {"containers": [self.container(f"c{n}") for n in range(self.random.randint(1, 2))]}
        if self.chance(0.4):
            spec["initContainers"] = [{**self.container("init"), "restartPolicy": "Always"}]
        if node:
            spec["nodeName"] = node
        metadata = {"name": name, "namespace": namespace, "labels": self.labels()}
        status = {"phase": self.random.choices(("Running", "Pending", "Succeeded", "Failed"), (16, 2, 1, 1))[0]}
        if self.chance(0.1):
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        if ips:
            status["podIP"] = ips[0]
        if ips and self.chance(0.9):
            status["podIPs"] = [{"ip": ip} for ip in ips]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}

    def node(self, name, ips):
        addresses = [{"type": self.pick("InternalIP", "ExternalIP"), "address": ip} for ip in ips]
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": self.labels()},
                "status": {"addresses": [*addresses, {"type": "Hostname", "address": name}]}}

    def ips_of(self, stock, index):
        both = [stock[0][index], stock[1][index]]
        return self.pick(both, both, both[:1], both[1:])

    def local_pod(self, slot, index):
        """An Endpoint, and its Pod object or None."""
        endpoint = Endpoint(self.home(), f"local-{slot}", self.ips_of(LOCAL_IPS, index))
        if self.chance(0.12):
            return endpoint, None
        pod = self.pod(endpoint.namespace, endpoint.name, NODE, endpoint.ips if self.chance(0.7) else [])
        if self.chance(0.03):
            pod["spec"]["hostNetwork"] = True
        return endpoint, pod

    def remote_pod(self, index):
        node = self.pick(*OTHER_NODES)
        pod = self.pod(self.home(), f"remote-{index}", node if self.chance(0.93) else None,
                       self.ips_of(REMOTE_IPS, index) if self.chance(0.95) else [])
        if self.chance(0.12):
            pod["spec"]["hostNetwork"] = True
            pod["status"]["podIPs"] = [{"ip": ip} for ip in NODE_IPS[node]]
            pod["status"]["podIP"] = NODE_IPS[node][0]
        return pod

    def host_pod(self):
        """A pod of this node in the network of the host."""
        pod = self.pod(self.pick(*NAMESPACES), "host", NODE, list(HOSTS))
        pod["spec"]["hostNetwork"] = True
        return pod

    def former_pod(self, number):
        """An object that outlives its pod: the address is, or may become, somebody else's."""
        stock = self.pick(LOCAL_IPS, LOCAL_IPS, REMOTE_IPS)
        pod = self.pod(self.home(), f"former-{number}", self.pick(NODE, *OTHER_NODES),
                       self.ips_of(stock, self.random.randrange(len(stock[0]))))
        pod["status"]["phase"] = self.pick("Succeeded", "Failed")
        return pod

    def moved_pod(self):
        """Of another node, says the API; at an address that this node gives to its pods, and will know better."""
        return self.pod(self.home(), "moved", OTHER_NODES[0],
                        self.ips_of(LOCAL_IPS, self.random.randrange(len(LOCAL_IPS[0]))))

    def scene(self):
        self.plain = self.chance(0.5)
        objects, pods = [], {}
        objects += [self.namespace(name) for name in NAMESPACES if self.chance(0.8)]
        objects += [self.node(name, ips) for name, ips in ((NODE, HOSTS), *NODE_IPS.items()) if self.chance(0.7)]
        for index, slot in enumerate(self.random.sample(range(SLOTS), self.random.randint(1, len(LOCAL_IPS[0])))):
            pods[slot], obj = self.local_pod(slot, index)
            objects += [obj] if obj else []
        objects += [self.remote_pod(index) for index in range(len(REMOTE_IPS[0])) if self.chance(0.5)]
        objects += [self.host_pod()] if self.chance(0.2) else []
        objects += [self.former_pod(number) for number in range(2) if self.chance(0.2)]
        objects += [self.moved_pod()] if self.chance(0.3) else []
        objects += [self.policy(f"policy-{n}") for n in range(self.pick(0, 1, 2, 3, 4, 6, 9))]
        # In half of the scenes NetworkPolicy decides alone.
        objects += generate_tiers.policies(self, self.pick(0, 0, 0.2, 0.5))
        objects += self.pick(generate_tiers.twins, generate_tiers.fence)(self) if self.chance(0.2) else []
        if self.chance(0.12):
            objects += self.throng() if self.chance(0.04) else self.crowd()
        elif self.chance(0.08):
            objects = [obj for obj in objects if not obj["apiVersion"].startswith(generate_tiers.API)]
            objects += generate_tiers.policies(self, 0.9, crowded=True)
        self.random.shuffle(objects)
        return Scene(NODE, HOSTS, objects, pods)
