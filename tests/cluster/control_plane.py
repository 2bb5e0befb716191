# SPDX-License-Identifier: Apache-2.0
"""The control plane, as processes on this machine: etcd, the API server, controllers, scheduler, cluster DNS."""

import os
import secrets
import shutil

import builds
import kube
from machine import DIR, HOST_IPS, NUMBER, make_cgroup, run, spawn, wait_for

PKI, LOGS, CGROUP = f"{DIR}/pki", f"{DIR}/logs", "control"
ETCD = f"{DIR}/etcd"
# On this machine every control plane needs its own.
PORT, ETCD_PORT, ETCD_PEER_PORT, CONTROLLER_PORT, SCHEDULER_PORT = (
    port + 10 * NUMBER for port in (6443, 12379, 12380, 10257, 10259))
# This machine routes to pods; Services are only known inside of a cluster.
POD_CIDRS = {4: f"10.{240 + NUMBER}.0.0/16", 6: f"fd00:{240 + NUMBER}::/56"}
SERVICE_CIDRS = {4: "10.96.0.0/16", 6: "fd00:96::/112"}
API_IPS, DNS_IPS = {4: "10.96.0.1", 6: "fd00:96::1"}, {4: "10.96.0.10", 6: "fd00:96::a"}
USERS = {"admin": "system:masters", "system:kube-controller-manager": "", "system:kube-scheduler": "",
         "coredns": "system:masters"}
COREFILE = """\
.:53 {{
    bind {ip}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
    cache 5
}}
"""


def bracketed(address):
    return f"[{address}]" if ":" in address else address


def _openssl(*words):
    run("openssl", *words)


class ControlPlane:
    """families: (4,), (6,), or both with the first one first."""

    def __init__(self, families, nodes):
        self.families, self.processes = families, {}
        self.ip = HOST_IPS[families[0]]
        self.url = f"https://{bracketed(self.ip)}:{PORT}"
        self.tokens = {user: secrets.token_hex(16) for user in [*USERS, *nodes]}
        self.nodes = nodes

    def _list(self, by_family):
        return ",".join(by_family[family] for family in self.families)

    # Files

    def prepare(self):
        os.makedirs(PKI)
        os.makedirs(LOGS)
        make_cgroup(CGROUP)
        self._certificates()
        _openssl("genrsa", "-out", f"{PKI}/accounts.key", "2048")
        with open(f"{PKI}/tokens.csv", "w", encoding="ascii") as file:
            for user, token in self.tokens.items():
                name, group = (f"system:node:{user}", "system:nodes") if user in self.nodes else (user, USERS[user])
                file.write(f'{token},{name},{user},"{group}"\n')
        for user in self.tokens:
            path = kube.KUBECONFIG if user == "admin" else self.kubeconfig(user)
            kube.write_kubeconfig(path, self.url, f"{PKI}/ca.crt", user, self.tokens[user])

    def kubeconfig(self, user):
        return f"{PKI}/{user.replace(':', '-')}.kubeconfig"

    def _certificates(self):
        names = ["DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc",
                 "DNS:kubernetes.default.svc.cluster.local", "IP:127.0.0.1"]
        names += [f"IP:{ip}" for ip in (*HOST_IPS.values(), *API_IPS.values())]
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=weir-test-cluster",
                 "-keyout", f"{PKI}/ca.key", "-out", f"{PKI}/ca.crt")
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=kube-apiserver",
                 "-keyout", f"{PKI}/api.key", "-out", f"{PKI}/api.csr")
        with open(f"{PKI}/api.ext", "w", encoding="ascii") as file:
            file.write(f"subjectAltName={','.join(names)}\n")
        _openssl("x509", "-req", "-days", "30", "-in", f"{PKI}/api.csr", "-CA", f"{PKI}/ca.crt", "-CAkey",
                 f"{PKI}/ca.key", "-CAcreateserial", "-extfile", f"{PKI}/api.ext", "-out", f"{PKI}/api.crt")

    # Processes

    def _spawn(self, name, *options):
        self.processes[name] = spawn(CGROUP, f"{LOGS}/{name}.log", f"{builds.BIN}/{name}", *options)

    def start_api(self):
        self._spawn(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{ETCD_PORT}",
            f"--advertise-address={self.ip}", f"--bind-address={self.ip}", f"--secure-port={PORT}", f"--tls-cert-file={PKI}/api.crt", f"--tls-private-key-file={PKI}/api.key",
            f"--token-auth-file={PKI}/tokens.csv", "--authorization-mode=Node,RBAC", "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-cluster-ip-range={self._list(SERVICE_CIDRS)}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={PKI}/accounts.key",
            f"--service-account-signing-key-file={PKI}/accounts.key", "--profiling=false")
        wait_for(lambda: kube.kubectl("get", "--raw", "/readyz") == "ok", "the API server is ready", 180)

    def stop(self, *names):
        """As by a crash: kill -9."""
        for name in names:
            process = self.processes.pop(name)
            process.kill()
            process.wait()

    def stop_api(self):
        self.stop("kube-apiserver")

    def _start_etcd(self):
        clients, peers = (f"http://127.0.0.1:{port}" for port in (ETCD_PORT, ETCD_PEER_PORT))
        self._spawn("etcd", f"--data-dir={ETCD}", f"--listen-client-urls={clients}",
                    f"--advertise-client-urls={clients}", f"--listen-peer-urls={peers}",
                    f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}",
                    "--unsafe-no-fsync", "--log-level=warn")

    def exchange_etcd(self, source, target):
        """Copies the data directory source to target, one of which is ETCD, while nothing runs; then starts
        all that knows resourceVersions anew, as Kubernetes' documentation advises for a restore."""
        self.stop("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        self.start()

    def start(self):
        self._start_etcd()
        self.start_api()
        self._start_controllers()

    def _start_controllers(self):
        masks = {4: "--node-cidr-mask-size", 6: "--node-cidr-mask-size"}
        if len(self.families) == 2:
            masks = {family: f"--node-cidr-mask-size-ipv{family}" for family in self.families}
        sizes = {4: 24, 6: 64}
        self._spawn(
            "kube-controller-manager", f"--kubeconfig={self.kubeconfig('system:kube-controller-manager')}",
            "--leader-elect=false", "--use-service-account-credentials", "--allocate-node-cidrs",
            f"--cluster-cidr={self._list(POD_CIDRS)}", f"--service-cluster-ip-range={self._list(SERVICE_CIDRS)}",
            *[f"{masks[family]}={sizes[family]}" for family in self.families], f"--root-ca-file={PKI}/ca.crt",
            f"--service-account-private-key-file={PKI}/accounts.key", "--bind-address=127.0.0.1",
            f"--secure-port={CONTROLLER_PORT}")
        self._spawn("kube-scheduler", f"--kubeconfig={self.kubeconfig('system:kube-scheduler')}",
                    "--leader-elect=false", "--bind-address=127.0.0.1", f"--secure-port={SCHEDULER_PORT}")

    def start_dns(self):
        """Cluster DNS: a process outside, behind a Service without selector."""
        path = f"{DIR}/Corefile"
        with open(path, "w", encoding="ascii") as file:
            file.write(COREFILE.format(ip=self.ip, kubeconfig=self.kubeconfig("coredns")))
        self._spawn("coredns", "-conf", path)
        ports = [{"name": name, "port": 53, "protocol": name.upper()} for name in ("udp", "tcp")]
        kube.apply(
            {"apiVersion": "v1", "kind": "Service", "metadata": {
                "name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
             "spec": {"clusterIP": DNS_IPS[self.families[0]], "ports": ports}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {
                "name": "kube-dns-outside", "namespace": "kube-system",
                "labels": {"kubernetes.io/service-name": "kube-dns"}},
             "addressType": f"IPv{self.families[0]}", "endpoints": [{"addresses": [self.ip]}],
             "ports": ports})
