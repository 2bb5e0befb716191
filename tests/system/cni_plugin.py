#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The CNI plugin against the real kernel and an agent that only talks. Needs root and iproute2.

    cni_plugin.py PLUGIN [unittest arguments]
"""

import concurrent.futures
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from fake_agent import HOST_MAC, FakeAgent

PLUGIN = "weir-cni"
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
DELEGATE = """#!/bin/sh
printf '%s %s\\n' "$CNI_COMMAND" "$CNI_IFNAME" >> {dir}/calls
cat > {dir}/stdin
[ -e {dir}/fail-$CNI_COMMAND ] && {{ echo '{{"code":77,"msg":"pool is dry","details":"d"}}'; exit 1; }}
[ $CNI_COMMAND = ADD ] || exit 0
cat <<'EOF'
{{"cniVersion":"1.0.0","ips":[{{"address":"10.9.0.4/24","gateway":"10.9.0.1"}}],
 "dns":{{"nameservers":["10.9.0.2"]}}}}
EOF
"""


def sh(*args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout


def ip(netns, *args):
    return json.loads(sh("ip", "-j", "-d", "-n", netns, *args) or "[]")


def enter(netns):
    fd = os.open(f"/run/netns/{netns}", os.O_RDONLY)
    if LIBC.setns(fd, CLONE_NEWNET):
        os._exit(99)
    os.close(fd)


class PluginTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="weir-cni-")
        self.names = []
        self.node = self.netns("n")
        self.pod = self.netns("p")
        self.agent = FakeAgent(f"{self.dir}/run/weir.sock")
        self.agent.start()

    def tearDown(self):
        self.agent.stop()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.dir)

    def netns(self, tag):
        name = f"weircni{os.getpid()}{tag}"
        sh("ip", "netns", "add", name)
        self.names.append(name)
        return name

    def conf(self, version="1.1.0", **members):
        return {"cniVersion": version, "name": "weir", "type": "weir-cni", "socket": self.agent.path, **members}

    def call(self, verb, conf, stdin=None, **env):
        """(exit status, object on stdout or None); env None removes a variable."""
        variables = {"CNI_COMMAND": verb, "CNI_CONTAINERID": "c0ffee", "CNI_NETNS": f"/run/netns/{self.pod}",
                     "CNI_IFNAME": "eth0", "CNI_PATH": f"{self.dir}/bin", "PATH": os.environ["PATH"],
                     "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=front-1;K8S_POD_UID=77",
                     **env}
        run = subprocess.run([PLUGIN], input=json.dumps(conf) if stdin is None else stdin, text=True,
                             env={k: v for k, v in variables.items() if v is not None}, stdout=subprocess.PIPE,
                             preexec_fn=lambda: enter(self.node), check=False, timeout=60)
        return run.returncode, json.loads(run.stdout) if run.stdout else None

    def add(self, conf=None, **env):
        status, result = self.call("ADD", conf or self.conf(), **env)
        self.assertEqual(status, 0, result)
        return result

    def refused(self, verb, code, conf=None, **env):
        status, error = self.call(verb, conf or self.conf(), **env)
        self.assertEqual((status, error and error["code"]), (1, code), error)
        return error

    def delegate(self):
        os.makedirs(f"{self.dir}/bin")
        with open(f"{self.dir}/bin/pool", "w", encoding="ascii") as f:
            f.write(DELEGATE.format(dir=self.dir))
        os.chmod(f"{self.dir}/bin/pool", 0o755)
        return self.conf(ipam={"type": "pool", "secret": "all of it"})

    def delegate_calls(self):
        with open(f"{self.dir}/calls", encoding="ascii") as f:
            return f.read().split("\n")[:-1]

    def links(self, netns):
        return {link["ifname"]: link for link in ip(netns, "link")}

    def assert_clean(self):
        self.assertEqual(list(self.links(self.node)), ["lo"])
        self.assertEqual(list(self.links(self.pod)), ["lo"])


class Add(PluginTest):
    def test_the_pod_gets_what_the_agent_reserved(self):
        result = self.add()
        host, eth0 = self.links(self.node)["weirtest1"], self.links(self.pod)["eth0"]
        self.assertEqual((host["ifindex"], host["address"], host["mtu"]), (70001, HOST_MAC, 1450))
        self.assertEqual((eth0["address"], eth0["mtu"]), ("0e:00:00:00:00:01", 1450))
        self.assertIn("UP", host["flags"])
        self.assertIn("UP", self.links(self.pod)["lo"]["flags"])
        addrs = {a["local"]: a for a in ip(self.pod, "addr", "show", "eth0")[0]["addr_info"]}
        self.assertEqual(addrs["10.77.0.1"]["prefixlen"], 32)
        self.assertEqual(addrs["fd00:77::1"]["prefixlen"], 128)
        self.assertNotIn("tentative", addrs["fd00:77::1"])
        for family, gateway in (("-4", "10.77.255.254"), ("-6", "fd00:77::ffff")):
            routes = {r["dst"]: r for r in ip(self.pod, family, "route")}
            self.assertEqual(routes["default"]["gateway"], gateway)
            self.assertNotIn("gateway", routes[gateway])
            neighbour = ip(self.pod, family, "neigh")[0]
            self.assertEqual((neighbour["dst"], neighbour["lladdr"], neighbour["state"]),
                             (gateway, HOST_MAC, ["PERMANENT"]))
        self.assertEqual(result, {
            "cniVersion": "1.1.0",
            "interfaces": [{"name": "weirtest1", "mac": HOST_MAC, "mtu": 1450},
                           {"name": "eth0", "mac": "0e:00:00:00:00:01", "mtu": 1450,
                            "sandbox": f"/run/netns/{self.pod}"}],
            "ips": [{"interface": 1, "address": "10.77.0.1/32", "gateway": "10.77.255.254"},
                    {"interface": 1, "address": "fd00:77::1/128", "gateway": "fd00:77::ffff"}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.77.255.254"}, {"dst": "::/0", "gw": "fd00:77::ffff"}],
            "dns": {}})

    def test_the_agent_hears_who_the_pod_is(self):
        ports = [{"HostPort": 8080, "ContainerPort": 80, "Protocol": "TCP", "HostIP": ""}]
        self.add(self.conf(mtu=1400, runtimeConfig={"portMappings": ports, "ips": ["10.77.0.9/16"],
                                                    "mac": "02:00:00:00:00:09"}))
        self.assertEqual(self.agent.called("add"), [{
            "containerID": "c0ffee", "ifname": "eth0", "netns": f"/run/netns/{self.pod}", "network": "weir",
            "podNamespace": "shop", "podName": "front-1", "podUID": "77", "mtu": 1400, "mac": "02:00:00:00:00:09",
            "ips": ["10.77.0.9"],
            "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": ""}]}])
        self.assertEqual(self.agent.called("attach"), [
            {"containerID": "c0ffee", "ifname": "eth0", "ifindex": 70001, "mac": "0e:00:00:00:00:01"}])

    def test_a_namespace_comes_from_the_configuration_when_the_runtime_tells_none(self):
        self.add(self.conf(namespace="edge"), CNI_ARGS=None)
        self.agent.stop()
        self.assertEqual(self.agent.called("add")[0]["podNamespace"], "edge")

    def test_nothing_flows_before_the_policy_is_in_force(self):
        seen = []
        self.agent.hook["attach"] = lambda _: seen.append(self.links(self.node)["weirtest1"]["flags"])
        self.add()
        self.assertEqual(len(seen), 1)
        self.assertNotIn("UP", seen[0])

    def test_every_version_is_answered_in_its_form(self):
        for n, version in enumerate(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]):
            with self.subTest(version):
                result = self.add(self.conf(version), CNI_CONTAINERID=f"c{n}", CNI_IFNAME=f"eth{n}",
                                  CNI_NETNS=f"/run/netns/{self.netns(f'v{n}')}")
                self.assertEqual(result["cniVersion"], version)
                self.assertEqual("ip4" in result, version < "0.3")

    def test_ipv6_is_switched_on_where_the_runtime_switched_it_off(self):
        sh("ip", "netns", "exec", self.pod, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1",
           "net.ipv6.conf.all.disable_ipv6=1")
        self.add()
        self.assertIn("fd00:77::1", [a["local"] for a in ip(self.pod, "addr", "show", "eth0")[0]["addr_info"]])
        self.assertEqual(len(ip(self.pod, "-6", "neigh")), 1)

    def test_an_interface_that_exists_is_an_error(self):
        sh("ip", "-n", self.pod, "link", "add", "eth0", "type", "bridge")
        self.refused("ADD", 100)
        self.assertEqual(self.agent.calls, [])
        self.assertIn("eth0", self.links(self.pod))

    def test_a_leftover_with_the_host_name_is_replaced(self):
        sh("ip", "-n", self.node, "link", "add", "weirtest1", "type", "veth", "peer", "name", "old")
        self.add()
        self.assertEqual(self.links(self.node)["weirtest1"]["ifindex"], 70001)

    def test_a_bad_namespace_is_refused(self):
        self.refused("ADD", 8, CNI_NETNS=f"/run/netns/{self.node}")
        self.refused("ADD", 8, CNI_NETNS="/run/netns/there-is-none")
        self.refused("ADD", 8, CNI_NETNS="/dev/null")
        self.refused("ADD", 4, CNI_NETNS=None)
        self.assertEqual(self.agent.calls, [])

    def test_a_hundred_at_once(self):
        pods = [self.netns(f"m{n}") for n in range(100)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            results = list(pool.map(lambda n: self.add(CNI_CONTAINERID=f"c{n}",
                                                       CNI_NETNS=f"/run/netns/{pods[n]}"), range(100)))
        self.assertEqual(len({r["ips"][0]["address"] for r in results}), 100)


class AddFails(PluginTest):
    def test_a_refusal_of_the_agent_is_passed_on(self):
        self.agent.script["add"] = (409, {"code": 107, "msg": "no address is free", "details": "10.77.0.0/16"})
        error = self.refused("ADD", 107)
        self.assertEqual((error["msg"], error["details"]), ("no address is free", "10.77.0.0/16"))
        self.assert_clean()

    def test_a_failed_attach_leaves_nothing(self):
        self.agent.script["attach"] = (500, {"code": 11, "msg": "not yet"})
        self.refused("ADD", 11)
        self.assertEqual(len(self.agent.called("del")), 1)
        self.assert_clean()

    def test_an_agent_that_dies_during_attach_leaves_nothing(self):
        self.agent.script["attach"] = (None, None)
        self.refused("ADD", 11)
        self.assert_clean()

    def test_a_link_that_cannot_be_made_leaves_nothing(self):
        sh("ip", "-n", self.node, "link", "add", "other", "index", "70001", "type", "bridge")
        self.refused("ADD", 100)
        self.assertEqual(len(self.agent.called("del")), 1)
        self.assertEqual(list(self.links(self.pod)), ["lo"])
        self.assertIn("other", self.links(self.node))

    def test_without_an_agent_it_is_worth_another_try(self):
        self.agent.stop()
        self.refused("ADD", 11)
        self.assert_clean()
        self.assertFalse(os.path.exists(f"{self.dir}/run/deleted"))

    def test_an_agent_that_restarts_is_waited_for(self):
        self.agent.stop()
        later = threading.Timer(0.5, self.agent.start)
        later.start()
        self.add()
        later.join()

    def test_an_agent_that_hangs_is_given_up_in_time(self):
        self.agent.script["add"] = 20
        start = time.monotonic()
        self.refused("ADD", 11)
        self.assertLess(time.monotonic() - start, 10)
        self.assert_clean()

    def test_an_incomplete_lease_is_no_lease(self):
        for n, answer in enumerate(({}, [], {"hostIfname": "../x", "hostIfindex": 1})):
            self.agent.script["add"] = (200, answer)
            self.refused("ADD", 5, CNI_CONTAINERID=f"c{n}")
        self.assert_clean()


class Del(PluginTest):
    def gone(self, conf=None, **env):
        self.assertEqual(self.call("DEL", conf or self.conf(), **env), (0, None))

    def test_the_agent_is_told_and_does_the_rest(self):
        self.add()
        self.gone()
        self.assertEqual(self.agent.called("del"), [{"containerID": "c0ffee", "ifname": "eth0"}])

    def test_it_may_be_repeated_without_a_namespace(self):
        for netns in ("", None, "/run/netns/there-is-none", f"/run/netns/{self.pod}"):
            self.gone(CNI_NETNS=netns, CNI_PATH=None)
        self.assertEqual(len(self.agent.called("del")), 4)

    def offline(self):
        """The host side, named as include/weir/linkname.h does."""
        value = 0xcbf29ce484222325
        for byte in b"c0ffee\0eth0\0":
            value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
        digits = "abcdefghijklmnopqrstuvwxyz234567"
        name = "weir" + "".join(digits[(value << 5 * i & (1 << 64) - 1) >> 59] for i in range(11))
        sh("ip", "-n", self.node, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", self.pod)

    def test_without_an_agent_the_link_goes_and_a_name_stays(self):
        self.offline()
        self.agent.stop()
        self.gone()
        self.gone(CNI_NETNS="")
        self.assert_clean()
        self.assertEqual(os.listdir(f"{self.dir}/run/deleted"), ["c0ffee@eth0"])

    def test_where_no_agent_has_been_the_link_goes_and_nothing_comes(self):
        self.offline()
        self.agent.stop()
        shutil.rmtree(f"{self.dir}/run")
        self.gone()
        self.assert_clean()
        self.assertFalse(os.path.exists(f"{self.dir}/run"))

    def test_an_agent_that_fails_is_as_good_as_none(self):
        self.offline()
        self.agent.script["del"] = (500, {"code": 100, "msg": "broken"})
        self.gone()
        self.assert_clean()
        self.assertEqual(os.listdir(f"{self.dir}/run/deleted"), ["c0ffee@eth0"])

    def test_what_made_add_fail_does_not_keep_it(self):
        conf = self.conf(runtimeConfig={"bandwidth": {"ingressRate": 1}})
        self.refused("ADD", 2, conf)
        self.gone(conf, CNI_ARGS="nonsense")

    def test_a_name_that_cannot_be_left_is_no_failure(self):
        self.agent.stop()
        with open(f"{self.dir}/run/deleted", "w", encoding="ascii"):
            pass
        self.gone()


class Delegated(PluginTest):
    def test_the_delegate_chooses_and_hears_everything(self):
        conf = self.delegate()
        result = self.add(conf)
        with open(f"{self.dir}/stdin", encoding="ascii") as f:
            self.assertEqual(json.load(f), conf)
        self.assertEqual(self.agent.called("add")[0]["delegated"], ["10.9.0.4/24"])
        self.assertNotIn("ips", self.agent.called("add")[0])
        self.assertEqual(result["dns"], {"nameservers": ["10.9.0.2"]})
        self.assertEqual(self.call("DEL", conf), (0, None))
        self.assertEqual(self.delegate_calls(), ["ADD eth0", "DEL eth0"])

    def test_its_error_is_passed_on_and_it_may_forget(self):
        conf = self.delegate()
        with open(f"{self.dir}/fail-ADD", "w", encoding="ascii"):
            pass
        self.assertEqual(self.refused("ADD", 77, conf)["msg"], "pool is dry")
        self.assertEqual(self.delegate_calls(), ["ADD eth0", "DEL eth0"])
        self.assertEqual(self.agent.calls, [])

    def test_a_failure_after_it_gives_the_address_back(self):
        conf = self.delegate()
        self.agent.script["attach"] = (500, {"code": 11, "msg": "not yet"})
        self.refused("ADD", 11, conf)
        self.assertEqual(self.delegate_calls(), ["ADD eth0", "DEL eth0"])

    def test_it_is_told_of_a_deletion_without_an_agent(self):
        conf = self.delegate()
        self.agent.stop()
        self.assertEqual(self.call("DEL", conf, CNI_NETNS=""), (0, None))
        self.assertEqual(self.delegate_calls(), ["DEL eth0"])

    def test_a_delegate_that_is_not_there_is_named(self):
        self.assertIn("absent", self.refused("ADD", 7, self.conf(ipam={"type": "absent"}))["msg"])


class Chained(PluginTest):
    def previous(self, version="1.0.0"):
        sh("ip", "-n", self.node, "link", "add", "vetha", "type", "veth", "peer", "name", "eth0", "netns", self.pod)
        mac = self.links(self.pod)["eth0"]["address"]
        return mac, {"cniVersion": version, "interfaces": [{"name": "vetha"},
                     {"name": "eth0", "mac": mac, "sandbox": f"/run/netns/{self.pod}"}],
                     "ips": [{"interface": 1, "address": "10.9.0.4/24", "gateway": "10.9.0.1"}],
                     "routes": [{"dst": "0.0.0.0/0"}], "dns": {}}

    def test_the_link_of_the_other_plugin_is_guarded(self):
        mac, previous = self.previous()
        result = self.add(self.conf("1.0.0", prevResult=previous))
        ifindex = self.links(self.node)["vetha"]["ifindex"]
        self.assertEqual(result, previous)
        self.assertEqual(self.agent.called("add")[0]["chained"],
                         {"ifindex": ifindex, "mac": mac, "ips": ["10.9.0.4/24"]})
        self.assertEqual(self.agent.called("attach")[0]["ifindex"], ifindex)

    def test_a_failure_leaves_the_link_alone(self):
        _, previous = self.previous()
        self.agent.script["attach"] = (500, {"code": 11, "msg": "not yet"})
        self.refused("ADD", 11, self.conf("1.0.0", prevResult=previous))
        self.assertEqual(len(self.agent.called("del")), 1)
        self.assertIn("vetha", self.links(self.node))

    def test_what_is_no_veth_is_refused(self):
        sh("ip", "-n", self.pod, "link", "add", "eth0", "type", "bridge")
        self.refused("ADD", 7, self.conf("1.0.0", prevResult={"ips": [{"address": "10.9.0.4/24"}]}))
        self.assertEqual(self.agent.calls, [])

    def test_a_peer_in_a_third_namespace_is_refused(self):
        sh("ip", "-n", self.netns("t"), "link", "add", "vetha", "type", "veth", "peer", "name", "eth0", "netns",
           self.pod)
        self.refused("ADD", 7, self.conf("1.0.0", prevResult={"ips": [{"address": "10.9.0.4/24"}]}))


class OtherVerbs(PluginTest):
    def test_version_is_answered_whatever_is_asked(self):
        for stdin in ("", "{}", "no json", '{"cniVersion":"0.4.0"}'):
            status, answer = self.call("VERSION", None, stdin=stdin, CNI_CONTAINERID=None, CNI_NETNS="dummy",
                                       CNI_IFNAME="dummy", CNI_PATH="dummy", CNI_ARGS=None)
            self.assertEqual(status, 0)
            self.assertEqual(answer["supportedVersions"],
                             ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])

    def test_a_person_gets_help(self):
        for argument, status, answer in (("--help", 0, "Usage: "), ("--version", 0, "weir-cni "),
                                         ("--add", 2, "unexpected argument")):
            run = subprocess.run([PLUGIN, argument], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
            self.assertEqual(run.returncode, status)
            self.assertIn(answer, run.stdout)

    def test_check_passes_right_after_add(self):
        for version in ("0.4.0", "1.0.0", "1.1.0"):
            with self.subTest(version):
                conf = self.conf(version)
                self.pod = self.netns(version.replace(".", ""))
                result = self.add(conf, CNI_CONTAINERID=f"c{version}")
                self.assertEqual(self.call("CHECK", {**conf, "prevResult": result}), (0, None))
                ips = [ip["address"].split("/")[0] for ip in result["ips"]]
                self.assertEqual(self.agent.called("check")[-1]["ips"], ips)

    def test_check_sees_what_is_missing(self):
        result = self.add()
        conf = self.conf(prevResult=result)
        sh("ip", "-n", self.pod, "addr", "del", result["ips"][0]["address"], "dev", "eth0")
        self.assertIn("10.77.0.1", self.refused("CHECK", 101, conf)["msg"])
        sh("ip", "-n", self.pod, "link", "set", "eth0", "down")
        self.assertIn("down", self.refused("CHECK", 101, conf)["msg"])
        sh("ip", "-n", self.pod, "link", "del", "eth0")
        self.refused("CHECK", 101, conf)
        self.refused("CHECK", 7)

    def test_check_asks_the_agent(self):
        result = self.add()
        self.agent.script["check"] = (409, {"code": 111, "msg": "no program on the link"})
        self.refused("CHECK", 111, self.conf(prevResult=result))

    def test_status_is_the_agents(self):
        self.assertEqual(self.call("STATUS", self.conf()), (0, None))
        self.agent.script["status"] = (503, {"code": 50, "msg": "no policy yet"})
        self.assertEqual(self.refused("STATUS", 50)["msg"], "no policy yet")
        self.agent.stop()
        self.refused("STATUS", 50)

    def test_gc_names_what_stays(self):
        valid = [{"containerID": "a", "ifname": "eth0"}]
        self.assertEqual(self.call("GC", self.conf(**{"cni.dev/valid-attachments": valid})), (0, None))
        self.assertEqual(self.call("GC", self.conf(**{"cni.dev/attachments": []})), (0, None))
        self.assertEqual(self.agent.called("gc"), [{"network": "weir", "valid": valid},
                                                   {"network": "weir", "valid": []}])

    def test_gc_without_a_list_removes_nothing(self):
        for conf in (self.conf(), self.conf(**{"cni.dev/valid-attachments": None}),
                     self.conf(**{"cni.dev/valid-attachments": [{}]})):
            self.refused("GC", 7, conf)
        self.assertEqual(self.agent.calls, [])

    def test_a_verb_newer_than_the_configuration_is_refused(self):
        for verb, version in (("CHECK", "0.3.1"), ("STATUS", "1.0.0"), ("GC", "1.0.0")):
            self.refused(verb, 1, self.conf(version))

    def test_an_error_is_told_in_the_version_asked_for(self):
        self.assertEqual(self.refused("CHECK", 7, self.conf("0.4.0"))["cniVersion"], "0.4.0")

    def test_nonsense_is_refused(self):
        self.refused("FLY", 4)
        self.refused("ADD", 4, CNI_COMMAND=None)
        self.refused("ADD", 6, stdin="")
        self.refused("ADD", 4, CNI_CONTAINERID="../x")
        self.refused("ADD", 2, self.conf(runtimeConfig={"bandwidth": {"ingressRate": 1}}))


if __name__ == "__main__":
    PLUGIN = os.path.abspath(sys.argv.pop(1))
    if os.geteuid():
        sys.exit(77)
    unittest.main()
