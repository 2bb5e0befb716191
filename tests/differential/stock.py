# SPDX-License-Identifier: Apache-2.0
"""Words and numbers for random objects and probes: few of each, so that what is written at one place is met at another."""

NODE, OTHER_NODES = "node-1", ("node-2", "node-3")
NAMESPACES = ("default", "shop", "bank", "mill")
KEYS = ("app", "example.com/env")
VALUES = ("", "front", "back")
PORT_NAMES = ("http", "dns-1")
NOBODY_DECLARES = "nobody"
PORTS = (1, 53, 79, 80, 81, 443, 1023, 1024, 8080, 32767, 32768, 65534, 65535)
PROTOCOLS = ("TCP", "UDP", "SCTP")
HOSTS = ("192.0.2.2", "2001:db8::2")
NODE_IPS = {"node-2": ("192.0.2.3", "2001:db8::3"), "node-3": ("192.0.2.4", "2001:db8::4")}
WORLD = ("192.0.2.1", "198.51.100.7", "203.0.113.9", "10.1.0.9", "0.0.0.1",
         "2001:db8::1", "2001:db8:ffff::7", "fd00::ff00:9", "fd00:1::1")
LOCAL_IPS = ([f"10.1.0.{n}" for n in range(2, 9)], [f"fd00::{n:x}" for n in range(2, 9)])
REMOTE_IPS = ([f"10.1.0.{n}" for n in range(16, 21)] + ["10.1.1.2", "10.2.0.2"],
              [f"fd00::{n:x}" for n in range(16, 21)] + ["fd00::1:2", "fd01::2"])
SLOTS = 10
