// SPDX-License-Identifier: Apache-2.0
/*
 * weir's verdict in the kernel: manifests as text go through the decoder, the
 * store, the compiler and reconcile into real maps, whole packets through the
 * real programs. Commands on stdin, a line each:
 *
 *	node NAME, hosts ADDRESS...
 *	cidrs PREFIX... (of services, until the next reset)
 *	put BYTES (the manifests follow), delete KIND NAMESPACE NAME ("-": none)
 *	plug SLOT NAMESPACE NAME ADDRESS..., unplug SLOT
 *	apply, settle (after the grace period), restart (of the agent, before an apply)
 *	probe SOURCE DESTINATION PROTOCOL PORT MODE (pod, wire, host, stack)
 *	answer		a line: a letter a probe (a: allowed, d: denied), and how many
 *			packets were refused for which reason since the last answer
 *	serve SOURCE DESTINATION PROTOCOL PORT SOURCE-PORT (from a pod, to a service)
 *			a line: "drop", "refuse" or the address and port that it goes to
 *	frame PLACE SLOT MARK HEX (PLACE: a number of enum wire_place)
 *			a line: what becomes of it (TC_ACT_*), its mark, and itself
 *	dump		the policy maps, "MAP KEY VALUE" in hex, ended by "."
 *	forget		all connections
 *	reset		as if nothing had ever been in force
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "packet.h"
#include "reconcile/service_cidrs.h"
#include "weir/reason.h"
#include "wire.h"

#define VERDICTS_MAX 65536
#define KEY_MAX 24
#define VALUE_MAX 512

static struct world world;
static struct metric counted[METRIC_MAX];
static char verdicts[VERDICTS_MAX];
static size_t verdict_count;

static char *word(void)
{
	char *text = strtok(NULL, " \n");

	if (!text)
		die("a word is missing", EINVAL);
	return text;
}

static struct ip_addr address(const char *text)
{
	struct ip_addr addr;

	if (addr_parse(&addr, text) < 0)
		die(text, EINVAL);
	return addr;
}

static void copy(char *ret, size_t room, const char *text)
{
	if ((size_t)snprintf(ret, room, "%s", text) >= room)
		die(text, ENAMETOOLONG);
}

static unsigned int slot(void)
{
	unsigned int n = (unsigned int)strtoul(word(), NULL, 10);

	if (n >= WORLD_PODS)
		die("slot", ERANGE);
	return n;
}

static void on_node(void)
{
	copy(world.node, sizeof(world.node), word());
}

static void on_hosts(void)
{
	world.host_ip_count = 0;
	for (char *text; (text = strtok(NULL, " \n"));) {
		if (world.host_ip_count == WORLD_HOST_IPS)
			die("hosts", E2BIG);
		world.host_ips[world.host_ip_count++] = address(text);
	}
}

static void on_cidrs(void)
{
	struct service_cidrs cidrs = {};
	struct prefix prefix;

	for (char *text; (text = strtok(NULL, " \n"));)
		if (prefix_parse(&prefix, NULL, text) < 0 || service_cidrs_add(&cidrs, &prefix) < 0)
			die(text, EINVAL);
	service_cidrs_write(world.dp, &cidrs);
}

static void on_put(void)
{
	size_t length = strtoul(word(), NULL, 10);
	cleanup(freep) char *text = malloc(length + 1);

	if (!text || fread(text, 1, length, stdin) != length)
		die("put", EIO);
	world_put(&world, text, length);
}

static void on_delete(void)
{
	const char *kind = word(), *namespace = word(), *name = word();

	world_delete(&world, kind, strcmp(namespace, "-") ? namespace : "", name);
}

static void on_plug(void)
{
	unsigned int n = slot();
	struct world_pod pod = {};
	char *text;

	copy(pod.namespace, sizeof(pod.namespace), word());
	copy(pod.name, sizeof(pod.name), word());
	for (int i = 0; i < 2 && (text = strtok(NULL, " \n")); i++)
		pod.ips[i] = address(text);
	world_plug(&world, n, &pod);
}

static void on_unplug(void)
{
	world_unplug(&world, slot());
}

static void on_apply(void)
{
	world_apply(&world);
}

static void on_settle(void)
{
	world_settle(&world);
}

static void on_restart(void)
{
	world_restart(&world);
}

static void on_reset(void)
{
	world_reset(&world);
}

static void on_forget(void)
{
	world_forget(&world);
}

static void on_probe(void)
{
	struct probe probe = { .src = address(word()), .dst = address(word()) };
	const char *mode;

	probe.proto = (uint8_t)strtoul(word(), NULL, 10);
	probe.port = (uint16_t)strtoul(word(), NULL, 10);
	mode = word();
	probe.from_host = !strcmp(mode, "host");
	probe.forwarded = !strcmp(mode, "stack");
	if (verdict_count == VERDICTS_MAX)
		die("probes", E2BIG);
	verdicts[verdict_count++] = probe_passes(&world, &probe) ? 'a' : 'd';
}

static void on_serve(void)
{
	struct probe probe = { .src = address(word()), .dst = address(word()) };
	char text[ADDR_TEXT_MAX];
	struct ip_addr addr;
	uint16_t port;

	probe.proto = (uint8_t)strtoul(word(), NULL, 10);
	probe.port = (uint16_t)strtoul(word(), NULL, 10);
	probe.source_port = (uint16_t)strtoul(word(), NULL, 10);
	switch (probe_lands(&addr, &port, &world, &probe)) {
	case LANDING_NOWHERE:
		puts("drop");
		break;
	case LANDING_REFUSED:
		puts("refuse");
		break;
	case LANDING_THERE:
		printf("%s %u\n", addr_text(text, &addr), port);
	}
}

static void print_hex(const uint8_t *bytes, size_t length)
{
	putchar(' ');
	for (size_t i = 0; i < length; i++)
		printf("%02x", bytes[i]);
}

static void on_frame(void)
{
	static struct wire_frame frame;
	enum wire_place place = (enum wire_place)strtoul(word(), NULL, 10);
	unsigned int n = slot();

	frame.mark = (uint32_t)strtoul(word(), NULL, 10);
	wire_frame_read(&frame, word());
	printf("%d", wire_send(&frame, &world, place, n));
	printf(" %u", frame.mark);
	print_hex(frame.data, frame.length);
	putchar('\n');
}

static void on_answer(void)
{
	struct metric now[METRIC_MAX];

	if (datapath_metrics(world.dp, now) < 0)
		die("metrics", EIO);
	printf("%.*s", (int)verdict_count, verdicts);
	for (int i = POLICY_DIR_MAX; i < METRIC_MAX; i++)
		if (now[i].packets != counted[i].packets)
			printf(" %d=%llu", i / POLICY_DIR_MAX,
			       (unsigned long long)(now[i].packets - counted[i].packets));
	putchar('\n');
	fflush(stdout);
	memcpy(counted, now, sizeof(now));
	verdict_count = 0;
}

static void dump_map(enum datapath_map map, size_t key_size, size_t value_size)
{
	int fd = datapath_map_fd(world.dp, map);
	uint8_t key[KEY_MAX], value[VALUE_MAX];
	const uint8_t *before = NULL;
	static const uint8_t none[VALUE_MAX];

	for (; !bpf_map_get_next_key(fd, before, key); before = key) {
		if (bpf_map_lookup_elem(fd, key, value))
			die(datapath_map_name(map), errno);
		/* Arrays have every key. */
		if ((map == MAP_ENDPOINT || map == MAP_RULESET) && !memcmp(value, none, value_size))
			continue;
		printf("%s", datapath_map_name(map));
		print_hex(key, key_size);
		print_hex(value, value_size);
		putchar('\n');
	}
}

static void on_dump(void)
{
	printf("generation %u -\n", datapath_state(world.dp)->generation);
	dump_map(MAP_ENDPOINT, sizeof(uint32_t), sizeof(struct endpoint));
	dump_map(MAP_PEER4, sizeof(__be32), sizeof(struct peer));
	dump_map(MAP_PEER6, sizeof(struct ip_addr), sizeof(struct peer));
	dump_map(MAP_RULESET, sizeof(uint32_t), sizeof(struct ruleset));
	dump_map(MAP_POLICY_CLASS, sizeof(struct policy_class_key), sizeof(uint64_t));
	dump_map(MAP_POLICY_PORT, sizeof(struct policy_port_key), sizeof(uint64_t));
	dump_map(MAP_POLICY_CIDR4, sizeof(struct policy_cidr4_key), sizeof(uint64_t));
	dump_map(MAP_POLICY_CIDR6, sizeof(struct policy_cidr6_key), sizeof(uint64_t));
	dump_map(MAP_POLICY_BITS, sizeof(struct policy_bits_key), sizeof(struct policy_bits));
	puts(".");
	fflush(stdout);
}

static const struct {
	const char *name;
	void (*fn)(void);
} commands[] = {
	{ "node", on_node },	 { "hosts", on_hosts }, { "put", on_put },
	{ "delete", on_delete }, { "plug", on_plug },	{ "unplug", on_unplug },
	{ "apply", on_apply },	 { "probe", on_probe }, { "answer", on_answer },
	{ "dump", on_dump },	 { "reset", on_reset },	{ "settle", on_settle },
	{ "restart", on_restart }, { "serve", on_serve }, { "frame", on_frame },
	{ "forget", on_forget }, { "cidrs", on_cidrs },
};

static void obey(char *line)
{
	const char *name = strtok(line, " \n");

	for (size_t i = 0; name && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(name, commands[i].name)) {
			commands[i].fn();
			return;
		}
	die(name ?: "empty line", EINVAL);
}

int main(void)
{
	cleanup(freep) char *line = NULL;
	size_t room = 0;

	if (geteuid())
		die("the kernel is asked", EPERM);
	world_open(&world);
	puts("ready");
	fflush(stdout);
	while (getline(&line, &room, stdin) > 0)
		obey(line);
	world_close(&world);
	return EXIT_SUCCESS;
}
