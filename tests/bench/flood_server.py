#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes API server for the benchmarks: cheap enough not to be what is measured.

usage: flood_server.py NODES PODS SERVICES

Pages of lists are made and compressed before the first line on stdout, {"port": ...}; a watch is
sent what is written to it. Then each line on stdin is a command, a JSON object, and is answered
by a line:

    {"put": PLURAL, "object": {...}}    creates or changes it -> {"at": when the watches had it}
    {"delete": PLURAL, "object": {...}} the same
    {"churn": PODS}                     so many pods a second come and go, 0: all that came are gone
                                        -> {"events": how many there were since the former answer}
    {"state": {}}                       -> {"watched": [...], "ready": {node: when its condition came}}

Times are those of the monotonic clock, in seconds. What misbehaves is tests/system/fake_api.py.
"""

import asyncio
import collections
import gzip
import itertools
import json
import os
import sys
import time
from urllib.parse import parse_qs, urlsplit

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import flood_churn  # noqa: E402
import flood_world  # noqa: E402
from fake_api_kinds import KINDS, place_of, status_object  # noqa: E402
from fake_api_write import merge_conditions  # noqa: E402

PAGE = 500  # what weir asks for; another limit gets no pages
BOOKMARK_S = 5
NOT_FOUND = json.dumps(status_object(404, "not found")).encode()


def key_of(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


class Api:
    """The objects: most are pages that nobody changes, the others are put and kept."""

    def __init__(self, size):
        self.version = 1000
        self.pages = {plural: list(self._pages(plural, iter(items))) for plural, items in flood_world.everything(size).items()}
        self.objects = collections.defaultdict(dict)
        self.history = collections.defaultdict(list)  # version, line
        self.watches = collections.defaultdict(set)
        self.ready = {}
        self.events = 0

    def _pages(self, plural, items):
        """As they are sent. Behind them comes one with what was put."""
        for number in itertools.count(1):
            page = list(itertools.islice(items, PAGE))
            if not page:
                return
            for item in page:
                item["metadata"]["resourceVersion"] = str(self.version)
            yield self.list_body(plural, page, number)

    def list_body(self, plural, items, more):
        """more: the number of the page behind it, 0 if there is none."""
        group, kind, _ = KINDS[plural]
        metadata = {"resourceVersion": str(self.version), **({"continue": str(more)} if more else {})}
        text = json.dumps({"kind": f"{kind}List", "apiVersion": group.split("/", 2)[2], "metadata": metadata, "items": items},
                          separators=(",", ":"))
        return gzip.compress(text.encode(), 1)

    def page(self, plural, number):
        pages = self.pages.get(plural, [])
        return pages[number] if number < len(pages) else self.list_body(plural, list(self.objects[plural].values()), 0)

    def tell(self, change, plural, item):
        """An event for all who watch. When they had it."""
        self.version += 1
        self.events += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        line = json.dumps({"type": change, "object": item}, separators=(",", ":")).encode() + b"\n"
        self.history[plural].append((self.version, line))
        at = time.monotonic()
        self.send(plural, line)
        return at

    def send(self, plural, line):
        data = b"%x\r\n%b\r\n" % (len(line), line)
        for writer in self.watches[plural]:
            if not writer.is_closing():
                writer.write(data)

    def put(self, plural, item):
        known = key_of(item) in self.objects[plural]
        self.objects[plural][key_of(item)] = item
        return self.tell("MODIFIED" if known else "ADDED", plural, item)

    def delete(self, plural, item):
        self.objects[plural].pop(key_of(item), None)
        return self.tell("DELETED", plural, item)

    def bookmark(self):
        for plural in KINDS:
            group, kind, _ = KINDS[plural]
            mark = {"kind": kind, "apiVersion": group.split("/", 2)[2], "metadata": {"resourceVersion": str(self.version)}}
            self.send(plural, json.dumps({"type": "BOOKMARK", "object": mark}).encode() + b"\n")

    def write(self, path, body):
        """A node says that its network is there; whatever else comes is taken and forgotten."""
        place = place_of(path.removesuffix("/status"))
        item = place and self.objects[place[0]].get(place[1])
        if not item:
            return body
        if path.endswith("/status"):
            merge_conditions(item, body["status"]["conditions"])
            self.ready[place[1][1]] = time.monotonic()
        self.put(place[0], item)
        return item


def answer(writer, code, body, *headers):
    lines = [f"HTTP/1.1 {code} -", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode() + body)


async def watch(api, reader, writer, plural, version):
    writer.write(b"HTTP/1.1 200 -\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for at, line in api.history[plural]:
        if at > version:
            writer.write(b"%x\r\n%b\r\n" % (len(line), line))
    api.watches[plural].add(writer)
    try:
        await reader.read()
    finally:
        api.watches[plural].discard(writer)


async def take_one(api, reader, writer, head, body):
    method, target, _ = head[0].split(" ", 2)
    url = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    plural = url.path.rsplit("/", 1)[1]
    if method != "GET":
        answer(writer, 200, json.dumps(api.write(url.path, json.loads(body))).encode())
    elif plural not in flood_world.PLURALS or url.path != f"{KINDS[plural][0]}/{plural}":
        answer(writer, 404, NOT_FOUND)
    elif query.get("watch") == "1":
        await watch(api, reader, writer, plural, int(query["resourceVersion"]))
    elif query.get("limit") != str(PAGE):
        answer(writer, 400, json.dumps(status_object(400, f"pages have {PAGE} objects")).encode())
    else:
        answer(writer, 200, api.page(plural, int(query.get("continue", 0))), "Content-Encoding: gzip")


async def serve(api, reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            lengths = [int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:")]
            await take_one(api, reader, writer, head, await reader.readexactly(lengths[0]) if lengths else b"")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # a client that went away
    finally:
        writer.close()


async def command(api, churn, asked):
    if "churn" in asked:
        events = api.events
        await churn.set_rate(asked["churn"])
        api.events = 0
        return {"events": events}
    for verb, do in (("put", api.put), ("delete", api.delete)):
        if verb in asked:
            return {"at": do(asked[verb], asked["object"])}
    return {"watched": [plural for plural in KINDS if api.watches[plural]], "ready": api.ready}


async def bookmarks(api):
    while True:
        await asyncio.sleep(BOOKMARK_S)
        api.bookmark()


async def main():
    size = flood_world.Size(*map(int, sys.argv[1:]))
    api = Api(size)
    churn = flood_churn.Churn(api, size)
    server = await asyncio.start_server(lambda *ends: serve(api, *ends), "127.0.0.1", 0, backlog=128)
    lines = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    tasks = [loop.create_task(bookmarks(api)), loop.create_task(churn.run())]
    while line := await lines.readline():
        print(json.dumps(await command(api, churn, json.loads(line))), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
