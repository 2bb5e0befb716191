# SPDX-License-Identifier: Apache-2.0
"""An agent that only talks: records the plugin's requests and answers them as a test wants."""

import json
import os
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler

IFINDEX_FIRST = 70000
HOST_MAC = "0a:77:65:69:72:01"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        agent = self.server.agent
        status, answer = agent.answer(self.path, json.loads(body) if body else None)
        if status is None:
            self.close_connection = True
            return
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = serve


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that went away


class FakeAgent:
    def __init__(self, path):
        self.path = path
        self.calls = []
        self.script = {}
        self.hook = {}
        self.next_ifindex = IFINDEX_FIRST
        self.lock = threading.Lock()
        self.server = None

    def start(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.server = Server(self.path, Handler)
        self.server.agent = self
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            os.unlink(self.path)
        self.server = None

    def called(self, verb):
        return [body for path, body in self.calls if path == f"/v1/cni/{verb}"]

    def answer(self, path, body):
        """(status, object); status None: hang up. `script` maps a verb to such a pair or to seconds to sleep."""
        verb = path.rsplit("/", 1)[1]
        with self.lock:
            self.calls.append((path, body))
        if verb in self.hook:
            self.hook[verb](body)
        planned = self.script.get(verb)
        if isinstance(planned, (int, float)):
            time.sleep(planned)
        elif planned:
            return planned
        return 200, self.lease(body) if verb == "add" else {}

    def lease(self, body):
        with self.lock:
            self.next_ifindex += 1
            n = self.next_ifindex - IFINDEX_FIRST
        return {
            "endpoint": n, "hostIfname": f"weirtest{n}", "hostIfindex": self.next_ifindex, "mtu": body["mtu"] or 1450,
            "mac": f"0e:00:00:00:{n >> 8:02x}:{n & 255:02x}", "hostMac": HOST_MAC,
            "ips": [{"address": f"10.77.{n >> 8}.{n & 255}/32", "gateway": "10.77.255.254"},
                    {"address": f"fd00:77::{n:x}/128", "gateway": "fd00:77::ffff"}],
        }
