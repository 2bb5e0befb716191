// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "config/config.h"

static char error[CONFIG_ERROR_MAX];

/* A file that is there until its path leaves scope. */
static char *file_of(const char *text)
{
	char *path = strdup("/tmp/weir-config-XXXXXX");
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void unlinkp(char **path)
{
	unlink(*path);
	free(*path);
}

static int read_text(struct config *config, const char *text)
{
	cleanup(unlinkp) char *path = file_of(text);

	error[0] = '\0';
	return config_read_file(config, path, error);
}

START_TEST(defaults_are_complete)
{
	cleanup(config_done) struct config config;

	ck_assert_int_eq(config_init(&config), 0);
	ck_assert_str_ne(config.node_name, "");
	ck_assert_str_eq(config.state_dir, "/var/lib/weir");
	ck_assert_str_eq(config.run_dir, "/run/weir");
	ck_assert_str_eq(config.bpffs, "/sys/fs/bpf/weir");
	ck_assert_ptr_null(config.manifests);
	ck_assert_ptr_null(config.cgroup);
	ck_assert_ptr_null(config.cni_conf);
	ck_assert_int_eq(config.socket_services, SOCKET_SERVICES_HOST);
	ck_assert_uint_eq(config.uplink_count, 0);
	ck_assert(!config.direct);
	ck_assert_int_eq(config.xdp, XDP_WANTED_OFF);
	ck_assert_uint_eq(config.source_port_first, 10000);
	ck_assert_uint_eq(config.source_port_last, 29999);
	ck_assert_uint_eq(config.node_port_cidr_count, 0);
	ck_assert_uint_eq(config.health_port, 0);
	ck_assert_uint_eq(config.pod_cidr_count, 0);
	ck_assert_uint_eq(config.mtu, 0);
	ck_assert(config.masquerade);
	ck_assert(!config.cleanup);
	ck_assert_int_eq(config.log_level, LOG_LEVEL_INFO);
}
END_TEST

START_TEST(every_option_is_described)
{
	for (int key = 0; key < CONFIG_KEY_MAX; key++) {
		ck_assert_ptr_nonnull(config_options[key].name);
		ck_assert_ptr_nonnull(config_options[key].value);
		ck_assert_ptr_nonnull(config_options[key].help);
	}
}
END_TEST

START_TEST(a_file_sets_every_option)
{
	cleanup(config_done) struct config config;
	char buf[PREFIX_TEXT_MAX];

	ck_assert_int_eq(config_init(&config), 0);
	ck_assert_msg(!read_text(&config, "# weir\n"
					  "manifests: /etc/weir/manifests\n"
					  "kubeconfig: /etc/weir/kubeconfig\n"
					  "api-server: [https://10.0.0.1:6443, https://10.0.0.2:6443/]\n"
					  "node-name: node-1.example\n"
					  "pod-cidr: [10.1.0.7/24, 'fd00:1::/64']\n"
					  "state-dir: /s\n"
					  "run-dir: /r\n"
					  "bpffs: /b\n"
					  "cgroup: /c\n"
					  "cni-conf: /n/05-weir.conflist\n"
					  "socket-services: off\n"
					  "service-forwarding: dsr\n"
					  "xdp: generic\n"
					  "service-source-ports: 2000-2999\n"
					  "maglev-table-size: 65521\n"
					  "service-cidr: [10.96.0.0/12, 'fd96::7/112']\n"
					  "node-port-addresses: [192.0.2.9/24, '::/0']\n"
					  "health-address: '[fd00::1]:10256'\n"
					  "uplink: [eth1, eth0]\n"
					  "mtu: 9000\n"
					  "masquerade: no\n"
					  "masquerade-ports: [2000-2999, icmp=5000-5015]\n"
					  "non-masquerade-cidr: [10.0.0.0/8, 'fd00::/8']\n"
					  "table-size: [peer4=1000, ct6_new=16]\n"
					  "drift-interval: 60\n"
					  "log-level: debug\n"), "%s", error);
	ck_assert_str_eq(config.manifests, "/etc/weir/manifests");
	ck_assert_str_eq(config.kubeconfig, "/etc/weir/kubeconfig");
	ck_assert_uint_eq(config.api_server_count, 2);
	ck_assert_str_eq(config.api_servers[0], "https://10.0.0.1:6443");
	ck_assert_str_eq(config.node_name, "node-1.example");
	ck_assert_uint_eq(config.pod_cidr_count, 2);
	ck_assert_str_eq(prefix_text(buf, &config.pod_cidrs[0]), "10.1.0.0/24");
	ck_assert_str_eq(prefix_text(buf, &config.pod_cidrs[1]), "fd00:1::/64");
	ck_assert_str_eq(config.state_dir, "/s");
	ck_assert_str_eq(config.run_dir, "/r");
	ck_assert_str_eq(config.bpffs, "/b");
	ck_assert_str_eq(config.cgroup, "/c");
	ck_assert_str_eq(config.cni_conf, "/n/05-weir.conflist");
	ck_assert_int_eq(config.socket_services, SOCKET_SERVICES_OFF);
	ck_assert_uint_eq(config.health_port, 10256);
	ck_assert_str_eq(addr_text(buf, &config.health_ip), "fd00::1");
	ck_assert(config.direct);
	ck_assert_int_eq(config.xdp, XDP_WANTED_GENERIC);
	ck_assert_uint_eq(config.source_port_first, 2000);
	ck_assert_uint_eq(config.source_port_last, 2999);
	ck_assert_uint_eq(config.maglev_size, 65521);
	ck_assert_uint_eq(config.service_cidr_count, 2);
	ck_assert_str_eq(prefix_text(buf, &config.service_cidrs[1]), "fd96::/112");
	ck_assert_uint_eq(config.node_port_cidr_count, 2);
	ck_assert_str_eq(prefix_text(buf, &config.node_port_cidrs[0]), "192.0.2.0/24");
	ck_assert_uint_eq(config.uplink_count, 2);
	ck_assert_str_eq(config.uplinks[1], "eth0");
	ck_assert_uint_eq(config.mtu, 9000);
	ck_assert(!config.masquerade);
	ck_assert_uint_eq(config.drift_interval_s, 60);
	ck_assert_uint_eq(config.masquerade_ports[MASQUERADE_SCTP].first, 2000);
	ck_assert_uint_eq(config.masquerade_ports[MASQUERADE_SCTP].count, 1000);
	ck_assert_uint_eq(config.masquerade_ports[MASQUERADE_ECHO].first, 5000);
	ck_assert_uint_eq(config.masquerade_ports[MASQUERADE_ECHO].count, 16);
	ck_assert_uint_eq(config.unmasqueraded_count, 2);
	ck_assert_str_eq(prefix_text(buf, &config.unmasqueraded[1]), "fd00::/8");
	ck_assert_int_eq(config.log_level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(config.table_sizes[MAP_PEER4], 1000);
	ck_assert_uint_eq(config.table_sizes[MAP_CT6_NEW], 16);
	ck_assert_uint_eq(config.table_sizes[MAP_PEER6], 0);
}
END_TEST

static const char *const harmless[] = { "", "# nothing\n", "---\n", "{}\n", "mtu: 0\n",
					"pod-cidr: 10.0.0.0/24\n", "pod-cidr: []\n",
					"uplink: auto\n", "masquerade: true\n",
					"cgroup: auto\n", "socket-services: host\n",
					"service-forwarding: snat\n", "xdp: off\n",
					"health-address: off\n", "drift-interval: off\n" };

START_TEST(a_file_may_be_nearly_empty)
{
	cleanup(config_done) struct config config;

	ck_assert_int_eq(config_init(&config), 0);
	ck_assert_msg(!read_text(&config, harmless[_i]), "%s", error);
	ck_assert(config.masquerade);
	ck_assert_uint_eq(config.uplink_count, 0);
	ck_assert_ptr_null(config.cgroup);
	ck_assert_int_eq(config.socket_services, SOCKET_SERVICES_HOST);
}
END_TEST

struct refused_row {
	const char *text;
	const char *place; /* in the error, after the path */
	const char *what;
};

static const struct refused_row refused[] = {
	{ "mtu: 1500\npodcidr: 10.0.0.0/24\n", ":2: podcidr", "no such option" },
	{ "mtu: 1500\nmtu: 1400\n", ":2: mtu", "twice" },
	{ "mtu: 1279\n", ":1: mtu", "1279" },
	{ "mtu: 65536\n", ":1: mtu", "65536" },
	{ "mtu: many\n", ":1: mtu", "many" },
	{ "mtu: [1500]\n", ":1: mtu", "plain value" },
	{ "mtu:\n  a: 1\n", "mtu", "plain value" },
	{ "masquerade: maybe\n", ":1: masquerade", "maybe" },
	{ "masquerade:\n", ":1: masquerade", "\"\"" },
	{ "masquerade-ports: 5000\n", ":1: masquerade-ports", "not like 10000-29999" },
	{ "masquerade-ports: gre=5000-6000\n", ":1: masquerade-ports", "not of tcp, udp, sctp or icmp" },
	{ "masquerade-ports: tc=5000-6000\n", ":1: masquerade-ports", "not of tcp, udp, sctp or icmp" },
	{ "masquerade-ports: tcp=1000-2000\n", ":1: masquerade-ports", "begins below 1024" },
	{ "masquerade-ports: [tcp=2000-3000, udp=4000-4003]\n", ":1: masquerade-ports",
	  "less than 16 ports" },
	{ "non-masquerade-cidr: 10.0.0.0\n", ":1: non-masquerade-cidr", "not an address prefix" },
	{ "uplink: [eth0, eth0]\n", ":1: uplink", "twice" },
	{ "socket-services: pods\n", ":1: socket-services", "\"pods\" is not host, all or off" },
	{ "service-forwarding: nat\n", ":1: service-forwarding", "neither snat nor dsr" },
	{ "xdp: yes\n", ":1: xdp", "\"yes\" is not auto, native, generic or off" },
	{ "service-source-ports: 5000\n", ":1: service-source-ports", "not like 10000-29999" },
	{ "service-source-ports: -5000\n", ":1: service-source-ports", "not like 10000-29999" },
	{ "service-source-ports: 2000-70000\n", ":1: service-source-ports", "not like 10000-29999" },
	{ "service-source-ports: 1000-2000\n", ":1: service-source-ports", "begins below 1024" },
	{ "service-source-ports: 3000-2000\n", ":1: service-source-ports", "less than 16 ports" },
	{ "service-source-ports: 3000-3014\n", ":1: service-source-ports", "less than 16 ports" },
	{ "maglev-table-size: 16384\n", ":1: maglev-table-size", "\"16384\" is none of 251 509" },
	{ "maglev-table-size: many\n", ":1: maglev-table-size", "16381 32749 65521 131071" },
	{ "service-cidr: 10.96.0.0\n", ":1: service-cidr", "not an address prefix" },
	{ "service-cidr: ['::/0']\n", ":1: service-cidr", "addresses that no service can have" },
	{ "service-cidr: 127.0.0.0/16\n", ":1: service-cidr", "addresses that no service can have" },
	{ "node-port-addresses: eth0\n", ":1: node-port-addresses", "not an address prefix" },
	{ "drift-interval: 0\n", ":1: drift-interval", "neither off nor a number" },
	{ "drift-interval: 3601\n", ":1: drift-interval", "neither off nor a number" },
	{ "drift-interval: often\n", ":1: drift-interval", "neither off nor a number" },
	{ "health-address: '10256'\n", ":1: health-address", "not off, nor like" },
	{ "health-address: fd00::1:10256\n", ":1: health-address", "not off, nor like" },
	{ "health-address: 0.0.0.0:0\n", ":1: health-address", "not off, nor like" },
	{ "health-address: '[::]:70000'\n", ":1: health-address", "not off, nor like" },
	{ "health-address: 'here:10256'\n", ":1: health-address", "not off, nor like" },
	{ "cgroup: unified\n", ":1: cgroup", "absolute path" },
	{ "cni-conf: 05-weir.conflist\n", ":1: cni-conf", "absolute path" },
	{ "pod-cidr: 0.0.0.0/0\n", ":1: pod-cidr", "no pod can have" },
	{ "pod-cidr: 127.0.0.0/24\n", ":1: pod-cidr", "no pod can have" },
	{ "pod-cidr: 169.254.7.0/24\n", ":1: pod-cidr", "no pod can have" },
	{ "pod-cidr: 224.0.0.0/8\n", ":1: pod-cidr", "no pod can have" },
	{ "pod-cidr: '::/0'\n", ":1: pod-cidr", "no pod can have" },
	{ "pod-cidr: fe80::/64\n", ":1: pod-cidr", "no pod can have" },
	{ "pod-cidr: ff02::/64\n", ":1: pod-cidr", "no pod can have" },
	{ "log-level: loud\n", ":1: log-level", "loud" },
	{ "table-size: peer4\n", ":1: table-size", "not like" },
	{ "table-size: [peer4=]\n", ":1: table-size", "1 to 16777216" },
	{ "table-size: [peer4=0]\n", ":1: table-size", "1 to 16777216" },
	{ "table-size: [ruleset=4097]\n", ":1: table-size", "1 to 4096" },
	{ "table-size: [peers=10]\n", ":1: table-size", "\"peers\" is no table" },
	{ "table-size: [endpoint=10]\n", ":1: table-size", "no table whose size" },
	{ "table-size: [ct4=1, ct4=2]\n", ":1: table-size", "second size" },
	{ "state-dir: var/lib\n", ":1: state-dir", "absolute" },
	{ "manifests: ''\n", ":1: manifests", "absolute" },
	{ "uplink: a-very-long-device-name\n", ":1: uplink", "device" },
	{ "uplink: a/b\n", ":1: uplink", "device" },
	{ "node-name: a b\n", ":1: node-name", "node name" },
	{ "node-name: \"a\\0b\"\n", ":1: node-name", "plain value" },
	{ "pod-cidr: 10.0.0.0\n", ":1: pod-cidr", "prefix" },
	{ "pod-cidr: 10.0.0.0/31\n", ":1: pod-cidr", "no room" },
	{ "pod-cidr:\n- 10.0.0.0/24\n- 10.1.0.0/24\n", ":3: pod-cidr", "same family" },
	{ "pod-cidr: [10.0.0.0/24, 'fd00::/64', 'fd01::/64']\n", ":1: pod-cidr", "too many" },
	{ "- mtu\n", ":1: ", "mapping" },
	{ "mtu\n", ":1: ", "mapping" },
	{ "? [mtu]\n: 1500\n", ":1: ", "plain word" },
	{ "mtu: 1500\n---\nmtu: 1400\n", ":3: ", "one document" },
	{ "mtu: {\n", ":", "not YAML" },
	{ "mtu: \x01\n", ":", "not YAML" },
	{ "\tmtu: 1500\n", ":1: ", "not YAML" },
};

START_TEST(a_mistake_is_named_with_its_place)
{
	cleanup(config_done) struct config config;
	const struct refused_row *row = &refused[_i];

	ck_assert_int_eq(config_init(&config), 0);
	ck_assert_int_eq(read_text(&config, row->text), -EINVAL);
	ck_assert_msg(strstr(error, row->place) && strstr(error, row->what), "%s", error);
	ck_assert_msg(!strncmp(error, "/tmp/weir-config-", 17), "%s", error);
}
END_TEST

START_TEST(a_missing_file_is_said_to_be_missing)
{
	cleanup(config_done) struct config config;

	ck_assert_int_eq(config_init(&config), 0);
	ck_assert_int_eq(config_read_file(&config, "/nonexistent/weir.yaml", error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "/nonexistent/weir.yaml"));
}
END_TEST

#define ARGV(...)                                                              \
	(char *[]){ "weir-agent", __VA_ARGS__, NULL },                         \
	(int)(sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)) + 1

static int load(struct config *config, char **argv, int argc)
{
	error[0] = '\0';
	return config_load(config, argc, argv, error);
}

START_TEST(the_command_line_wins_over_the_file)
{
	cleanup(unlinkp) char *path = file_of("mtu: 1400\nuplink: eth1\n"
					      "pod-cidr: [10.0.0.0/24, 'fd00::/64']\n");
	cleanup(config_done) struct config config;
	char buf[PREFIX_TEXT_MAX];

	ck_assert_msg(!load(&config, ARGV("--mtu", "9000", "--config", path, "--pod-cidr",
					  "10.9.0.0/24")), "%s", error);
	ck_assert_uint_eq(config.mtu, 9000);
	ck_assert_str_eq(config.uplinks[0], "eth1");
	ck_assert_uint_eq(config.pod_cidr_count, 1);
	ck_assert_str_eq(prefix_text(buf, &config.pod_cidrs[0]), "10.9.0.0/24");
}
END_TEST

START_TEST(a_list_option_may_be_repeated)
{
	cleanup(unlinkp) char *path = file_of("");
	cleanup(config_done) struct config config;

	ck_assert_msg(!load(&config, ARGV("--config", path, "--pod-cidr=10.0.0.0/24",
					  "--pod-cidr=fd00::/64", "--cleanup")), "%s", error);
	ck_assert_uint_eq(config.pod_cidr_count, 2);
	ck_assert(config.cleanup);
}
END_TEST

START_TEST(a_wrong_argument_is_named)
{
	cleanup(unlinkp) char *path = file_of("");
	struct config config;

	ck_assert_int_eq(load(&config, ARGV("--config", path, "--mtu=12")), -EINVAL);
	ck_assert_msg(!strncmp(error, "--mtu: ", 7), "%s", error);
}
END_TEST

static const struct {
	char *options[4];
	const char *error; /* NULL: it is good */
} together[] = {
	{ { "--kubeconfig=/k" }, NULL },
	{ { "--kubeconfig=/k", "--api-server=https://10.0.0.1", "--api-server=http://[::1]:8001" }, NULL },
	{ { "--api-server=https://10.0.0.1" }, NULL },
	{ { "--manifests=/m" }, NULL },
	{ { "--manifests=/m", "--pod-cidr=10.95.0.0/16", "--service-cidr=10.96.0.0/16" }, NULL },
	{ { "--pod-cidr=10.96.3.0/24", "--service-cidr=fd96::/112", "--service-cidr=10.96.0.0/16" },
	  "pod-cidr 10.96.3.0/24 and service-cidr 10.96.0.0/16 have addresses in common" },
	{ { "--pod-cidr=fd00::/48", "--service-cidr=fd00::1:0/112" },
	  "pod-cidr fd00::/48 and service-cidr fd00::1:0/112 have addresses in common" },
	{ { "--kubeconfig=k" }, "--kubeconfig: " },
	{ { "--api-server=10.0.0.1" }, "--api-server: \"10.0.0.1\" is not the address of an API server" },
	{ { "--manifests=/m", "--kubeconfig=/k" }, "manifests and kubeconfig cannot both be given" },
	{ { "--manifests=/m", "--api-server=https://h" },
	  "manifests and api-server cannot both be given" },
};

START_TEST(options_must_fit_together)
{
	char *const *options = together[_i].options;
	cleanup(unlinkp) char *path = file_of("");
	struct config config;
	int r = load(&config, ARGV("--config", path, options[0], options[1] ?: "--mtu=0",
				   options[2] ?: "--mtu=0"));

	ck_assert_int_eq(r, together[_i].error ? -EINVAL : 0);
	if (together[_i].error) {
		ck_assert_msg(!strncmp(error, together[_i].error, strlen(together[_i].error)), "%s", error);
		return;
	}
	ck_assert_int_eq(config_uses_api(&config), !config.manifests);
	config_done(&config);
}
END_TEST

START_TEST(a_file_that_was_asked_for_must_be_there)
{
	struct config config;

	ck_assert_int_eq(load(&config, ARGV("--config", "/nonexistent/weir.yaml")), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "/nonexistent/weir.yaml"));
}
END_TEST

/* The exit code of a process that loads the configuration with @arg. */
static int exit_code(char *arg)
{
	struct config config;
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(99);
		load(&config, ARGV(arg));
		_exit(98);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(usage_errors_end_the_process_with_2)
{
	ck_assert_int_eq(exit_code("--no-such-option"), 2);
	ck_assert_int_eq(exit_code("word"), 2);
	ck_assert_int_eq(exit_code("--mtu"), 2);
	ck_assert_int_eq(exit_code("--help"), 0);
	ck_assert_int_eq(exit_code("--version"), 0);
}
END_TEST

CHECK_MAIN("config",
	   CHECK_TEST(defaults_are_complete),
	   CHECK_TEST(every_option_is_described),
	   CHECK_TEST(a_file_sets_every_option),
	   CHECK_LOOP(a_file_may_be_nearly_empty, harmless),
	   CHECK_LOOP(a_mistake_is_named_with_its_place, refused),
	   CHECK_TEST(a_missing_file_is_said_to_be_missing),
	   CHECK_TEST(the_command_line_wins_over_the_file),
	   CHECK_TEST(a_list_option_may_be_repeated),
	   CHECK_TEST(a_wrong_argument_is_named),
	   CHECK_LOOP(options_must_fit_together, together),
	   CHECK_TEST(a_file_that_was_asked_for_must_be_there),
	   CHECK_TEST(usage_errors_end_the_process_with_2))
