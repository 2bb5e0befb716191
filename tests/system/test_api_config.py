# SPDX-License-Identifier: Apache-2.0
"""How the API source finds its servers and proves who it is: kubeconfig, and as a pod in a cluster."""

import base64
import os
import ssl

import pytest
import yaml

from fake_api import FakeApi
from test_api_source import Source
from weir import run, wait_for


def openssl(*args):
    run("openssl", *args)


class Authority:
    """A certificate authority with a server and a client, as files of a directory."""

    def __init__(self, path, name="ca"):
        self.path, self.name = path, name
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2,
                "-subj", f"/CN={name}", "-keyout", self.file("ca.key"), "-out", self.file("ca.crt"))

    def file(self, name):
        return str(self.path / f"{self.name}-{name}")

    def data(self, name):
        with open(self.file(name), "rb") as file:
            return base64.b64encode(file.read()).decode()

    def issue(self, name, *alternatives):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", self.file(f"{name}.key"), "-out", self.file(f"{name}.csr"))
        with open(self.file(f"{name}.ext"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName={','.join(alternatives) or 'DNS:' + name}\n")
        openssl("x509", "-req", "-days", 2, "-in", self.file(f"{name}.csr"), "-CA", self.file("ca.crt"),
                "-CAkey", self.file("ca.key"), "-CAcreateserial", "-extfile", self.file(f"{name}.ext"),
                "-out", self.file(f"{name}.crt"))

    def serve(self, name, clients=False):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.file(f"{name}.crt"), self.file(f"{name}.key"))
        if clients:
            tls.load_verify_locations(self.file("ca.crt"))
            tls.verify_mode = ssl.CERT_REQUIRED
        api = FakeApi(tls=tls)
        api.put("namespaces", "", "shop")
        return api


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    ca = Authority(tmp_path_factory.mktemp("tls"))
    ca.issue("server", "IP:127.0.0.1")
    ca.issue("named", "DNS:api.cluster")
    ca.issue("client")
    return ca


def kubeconfig(path, cluster, user):
    text = yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "two",
        "clusters": [{"name": "other", "cluster": {"server": "https://192.0.2.1"}}, {"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "one", "context": {"cluster": "other", "user": "u"}},
                     {"name": "two", "context": {"cluster": "c", "user": "u"}}]})
    (path / "kubeconfig").write_text(text)
    return str(path / "kubeconfig")


def test_client_certificates_from_files_and_as_data(authority, tmp_path):
    files = {"client-certificate": authority.file("client.crt"), "client-key": authority.file("client.key")}
    data = {f"{name}-data": authority.data(path.rsplit("-", 1)[1]) for name, path in files.items()}
    with authority.serve("server", clients=True) as api:
        for cluster, user in (({"certificate-authority": authority.file("ca.crt")}, files),
                              ({"certificate-authority-data": authority.data("ca.crt")}, data)):
            with Source(kubeconfig=kubeconfig(tmp_path, {"server": api.url + "/", **cluster}, user)) as source:
                source.synced()
                source.is_exactly("Namespace shop")
        with Source(kubeconfig=kubeconfig(tmp_path, {"server": api.url, **cluster}, {})) as source:
            wait_for(lambda: source.last["problems"], "a refusal without a certificate")


def test_files_beside_the_kubeconfig(authority, tmp_path):
    for name in ("ca.crt", "client.crt", "client.key"):
        os.symlink(authority.file(name), tmp_path / name)
    user = {"client-certificate": "client.crt", "client-key": "./client.key"}
    with authority.serve("server", clients=True) as api:
        path = kubeconfig(tmp_path, {"server": api.url, "certificate-authority": "ca.crt"}, user)
        with Source(kubeconfig=path) as source:
            source.synced()


def test_a_server_that_is_somebody_else(authority, tmp_path):
    other = Authority(tmp_path, "other")
    with authority.serve("server") as api:
        path = kubeconfig(tmp_path, {"server": api.url, "certificate-authority": other.file("ca.crt")}, {})
        with Source(kubeconfig=path) as source:
            source.problem("SSL certificate problem")
        path = kubeconfig(tmp_path, {"server": api.url, "insecure-skip-tls-verify": True}, {})
        with Source(kubeconfig=path) as source:
            source.synced()


def test_the_name_in_the_certificate(authority, tmp_path):
    cluster = {"certificate-authority": authority.file("ca.crt")}
    with authority.serve("named") as api:
        with Source(kubeconfig=kubeconfig(tmp_path, {"server": api.url, **cluster}, {})) as source:
            source.problem("certificate subject name")
        path = kubeconfig(tmp_path, {"server": api.url, "tls-server-name": "api.cluster", **cluster}, {})
        with Source(kubeconfig=path) as source:
            source.synced()


def test_other_servers_than_the_one_of_the_kubeconfig(authority, tmp_path):
    cluster = {"server": "https://127.0.0.1:9", "certificate-authority": authority.file("ca.crt")}
    with authority.serve("server") as api:
        with Source("https://127.0.0.1:10", api.url, kubeconfig=kubeconfig(tmp_path, cluster, {})) as source:
            source.synced()
            assert source.last["server"] == api.url


def test_a_token(authority, tmp_path):
    with authority.serve("server") as api:
        api.tokens = {"right"}
        cluster = {"server": api.url, "certificate-authority": authority.file("ca.crt")}
        with Source(kubeconfig=kubeconfig(tmp_path, cluster, {"token": "wrong"})) as source:
            source.problem("HTTP status 401: Unauthorized")
        with Source(kubeconfig=kubeconfig(tmp_path, cluster, {"token": "right"})) as source:
            source.synced()


def in_pod(authority, api, path):
    os.symlink(authority.file("ca.crt"), path / "ca.crt")
    (path / "token").write_text("first\n")
    host, port = api.address
    return {"pod_dir": path, "env": {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}}


def test_in_a_pod_with_a_token_that_rotates(authority, tmp_path):
    with authority.serve("server") as api:
        api.tokens = {"first"}
        with Source(**in_pod(authority, api, tmp_path)) as source:
            source.synced()
            wait_for(api.watched, "all is watched")
            api.tokens = {"second"}
            api.cut()
            source.problem("HTTP status 401")
            (tmp_path / "token.new").write_text("second")
            os.rename(tmp_path / "token.new", tmp_path / "token")
            source.no_problems()
            api.put("namespaces", "", "late")
            source.has("Namespace late")
            assert len(api.asked("list", "namespaces")) == 1


@pytest.mark.parametrize("text", (None, "", "two words", "line\nline"))
def test_in_a_pod_with_a_token_that_is_none(authority, tmp_path, text):
    with authority.serve("server") as api:
        api.tokens = {"first"}
        more = in_pod(authority, api, tmp_path)
        with Source(**more) as source:
            source.synced()
            os.unlink(tmp_path / "token")
            if text is not None:
                (tmp_path / "token").write_text(text)
            api.cut()
            source.problem("the token file cannot be used")
            (tmp_path / "token").unlink(missing_ok=True)
            (tmp_path / "token").write_text("first")
            source.no_problems()


def test_an_authority_that_rotates(authority, tmp_path):
    other = Authority(tmp_path, "other")
    with authority.serve("server") as api:
        api.tokens = {"first"}
        more = in_pod(authority, api, tmp_path)
        os.unlink(tmp_path / "ca.crt")
        os.symlink(other.file("ca.crt"), tmp_path / "ca.crt")
        with Source(**more) as source:
            source.problem("SSL certificate problem")
            os.symlink(authority.file("ca.crt"), tmp_path / "new")
            os.rename(tmp_path / "new", tmp_path / "ca.crt")
            source.synced()


def test_before_services_work(authority, tmp_path):
    """The Service's address leads nowhere; the servers that are given do."""
    with authority.serve("server") as api:
        api.tokens = {"first"}
        more = in_pod(authority, api, tmp_path)
        more["env"]["KUBERNETES_SERVICE_PORT"] = "9"
        with Source(api.url, **more) as source:
            source.synced()
