# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API server that lists and watches, and misbehaves as a test wants.

It keeps objects by kind, gives every change a resourceVersion, pages lists with continue tokens
and sends watches as chunked JSON lines. misbehave() queues what happens to the next request of a
kind and verb; cut(), stall() and compact() act on what is going on.
"""

import base64
import collections
import copy
import json
import threading

from fake_api_http import Handler, Server
from fake_api_kinds import KINDS, OPTIONAL, status_object


def key_of(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


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
        self.write_refusal = None  # status and body that every write is answered with
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
