# SPDX-License-Identifier: Apache-2.0
"""How the fake API server speaks HTTP: lists in one answer, watches as chunked JSON lines.

What there is to say is the FakeApi's (fake_api.py), which is the server's `api`.
"""

import gzip
import http.server
import json
import socket
import ssl
import time
from urllib.parse import parse_qs, urlsplit

from fake_api_kinds import KINDS, place_of, status_object
from fake_api_write import write

BOOKMARK_S = 0.2
ACCOUNT = "system:serviceaccount:kube-system:weir"
COMPRESS_MIN = 1000  # bytes of an answer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        api = self.server.api
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        plural = url.path.rsplit("/", 1)[1]
        one = place_of(url.path)
        if one and not url.path.endswith(f"{KINDS[one[0]][0]}/{plural}"):
            item = api.whole(*one)
            self.answer(*((200, item) if item else (404, status_object(404, "not found"))))
            return
        verb = "watch" if query.get("watch") == "1" else "list"
        with api.lock:
            api.requests.append((verb, plural, query, time.monotonic()))
            queued = api.queued[verb, plural]
            fault = queued.popleft() if queued else None
        if api.tokens is not None and self.headers.get("Authorization") not in [f"Bearer {t}" for t in api.tokens]:
            self.answer(401, status_object(401, "Unauthorized"))
        elif plural in api.forbidden:
            self.answer(403, status_object(403, (
                f'{plural} is forbidden: User "{ACCOUNT}" cannot {verb} resource "{plural}" in API group "" '
                "at the cluster scope")))
        elif plural not in KINDS or url.path != f"{KINDS[plural][0]}/{plural}" or plural in api.absent:
            self.answer(404, "404 page not found\n")
        elif fault:
            fault(self, plural, query)
        elif verb == "watch":
            self.watch(plural, query)
        else:
            self.answer(*api.page(plural, query))

    def write(self):
        api = self.server.api
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        path = urlsplit(self.path).path
        with api.changed:
            api.writes.append((self.command, self.path, body))
            self.answer(*(api.write_refusal or write(api, self.command, path, self.headers["Content-Type"], body)))

    do_POST = do_PATCH = write
    do_PUT = do_DELETE = None  # the agent never does

    def answer(self, code, body, headers=()):
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        if len(text) > COMPRESS_MIN and "gzip" in self.headers.get("Accept-Encoding", ""):
            text = gzip.compress(text, 1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def begin(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def hang(self):
        """Says nothing more until the other side or the test has had enough."""
        self.connection.settimeout(0.1)
        while not self.server.api.closed:
            try:
                if not self.connection.recv(1):
                    break
            except (TimeoutError, ssl.SSLWantReadError):
                continue
            except OSError:
                break
        self.close_connection = True

    def drop(self):
        """Ends the connection without the end of the answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def watch(self, plural, query):
        api = self.server.api
        at = int(query["resourceVersion"])
        with api.lock:
            if at < api.oldest:
                error = {"type": "ERROR", "object": status_object(410, f"too old resource version: {at}")}
            else:
                error = None
            generation = api.generation
            api.watching[plural] += 1
        try:
            self.begin()
            if error:
                self.chunk(json.dumps(error).encode() + b"\n")
            else:
                self.send_events(plural, at, generation, time.monotonic() + int(query.get("timeoutSeconds", 60)))
            if not self.close_connection:
                self.chunk(b"")
        finally:
            with api.lock:
                api.watching[plural] -= 1

    def send_events(self, plural, at, generation, until):
        api = self.server.api
        bookmark = time.monotonic() + BOOKMARK_S
        while time.monotonic() < until and not api.closed:
            with api.changed:
                if not api.history[plural] or api.history[plural][-1][0] <= at:
                    api.changed.wait(0.02)
                lines = [(rv, line) for rv, line in api.history[plural] if rv > at]
                how = api.how if api.generation != generation else None
                now = api.version
            for rv, line in lines:
                self.chunk(line + b"\n")
                at = rv
            if how:
                how(self)
                return
            # Who asks for a version of the future hears nothing before it comes, as of a real server.
            if time.monotonic() > bookmark and api.bookmarks and now >= at:
                group, kind, _ = KINDS[plural]
                mark = {"type": "BOOKMARK", "object": {"kind": kind, "apiVersion": group.split("/", 2)[2],
                                                       "metadata": {"resourceVersion": str(now)}}}
                self.chunk(json.dumps(mark).encode() + b"\n")
                at = now
                bookmark = time.monotonic() + BOOKMARK_S


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that went away
