# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API server that lists and watches, and misbehaves as a test wants.

It keeps objects by kind, gives every change a resourceVersion, pages lists with continue tokens
and sends watches as chunked JSON lines. misbehave() queues what happens to the next request of a
kind and verb; cut(), stall() and compact() act on what is going on.
"""

import base64
import collections
import copy
import gzip
import http.server
import json
import socket
import ssl
import threading
import time
from urllib.parse import parse_qs, urlsplit

from fake_api_kinds import KINDS, OPTIONAL, place_of, status_object
from fake_api_write import write

BOOKMARK_S = 0.2
ACCOUNT = "system:serviceaccount:kube-system:weir"
COMPRESS_MIN = 1000  # bytes of an answer


def key_of(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


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
            self.answer(*(api.forbidden or write(api, self.command, path, self.headers["Content-Type"], body)))

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


class FakeApi:
    """A context manager; url is where it serves."""

    def __init__(self, address=("127.0.0.1", 0), tls=None):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.objects = {plural: {} for plural in KINDS}
        self.history = collections.defaultdict(list)
        self.requests = []
        self.queued = collections.defaultdict(collections.deque)
        self.watching = collections.Counter()
        self.version, self.oldest, self.generation, self.how = 1000, 0, 0, None
        self.absent = set(OPTIONAL)
        self.forbidden = set()  # what the account may not read
        self.tokens = None
        self.writes = []  # method, path with query, body
        self.events = {}  # by namespace and name
        self.forbidden = None  # status and body that every write is answered with
        self.bookmarks, self.closed = True, False
        self.server = Server(address, Handler)
        self.server.api = self
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        host, port = self.server.server_address[:2]
        self.address = host, port
        self.url = f"{'https' if tls else 'http'}://{host}:{port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed = True
        self.server.shutdown()
        self.server.server_close()

    # Objects

    def put(self, plural, namespace, name, **members):
        """Creates or replaces an object; members are spec, status, and labels of its metadata."""
        with self.changed:
            self.version += 1
            metadata = {"name": name, "resourceVersion": str(self.version), "uid": members.pop("uid", f"uid-{name}"),
                        "labels": members.pop("labels", {}), "managedFields": [{"manager": "test"}]}
            if KINDS[plural][2]:
                metadata["namespace"] = namespace
            kind = "MODIFIED" if (metadata.get("namespace", ""), name) in self.objects[plural] else "ADDED"
            self._tell(plural, kind, {"metadata": metadata, **members})

    def delete(self, plural, namespace, name):
        with self.changed:
            self.version += 1
            item = copy.deepcopy(self.objects[plural][namespace if KINDS[plural][2] else "", name])
            item["metadata"]["resourceVersion"] = str(self.version)
            self._tell(plural, "DELETED", item)

    def _tell(self, plural, change, item):
        group, kind, _ = KINDS[plural]
        if change == "DELETED":
            del self.objects[plural][key_of(item)]
        else:
            self.objects[plural][key_of(item)] = item
        whole = {"kind": kind, "apiVersion": group.split("/", 2)[2], **item}
        self.history[plural].append((self.version, json.dumps({"type": change, "object": whole}).encode()))
        self.changed.notify_all()

    def whole(self, plural, key):
        """An object as a GET of it answers, or None."""
        group, kind, _ = KINDS[plural]
        with self.lock:
            item = copy.deepcopy(self.objects[plural].get(key))
        return item and {"kind": kind, "apiVersion": group.split("/", 2)[2], **item}

    def change(self, plural, item):
        """Stores what an update makes of an object."""
        with self.changed:
            self.version += 1
            item["metadata"]["resourceVersion"] = str(self.version)
            self._tell(plural, "MODIFIED", item)

    def page(self, plural, query):
        """Status and body of a list."""
        group, kind, _ = KINDS[plural]
        with self.lock:
            after, version = None, self.version
            if "continue" in query:
                after, version = json.loads(base64.urlsafe_b64decode(query["continue"]))
                if version < self.oldest:
                    return 410, status_object(410, "The provided continue parameter is too old")
            keys = sorted(key for key in self.objects[plural] if after is None or key > tuple(after))
            limit = int(query.get("limit", 0)) or len(keys)
            metadata = {"resourceVersion": str(version)}
            if len(keys) > limit:
                token = json.dumps([keys[limit - 1], version]).encode()
                metadata["continue"] = base64.urlsafe_b64encode(token).decode()
                metadata["remainingItemCount"] = len(keys) - limit
            items = [self.objects[plural][key] for key in keys[:limit]]
            return 200, {"kind": f"{kind}List", "apiVersion": group.split("/", 2)[2], "metadata": metadata,
                         "items": items or None}

    # Misbehaviour

    def misbehave(self, verb, plural, *faults):
        """Each fault is what happens to one request, in their order: fault(handler, plural, query)."""
        with self.lock:
            self.queued[verb, plural].extend(faults)

    def _end_watches(self, how):
        with self.changed:
            self.generation += 1
            self.how = how
            self.changed.notify_all()

    def cut(self, text=b'{"type":"ADDED","object":{"kind":"Po'):
        """All watches end in the middle of an event."""
        def how(handler):
            handler.chunk(text)
            handler.drop()
        self._end_watches(how)

    def stall(self):
        """No watch says anything any more."""
        self._end_watches(Handler.hang)

    def compact(self):
        """Versions of the past are gone: 410 for who asks for them."""
        with self.lock:
            self.version += 1
            self.oldest = self.version
            self.history.clear()

    def snapshot(self):
        """What set_back() takes."""
        with self.lock:
            return self.version, copy.deepcopy(self.objects)

    def set_back(self, state):
        """As after etcd was restored: a former state, a former version, and all connections are gone."""
        with self.lock:
            self.version, self.objects = state[0], copy.deepcopy(state[1])
            self.history.clear()
        self._end_watches(Handler.drop)

    def asked(self, verb, plural, since=0):
        """Queries of the requests that came, the first ones left out."""
        with self.lock:
            found = [query for v, p, query, _ in self.requests if (v, p) == (verb, plural)]
        return found[since:]

    def watched(self, *plurals):
        """All of these kinds are being watched."""
        with self.lock:
            return all(self.watching[plural] for plural in plurals or set(KINDS) - self.absent)


def write_kubeconfig(path, url):
    """For a server without TLS and credentials."""
    text = json.dumps({
        "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": url}}], "users": [{"name": "x", "user": {}}]})
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return str(path)


def refuse(code, message="no", headers=()):
    """A fault: an HTTP error."""
    return lambda handler, plural, query: handler.answer(code, status_object(code, message), headers)


def garbage(text):
    """A fault: an answer with status 200 that is something else."""
    return lambda handler, plural, query: handler.answer(200, text)


def hang(handler, plural, query):
    """A fault: the request is taken and never answered."""
    handler.hang()


def cut_page(share):
    """A fault: the list ends after so much of it."""
    def fault(handler, plural, query):
        _, body = handler.server.api.page(plural, query)
        text = json.dumps(body).encode()
        handler.begin()
        handler.chunk(text[:int(len(text) * share)])
        handler.drop()
    return fault


def events(*lines):
    """A fault: a watch that sends these lines and ends."""
    def fault(handler, plural, query):
        handler.begin()
        for line in lines:
            handler.chunk(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        handler.chunk(b"")
    return fault
