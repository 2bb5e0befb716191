# SPDX-License-Identifier: Apache-2.0
"""Whoever may open the control socket, or feeds the plugin: what they send is bounded, and others are served."""

import json
import os
import resource
import socket
import subprocess
import time

import pytest

import weir
from peak import Peak
from weir import wait_for

CROWD = 1000
GROWTH_MIB = 64
ANSWER_S = weir.DEADLINE_S  # nobody is locked out; how fast it is depends on the machine
KIB, MIB = 1 << 10, 1 << 20
POST = b"POST /v1/cni/add HTTP/1.1\r\nHost: weir\r\n"
POLICIES = 4000


@pytest.fixture(scope="module")
def node():
    with weir.Node(uplink=False) as made:
        yield made


def dial(node):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(ANSWER_S)
    wait_for(lambda: not sock.connect_ex(node.socket), "the socket takes a connection", every_s=0.005)
    return sock


class Crowd:
    """Connections that say the same and then nothing."""

    def __init__(self, node, count, text=b""):
        self.socks = []
        for _ in range(count):
            self.socks.append(dial(node))
            self.socks[-1].setblocking(False)
            self.push(self.socks[-1], text)

    @staticmethod
    def push(sock, text):
        try:
            while text:
                text = text[sock.send(text):]
        except OSError:
            pass  # it is not read, or was closed: both are fine

    def open_count(self):
        count = 0
        for sock in self.socks:
            try:
                count += bool(sock.recv(KIB))
            except BlockingIOError:
                count += 1
            except OSError:
                pass
        return count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.socks:
            sock.close()


def served(node):
    """Another client is answered in time."""
    started = time.monotonic()
    status, _ = node.api("GET", "/v1/status")
    assert status == 200 and time.monotonic() - started < ANSWER_S


def descriptors(node):
    return len(os.listdir(f"/proc/{node.agent.pid}/fd"))


def test_a_thousand_idle_connections_keep_nobody_waiting(node):
    before = descriptors(node)
    with Peak(node.agent.pid) as peak, Crowd(node, CROWD) as crowd:
        served(node)
        assert crowd.open_count() == CROWD
        assert peak.mib() < GROWTH_MIB
    wait_for(lambda: descriptors(node) <= before, "they are let go")


def test_of_too_many_connections_the_oldest_go(nodes):
    few = nodes(uplink=False, start=False)
    made = few.command
    few.command = lambda *more: made(*more, before=("prlimit", "--nofile=200:200"))
    few.start()
    with Crowd(few, 300) as crowd:
        served(few)
        assert descriptors(few) < 200
        assert wait_for(lambda: crowd.open_count() <= 100, "the oldest are closed")
        few.write("p.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n")
        few.settle()  # there are descriptors left for files


HALVES = {
    "nothing of a request line": b"GET /v1/sta",
    "no end of the headers": POST + b"X-Long: " + b"x" * 6000,
    "no end of the body": POST + b"Content-Length: 1000000\r\n\r\n" + b" " * 900 * KIB,
    "no end of the chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b" " * 0xffff,
}


@pytest.mark.parametrize("half", HALVES)
def test_half_requests_are_bounded(node, half):
    with Peak(node.agent.pid) as peak, Crowd(node, CROWD, HALVES[half]):
        served(node)
        assert peak.mib() < GROWTH_MIB


def test_answers_that_nobody_fetches_are_bounded(node):
    objects = [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": f"policy-{number}", "namespace": "many"}, "spec": {}} for number in range(POLICIES)]
    node.write("many.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    node.settle()
    answer = node.get("/v1/policies")
    assert len(json.dumps(answer)) > 400 * KIB
    with Peak(node.agent.pid) as peak:
        with Crowd(node, 300, b"GET /v1/policies HTTP/1.1\r\nHost: weir\r\n\r\n"):
            served(node)
            assert node.get("/v1/policies") == answer
        assert peak.mib() < GROWTH_MIB
    os.unlink(f"{node.manifests}/many.json")
    node.settle()


BAD_HTTP = {
    "noise": bytes(range(256)) * 64,
    "NULs": b"\0" * KIB,
    "no version": b"GET /v1/status\r\n\r\n",
    "another version": b"GET /v1/status HTTP/9.9\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    "an unknown method": b"BREW /v1/status HTTP/1.1\r\nHost: weir\r\n\r\n",
    "a method that nothing here has": b"PATCH /v1/status HTTP/1.1\r\nHost: weir\r\n\r\n",
    "an endless line": b"GET /" + b"a" * 8 * MIB,
    "endless headers": b"GET /v1/status HTTP/1.1\r\n" + b"A: b\r\n" * MIB,
    "a header that is none": b"GET /v1/status HTTP/1.1\r\nnothing\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length that is none": POST + b"Content-Length: many\r\n\r\n",
    "a length beyond all numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a large body": POST + b"Content-Length: 8388608\r\n\r\n" + b" " * 8 * MIB,
    "chunks that are none": POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk beyond all numbers": POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    "endless chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"ffff\r\n" + b" " * 0xffff + b"\r\n") * 64,
}


@pytest.mark.parametrize("case", BAD_HTTP)
def test_bad_http_is_refused(node, case):
    """With a status of 4xx or 5xx, or without a word; never with 200."""
    with Peak(node.agent.pid) as peak, dial(node) as sock:
        try:
            sock.sendall(BAD_HTTP[case])
            sock.shutdown(socket.SHUT_WR)
            answer = sock.recv(KIB)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        assert not answer or answer.split()[1][:1] in (b"4", b"5"), answer
        served(node)
        assert peak.mib() < GROWTH_MIB


BAD_BODIES = {
    "no JSON": b"{",
    "NULs": b"\0" * KIB,
    "no object": b"[]",
    "a NUL in a text": b'{"containerID": "a\\u0000b", "ifname": "eth0"}',
    "not UTF-8": b'{"containerID": "\xff", "ifname": "eth0"}',
    "a key twice": b'{"containerID": "a", "containerID": "b", "ifname": "eth0"}',
    "deep nesting": b'{"a":' * 10000 + b"1" + b"}" * 10000,
    "half a million values": b'{"a":[' + b"[]," * 300000 + b"[]]}",
    "a text of a megabyte": b'{"containerID": "' + b"a" * 1000000 + b'", "ifname": "eth0"}',
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_body_is_refused(node, case):
    body = BAD_BODIES[case]
    with Peak(node.agent.pid) as peak, dial(node) as sock:
        sock.sendall(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = b"".join(iter(lambda: sock.recv(64 * KIB), b""))
        assert answer.startswith(b"HTTP/1.1 400 "), answer[:200]
        assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["msg"]
        served(node)
        assert peak.mib() < GROWTH_MIB


# The plugin's configuration

PLUGIN_LIMIT = 128 * MIB  # of its address space; its libraries take a few


def endless():
    while True:
        yield b" " * MIB


CONFIGURATIONS = {
    "endless": endless(),
    "NULs": [b"\0" * KIB],
    "a NUL behind the end": [b'{"cniVersion": "1.0.0", "name": "weir", "type": "weir-cni"}\0{}'],
    "deep nesting": [b"[" * MIB],
    "a million values": [b'{"a":[' + b"{}," * 1000000 + b"{}]}"],
    "no JSON": [b"{"],
    "no object": [b"7"],
    "not UTF-8": [b'{"name": "\xff"}'],
}


@pytest.mark.parametrize("verb", ["ADD", "DEL", "GC"])
@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_configuration_that_is_none_is_refused_by_the_plugin(node, case, verb):
    env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": "c", "CNI_NETNS": node.net.path, "CNI_IFNAME": "eth0",
           "CNI_PATH": "/nonexistent"}
    with subprocess.Popen([weir.PLUGIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (PLUGIN_LIMIT,) * 2)) as plugin:
        try:
            for part in CONFIGURATIONS[case]:
                plugin.stdin.write(part)
            plugin.stdin.close()
        except BrokenPipeError:
            pass
        answer = json.loads(plugin.stdout.read())
        assert plugin.wait(weir.DEADLINE_S)
    assert answer["code"] in (5, 6) and answer["msg"]
