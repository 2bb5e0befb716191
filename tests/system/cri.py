# SPDX-License-Identifier: Apache-2.0
"""A client of the Container Runtime Interface: as much of it as pods need.

Messages are written and read field by field. A message is a list of (field number, value) pairs;
a value is a number, a text, or a message of its own.
"""

import grpc

import weir

CALL_TIMEOUT_S = 90
PROTOCOLS = {"tcp": 0, "udp": 1, "sctp": 2}
VARINT, BYTES = 0, 2


def _varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes([*out, number])


def encode(message):
    out = b""
    for field, value in message:
        if isinstance(value, int):
            out += _varint(field << 3 | VARINT) + _varint(value)
            continue
        data = value.encode() if isinstance(value, str) else encode(value)
        out += _varint(field << 3 | BYTES) + _varint(len(data)) + data
    return out


def _read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def decode(data):
    """Field number -> values, in their order: numbers and bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = _read_varint(data, at)
        value, at = _read_varint(data, at)
        if key & 7 == BYTES:
            value, at = data[at:at + value], at + value
        elif key & 7 != VARINT:
            raise weir.Failed(f"a field of wire type {key & 7}, which CRI does not use here")
        found.setdefault(key >> 3, []).append(value)
    return found


class Sandbox:
    """A pod of the runtime."""

    def __init__(self, sandbox_id, config):
        self.id, self.config, self.container = sandbox_id, config, None


class Cri:
    def __init__(self, socket):
        self.channel = grpc.insecure_channel(f"unix://{socket}")

    def close(self):
        self.channel.close()

    def call(self, method, message):
        try:
            return self.channel.unary_unary(
                f"/runtime.v1.RuntimeService/{method}", request_serializer=encode,
                response_deserializer=decode)(message, timeout=CALL_TIMEOUT_S)
        except grpc.RpcError as error:
            raise weir.Failed(f"{method}: {error.details()}") from None

    def network_ready(self):
        status = decode(self.call("Status", [])[1][0])
        conditions = [decode(condition) for condition in status[1]]
        return any(c[1] == [b"NetworkReady"] and c.get(2) == [1] for c in conditions)

    def run_sandbox(self, namespace, name, cgroup, logs, ports=()):
        """ports: (protocol, container port, host port)."""
        config = [(1, [(1, name), (2, f"uid-{name}"), (3, namespace)]), (2, name), (3, logs)]
        config += [(5, [(1, PROTOCOLS[proto]), (2, inner), (3, outer)]) for proto, inner, outer in ports]
        config += [(8, [(1, cgroup)])]
        return Sandbox(self.call("RunPodSandbox", [(1, config)])[1][0].decode(), config)

    def run_container(self, sandbox, image, *command):
        """The id of a container that has started."""
        config = [(1, [(1, "main")]), (2, [(1, image)]), *[(3, word) for word in command], (11, "main.log")]
        made = self.call("CreateContainer", [(1, sandbox.id), (2, config), (3, sandbox.config)])
        container_id = made[1][0].decode()
        self.call("StartContainer", [(1, container_id)])
        return container_id

    def remove_container(self, container_id):
        self.call("StopContainer", [(1, container_id)])
        self.call("RemoveContainer", [(1, container_id)])

    def stop_sandbox(self, sandbox):
        self.call("StopPodSandbox", [(1, sandbox.id)])

    def stop_sandbox_as_kubelet(self, sandbox):
        """Again and again until it succeeds: containerd may meet a shim that is just ending."""
        def stopped():
            self.stop_sandbox(sandbox)
            return True
        weir.wait_for(stopped, f"sandbox {sandbox.id} is stopped", CALL_TIMEOUT_S, every_s=0.2)

    def remove_sandbox(self, sandbox):
        self.call("RemovePodSandbox", [(1, sandbox.id)])

    def sandboxes(self):
        return [decode(item)[1][0].decode() for item in self.call("ListPodSandbox", []).get(1, [])]
