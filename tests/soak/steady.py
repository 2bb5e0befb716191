# SPDX-License-Identifier: Apache-2.0
"""What goes on the whole time: pods that stay, connections that must not be lost, and packets that must not pass."""

from flows import Echo
from load import SoakLoad
from services import FAMILY_NAMES, endpoint
from services import endpoint_slice as slice_of
from services import service
from traffic import Counters, policy, rule
from weir import family_of

from cluster import OUTSIDE_NETS, node_ips, pod_ips

SERVER, CLIENT, STRANGER = 10, 11, 12  # places of each node
NODE_PORTS = {"tcp": 30080, "udp": 30081}
PORTS = ("tcp:80", "udp:80")
BALANCERS = {"steady": ("203.0.113.80", "2001:db8:80::1"), "local": ("203.0.113.81", "2001:db8:81::1")}
VIPS = {"steady": ("10.96.0.1", "fd00:96::1"), "local": ("10.96.0.2", "fd00:96::2"),
        "moving": ("10.96.0.3", "fd00:96::3")}
KINDS = ("tcp", "udp", "tcp-new", "udp-new")


def named(*ports):
    """"tcp:80" as "tcp:80:tcp"."""
    return [f"{port}:{port.split(':')[0]}" for port in ports]


def slices(key, endpoints):
    """EndpointSlices of both families of (address, node, conditions), where each address has one family."""
    made = []
    for version in (4, 6):
        mine = [endpoint(ip, node.name, **conditions) for ip, node, conditions in endpoints if family_of(ip) == version]
        made.append({**slice_of(key, f"v{version}", mine, *named(*PORTS)), "addressType": FAMILY_NAMES[version]})
    return made


def balancer(name, **spec):
    made = service(f"soak/{name}", *named(*PORTS), vips=VIPS[name], type="LoadBalancer", **spec)
    for port in made["spec"]["ports"]:
        port["nodePort"] = NODE_PORTS[port["name"]] + 100 * list(BALANCERS).index(name)
    made["status"]["loadBalancer"] = {"ingress": [{"ip": ip} for ip in BALANCERS[name]]}
    return made


SERVER_POLICY = policy("soak", "server", {"app": "server"}, egress=[{}], ingress=[
    rule("from", labels={"app": "client"}), rule("from", cidrs=OUTSIDE_NETS, ports=PORTS)])


class Steady:
    """Servers, clients and strangers on every node of a Cluster, services of the servers, and Loads between all."""

    def __init__(self, cluster):
        self.cluster = cluster
        pods = [[cluster.add_pod(number, f"{app}-{number}", place, {"app": app})
                 for app, place in (("server", SERVER), ("client", CLIENT), ("stranger", STRANGER))]
                for number in range(len(cluster.nodes))]
        self.servers, self.clients, self.strangers = zip(*pods)
        cluster.put("server-policy", SERVER_POLICY)
        self.endpoints = [(ip, server.node, {}) for server in self.servers for ip in server.ips]
        for name, spec in (("steady", {}), ("local", {"externalTrafficPolicy": "Local"})):
            cluster.put(name, balancer(name, **spec), *slices(f"soak/{name}", self.endpoints))
        for number, name in enumerate(BALANCERS):
            for prefix, ip in zip(BALANCERS[name], node_ips(number % len(cluster.nodes))):
                cluster.route(cluster.outside, prefix, ip)
        self.move([])
        self.echoes = [Echo(server, *PORTS) for server in self.servers]
        self.counters = [Counters(server, {f"from{n}": f"ip saddr {stranger.ip4}"
                                           for n, stranger in enumerate(self.strangers)}) for server in self.servers]
        for pod in (*self.clients, *self.strangers):
            pod.sysctl("ipv4/ping_group_range", "0 0")  # who may ping by a socket of the kernel's
        self.loads = [SoakLoad(client, self.of_client(number)) for number, client in enumerate(self.clients)]
        self.loads.append(SoakLoad(cluster.outside, self.of_outside()))
        self.loads += [SoakLoad(stranger, self.of_stranger(number), denied=True)
                       for number, stranger in enumerate(self.strangers)]

    def move(self, endpoints):
        """Who is behind the service `moving`: the first server, and these."""
        vips = VIPS["moving"]
        self.cluster.put("moving", service("soak/moving", *named(*PORTS), vips=vips),
                         *slices("soak/moving", [*self.endpoints[:2], *endpoints]))

    # Flows

    def of_client(self, number):
        nodes, wanted = len(self.cluster.nodes), {}
        for version in (0, 1):
            other = pod_ips((number + 1) % nodes, SERVER)[version]
            wanted[f"ping other {number} {version}"] = "ping", other, 0
            for kind in KINDS:
                wanted[f"{kind} same {number} {version}"] = kind, pod_ips(number, SERVER)[version], 80
                wanted[f"{kind} other {number} {version}"] = kind, other, 80
                wanted[f"{kind} ClusterIP {number} {version}"] = kind, VIPS["steady"][version], 80
                wanted[f"{kind} NodePort {number} {version}"] = (
                    kind, node_ips(number)[version], NODE_PORTS[kind[:3]])
            wanted[f"moving {number} {version}"] = "tcp-new", VIPS["moving"][version], 80
        return wanted

    def of_outside(self):
        wanted = {}
        for version in (0, 1):
            for kind in KINDS:
                for name, ips in BALANCERS.items():
                    wanted[f"{kind} {name} balancer {version}"] = kind, ips[version], 80
                for number in range(len(self.cluster.nodes)):
                    wanted[f"{kind} NodePort of {number} {version}"] = (
                        kind, node_ips(number)[version], NODE_PORTS[kind[:3]])
        return wanted

    def of_stranger(self, number):
        wanted = {}
        for version in (0, 1):
            for other in range(len(self.cluster.nodes)):
                ip = pod_ips(other, SERVER)[version]
                wanted[f"stranger {number} tcp {other} {version}"] = "tcp-once", ip, 80
                wanted[f"stranger {number} udp {other} {version}"] = "udp", ip, 80
                wanted[f"stranger {number} ping {other} {version}"] = "ping", ip, 0
            wanted[f"stranger {number} ClusterIP {version}"] = "udp", VIPS["steady"][version], 80
            wanted[f"stranger {number} balancer {version}"] = "tcp-once", BALANCERS["local"][version], 80
        return wanted

    # What must not be

    def faults(self):
        """Texts. A load that complains is ended, so that it says what about."""
        found = self.faults_of_counters()
        for load in [load for load in self.loads if load.faults]:
            self.loads.remove(load)
            found += self.complaints(load, load.end())
        return found

    @staticmethod
    def complaints(load, results):
        return [f"{name}: {counts}" for name, counts in results.items()
                if (counts.back if load.denied else counts.lost or not counts.back) or any(counts.errors.values())]

    def end(self):
        """(messages that came back, messages that nobody answered, texts of what is wrong)."""
        for load in self.loads:
            load.stop()
        passed = denied = 0
        wrong = []
        for load in self.loads:
            results = load.end()
            wrong += self.complaints(load, results)
            passed += sum(counts.back for counts in results.values())
            denied += sum(counts.sent for counts in results.values()) if load.denied else 0
        return passed, denied, wrong + self.faults_of_counters()

    def faults_of_counters(self):
        return [f"{count} packets of strangers reached a server" for counters in self.counters
                for count in counters.read().values() if count]

    def close(self):
        for task in [*self.loads, *self.echoes]:
            task.kill()
