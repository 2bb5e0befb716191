# SPDX-License-Identifier: Apache-2.0
"""Services for the system tests: objects as `kubectl get -o yaml` prints them, clients and servers behind them."""

import contextlib
import errno
import os
import secrets
import socket
import struct

import yaml

from traffic import FAMILIES, inside
from weir import family_of

VIPS = ("10.96.0.10", "fd00:96::10")
FAMILY_NAMES = {4: "IPv4", 6: "IPv6"}
IPV6_CHECKSUM = 7
CREATED = "2026-03-01T10:20:30Z"


def _metadata(namespace, name, labels):
    return {"creationTimestamp": CREATED, "labels": labels, "name": name, "namespace": namespace,
            "resourceVersion": str(secrets.randbelow(1 << 31)),
            "uid": f"7d1a9c3e-0000-4000-8000-{secrets.token_hex(6)}"}


def _port(text):
    """"tcp:80" or "tcp:80:name" as members of a port."""
    proto, number, *name = text.split(":")
    return {**({"name": name[0]} if name else {}), "port": int(number), "protocol": proto.upper()}


def service(key, *ports, vips=VIPS, labels=None, **spec):
    """A Service: key is "namespace/name"; ports are like "tcp:80:http"; None takes a field of the spec away."""
    namespace, name = key.split("/")
    families = [FAMILY_NAMES[family_of(vip)] for vip in vips]
    wanted = {"clusterIP": vips[0], "clusterIPs": list(vips), "internalTrafficPolicy": "Cluster",
              "ipFamilies": families, "ipFamilyPolicy": "RequireDualStack" if len(vips) > 1 else "SingleStack",
              "ports": [{**_port(text), "targetPort": _port(text)["port"]} for text in ports],
              "selector": {"app": name}, "sessionAffinity": "None", "type": "ClusterIP", **spec}
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": _metadata(namespace, name, {"app": name, **(labels or {})}),
            "spec": {field: value for field, value in wanted.items() if value is not None},
            "status": {"loadBalancer": {}}}


def endpoint(address, node, pod=None, ready=True, serving=None, terminating=False):
    """An endpoint of a slice; node is the name of the node where it is, or None."""
    said = {"addresses": [address], "conditions": {"ready": ready, "serving": ready if serving is None else serving,
                                                   "terminating": terminating}}
    if node:
        said["nodeName"] = node
    if pod:
        said["targetRef"] = {"kind": "Pod", "name": pod.pod, "namespace": pod.namespace}
    return said


def endpoint_slice(key, suffix, endpoints, *ports):
    """One EndpointSlice of the service "namespace/name"; all endpoints are of one family."""
    namespace, name = key.split("/")
    family = family_of(endpoints[0]["addresses"][0]) if endpoints else 4
    labels = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
              "kubernetes.io/service-name": name}
    return {"addressType": FAMILY_NAMES[family], "apiVersion": "discovery.k8s.io/v1", "endpoints": endpoints,
            "kind": "EndpointSlice", "metadata": _metadata(namespace, f"{name}-{suffix}", labels),
            "ports": [{"name": "", **_port(text)} for text in ports]}


def slices(node, key, pods, *ports, suffix="", **conditions):
    """The slices of both families in which these pods of the node are."""
    made = []
    for version in (4, 6):
        found = [(pod, ip) for pod in pods for ip in pod.ips if family_of(ip) == version]
        endpoints = [endpoint(ip, node.name, pod, **conditions) for pod, ip in found]
        made.append({**endpoint_slice(key, f"v{version}{suffix}", endpoints, *ports),
                     "addressType": FAMILY_NAMES[version]})
    return made


def text_of(*objects):
    """As a list, which is how `kubectl get -o yaml` prints more than one."""
    return yaml.safe_dump({"apiVersion": "v1", "items": list(objects), "kind": "List",
                           "metadata": {"resourceVersion": ""}})


def serve_by_name(*pods, ports=("tcp:80", "udp:80")):
    """Each answers with its pod's name."""
    for pod in pods:
        pod.serve(*ports, name=pod.pod)


def answers(client, proto, address, port, times=40, timeout_ms=2000):
    """Who answers that many new connections, as a set; what is no answer stands for itself: "refused"."""
    found = client.probe_answers(*[(proto, address, port)] * times, timeout_ms=timeout_ms)
    return {answer if result == "open" else result for result, answer in found}


def result(client, proto, address, port, timeout_ms=2000):
    return client.probe((proto, address, port), timeout_ms=timeout_ms)[0]


@contextlib.contextmanager
def connection(client, address, port, source_port=0, timeout=3):
    """A TCP connection out of client."""
    with inside(client):
        sock = socket.socket(FAMILIES[family_of(address)])
    with sock:
        sock.settimeout(timeout)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if source_port:
            sock.bind(("", source_port))
        sock.connect((address, port))
        yield sock


def says(sock, text=b"?"):
    """What comes back; the name of the error when none does."""
    try:
        sock.send(text)
        return sock.recv(65536)
    except socket.timeout:
        return "silence"
    except OSError as error:
        return errno.errorcode[error.errno]


def one_way(netns, source, address, first_port, ports, rounds=range(1024, 65536)):
    """One datagram of each of many flows, by a raw socket: nobody hears what comes back. How many were sent."""
    version = family_of(address)
    with inside(netns):
        raw = socket.socket(FAMILIES[version], socket.SOCK_RAW, socket.IPPROTO_UDP)
    with raw:
        raw.bind((source, 0))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        if version == 6:
            raw.setsockopt(socket.IPPROTO_IPV6, IPV6_CHECKSUM, 6)  # where it stands in the header
        sent = 0
        for port in range(first_port, first_port + ports):
            for source_port in rounds:
                raw.sendto(struct.pack("!HHHHQ", source_port, port, 16, 0, sent), (address, 0))
                sent += 1
    return sent


class Shop:
    """A client, a stranger and three backends of one service; tests write the Service and its slices."""

    KEY = "shop/back"

    def __init__(self, node):
        self.node = node
        self.client, self.stranger = (node.add_pod("shop", name, labels={"app": name})
                                      for name in ("client", "stranger"))
        self.backends = [node.add_pod("shop", name, labels={"app": "back", "who": name})
                         for name in ("one", "two", "three")]
        serve_by_name(*self.backends, ports=[f"{proto}:{port}" for proto in ("tcp", "udp") for port in (80, 8080)])
        self.base = set(os.listdir(node.manifests))

    @property
    def names(self):
        return {pod.pod for pod in self.backends}

    def put(self, name, *objects):
        """Writes a file as kubectl prints it; returns when it is in force."""
        self.node.write(f"{name}.yaml", text_of(*objects))
        self.node.settle()

    def slices(self, *pods, ports=("tcp:80:web", "udp:80:dns"), **more):
        return slices(self.node, self.KEY, pods, *ports, **more)

    def endpoints(self, *pods, **more):
        """From now on the service has these."""
        self.put("slices", *self.slices(*pods, **more))

    def open(self, *pods, **spec):
        """The service with these backends, tcp and udp on port 80."""
        self.put("service", service(self.KEY, "tcp:80:web", "udp:80:dns", **spec))
        self.endpoints(*pods)

    def forget(self):
        """All connections: a datagram from a source port that was in use goes where its flow goes, affinity or not."""
        self.node.weir("conntrack", "flush")

    def clean(self):
        """The service is gone; the agent is there."""
        if not self.node.agent:
            self.node.start()
        for name in set(os.listdir(self.node.manifests)) - self.base:
            os.unlink(f"{self.node.manifests}/{name}")
        self.node.settle()
