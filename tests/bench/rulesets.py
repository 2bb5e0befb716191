# SPDX-License-Identifier: Apache-2.0
"""Rule sets for services in the style of kube-proxy, for nftables and for both kinds of iptables.

What they have in common with it is what a packet meets: a map from address, protocol and port to a
chain of the service (nftables) or a rule for each service, one after the other (iptables), then a
backend by chance, each of which has a chain of its own, then DNAT, with the marks for masquerading.
"""

import resource
import signal
import subprocess
from collections import namedtuple

import weir

Service = namedtuple("Service", "address port backends")  # backends: (address, port)

INSIDE = "10.0.0.0/8"  # who needs no masquerading
MARK = "0x4000"


def services_of(count, endpoints, last=None):
    """The same Services as bench-services has (service_texts.c). last: (address, port, backends) of the last one."""
    made = []
    for number in range(count):
        ids = range(number * endpoints, (number + 1) * endpoints)
        made.append(Service(f"10.200.{number >> 8}.{number & 255}", 80,
                            [(f"10.{(each >> 16) % 64}.{each >> 8 & 255}.{each & 255}", 8080) for each in ids]))
    if last:
        made[-1] = Service(*last)
    return made


def changed(service):
    """Its first backend is another one."""
    (address, port), *others = service.backends
    head, second, rest = address.split(".", 2)
    return service._replace(backends=[(f"{head}.{int(second) + 64}.{rest}", port), *others])


def run_timed(netns, command, text, most_s):
    """Milliseconds of processor time that the command has taken, its work in the kernel included; None: more than most_s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(netns.enter("prlimit", f"--cpu={most_s}", "taskset", "-c", "0", *command), input=text, text=True,
                          capture_output=True, check=False)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None
    if done.returncode:
        raise weir.Failed(f"{command}: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


class Nftables:
    """A map of services, all of one protocol."""

    name = "nftables"
    command = change_command = ("nft", "-f", "-")

    def __init__(self, proto="tcp"):
        self.proto = proto

    def _endpoint(self, number, backend):
        """Name and rules of a backend's chain. The name says the address: a change makes another chain."""
        address, port = backend
        return (f"endpoint-{number}-{address}",
                (f"ip saddr {address} jump mark-for-masquerade", f"meta l4proto {self.proto} dnat to {address}:{port}"))

    def _rules(self, number, service):
        """Of the service's chain."""
        choices = ", ".join(f"{at} : goto {self._endpoint(number, backend)[0]}"
                            for at, backend in enumerate(service.backends))
        return (f"ip daddr {service.address} ip saddr != {INSIDE} jump mark-for-masquerade",
                f"numgen random mod {len(service.backends)} vmap {{ {choices} }}")

    def load(self, services):
        """Text of the whole rule set."""
        lines = ["table ip services {",
                 f"chain mark-for-masquerade {{ meta mark set meta mark or {MARK}; }}",
                 "chain masquerading { type nat hook postrouting priority 100;"
                 f" meta mark and {MARK} == 0 return; masquerade; }}"]
        for number, service in enumerate(services):
            chains = [self._endpoint(number, backend) for backend in service.backends]
            chains.append((f"service-{number}", self._rules(number, service)))
            lines += [f"chain {name} {{ {'; '.join(rules)}; }}" for name, rules in chains]
        elements = ",\n".join(f"{service.address} . {self.proto} . {service.port} : goto service-{number}"
                              for number, service in enumerate(services))
        lines += ["map by-address { type ipv4_addr . inet_proto . inet_service : verdict",
                  f"elements = {{ {elements} }} }}",
                  "chain choose { ip daddr . meta l4proto . th dport vmap @by-address; }",
                  "chain arriving { type nat hook prerouting priority -100; jump choose; }",
                  "chain sent { type nat hook output priority -100; jump choose; }", "}\n"]
        return "\n".join(lines)

    def change(self, number, before, after):
        """Text that makes one service another one."""
        gone = [self._endpoint(number, backend)[0] for backend in before.backends if backend not in after.backends]
        come = [self._endpoint(number, backend) for backend in after.backends if backend not in before.backends]
        chain = f"ip services service-{number}"
        lines = [f"add chain ip services {name}" for name, _ in come]
        lines += [f"add rule ip services {name} {rule}" for name, rules in come for rule in rules]
        lines += [f"flush chain {chain}"] + [f"add rule {chain} {rule}" for rule in self._rules(number, after)]
        lines += [f"flush chain ip services {name}\ndelete chain ip services {name}" for name in gone]
        return "\n".join(lines) + "\n"


class Iptables:
    """A rule for each service. kind: "nft" or "legacy"."""

    def __init__(self, kind):
        self.name = f"iptables-{kind}"
        self.command = (f"iptables-{kind}-restore",)
        self.change_command = (*self.command, "--noflush")

    @staticmethod
    def _endpoint(number, backend):
        """Name and rules of a backend's chain; a name has at most 28 characters."""
        address, port = backend
        return (f"SEP-{number}-{address}",
                (f"-s {address}/32 -j MARK-MASQ", f"-p tcp -m tcp -j DNAT --to-destination {address}:{port}"))

    def _service(self, number, service):
        """Lines of the service's chain."""
        chain, left = f"SVC-{number}", len(service.backends)
        lines = [f"-A {chain} ! -s {INSIDE} -d {service.address}/32 -p tcp -m tcp --dport {service.port} -j MARK-MASQ"]
        for backend in service.backends:
            chance = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
            lines.append(f"-A {chain} {chance}-j {self._endpoint(number, backend)[0]}")
            left -= 1
        return lines

    def load(self, services):
        heads = [":PREROUTING ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]",
                 ":SERVICES - [0:0]", ":MARK-MASQ - [0:0]"]
        lines = ["-A PREROUTING -j SERVICES", "-A OUTPUT -j SERVICES", f"-A MARK-MASQ -j MARK --set-xmark {MARK}/{MARK}",
                 f"-A POSTROUTING -m mark --mark {MARK}/{MARK} -j MASQUERADE"]
        for number, service in enumerate(services):
            heads.append(f":SVC-{number} - [0:0]")
            lines.append(f"-A SERVICES -d {service.address}/32 -p tcp -m tcp --dport {service.port} -j SVC-{number}")
            lines += self._service(number, service)
            for backend in service.backends:
                name, rules = self._endpoint(number, backend)
                heads.append(f":{name} - [0:0]")
                lines += [f"-A {name} {rule}" for rule in rules]
        return "\n".join(["*nat", *heads, *lines, "COMMIT\n"])

    def change(self, number, before, after):
        gone = [self._endpoint(number, backend)[0] for backend in before.backends if backend not in after.backends]
        come = [self._endpoint(number, backend) for backend in after.backends if backend not in before.backends]
        heads = [f":SVC-{number} - [0:0]", *(f":{name} - [0:0]" for name in [*gone, *(name for name, _ in come)])]
        lines = [f"-A {name} {rule}" for name, rules in come for rule in rules]
        lines += [*self._service(number, after), *(f"-X {name}" for name in gone)]
        return "\n".join(["*nat", *heads, *lines, "COMMIT\n"])


def peers():
    return [Nftables(), Iptables("nft"), Iptables("legacy")]
