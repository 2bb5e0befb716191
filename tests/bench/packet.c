// SPDX-License-Identifier: Apache-2.0
/* Cost of one packet on every way through the programs, beside the floor (cost.h). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include "figure.h"
#include "packet_bench.h"
#include "ruleset.h"
#include "weir/maps.h"

#define MANY_FLOWS 64000
#define ESTABLISHED_MOST 2.0
#define NEW_MOST 2.0
#define FLAT_MOST 1.10
#define VERIFIED_MOST 60000
#define INSTRUCTION_BYTES 8
#define RULES 10000
#define PEERS 100000

enum {
	SET_WIDE_INGRESS = SET_OTHER,
	SET_WIDE_EGRESS,
};

/* Packets of connections that are known. */
static const struct path known[] = {
	{ "from_pod: established, pod to pod, TCP",
	  { PACKET_TCP, POD_A, POD_B, 1024, 80, ACK }, false, TCP_OPEN, TC_ACT_REDIRECT },
	{ "from_pod: established, its answers",
	  { PACKET_TCP, POD_B, POD_A, 80, 1024, ACK }, true, TCP_OPEN, TC_ACT_REDIRECT },
	{ "from_pod: established, to outside",
	  { PACKET_TCP, POD_A, WORLD, 1024, 80, ACK }, false, TCP_OPEN, TC_ACT_OK },
	{ "from_pod: established, to the node",
	  { PACKET_TCP, POD_A, HOST, 1024, 80, ACK }, false, TCP_OPEN, TC_ACT_OK },
	{ "from_pod: UDP, answered",
	  { PACKET_UDP, POD_A, POD_B, 1024, 53 }, false, ANSWERED, TC_ACT_REDIRECT },
	{ "from_pod: UDP, one way",
	  { PACKET_UDP, POD_A, POD_B, 1024, 53 }, false, ONE_WAY, TC_ACT_REDIRECT },
	{ "from_pod: echo",
	  { PACKET_ECHO, POD_A, POD_B, 1024 }, false, ANSWERED, TC_ACT_REDIRECT },
	{ "from_pod: SCTP",
	  { PACKET_SCTP, POD_A, POD_B, 1024, 132 }, false, SCTP_OPEN, TC_ACT_REDIRECT },
	{ "from_pod: first fragment, UDP",
	  { PACKET_UDP, POD_A, POD_B, 1024, 53, .id = 7, .more = true }, false, ANSWERED,
	  TC_ACT_REDIRECT },
	{ "from_wire: established, outside to pod",
	  { PACKET_TCP, WORLD, POD_A, 1024, 80, ACK }, false, TCP_OPEN, TC_ACT_REDIRECT },
	{ "from_wire: established, answers from outside",
	  { PACKET_TCP, WORLD, POD_A, 80, 1024, ACK }, true, TCP_OPEN, TC_ACT_REDIRECT },
	{ "from_wire: not for a pod",
	  { PACKET_TCP, WORLD, HOST, 1024, 22, ACK }, false, NO_FLOW, TC_ACT_OK },
	{ "to_pod: established, from the node",
	  { PACKET_TCP, HOST, POD_A, 1024, 80, ACK }, false, TCP_OPEN, TC_ACT_OK },
	{ "to_pod: established, from outside through the stack",
	  { PACKET_TCP, WORLD, POD_A, 1024, 80, ACK }, false, TCP_OPEN, TC_ACT_OK,
	  .through_stack = true },
	{ "from_pod: the gateway's MAC is asked for",
	  { PACKET_SOLICIT, POD_A, GATEWAY, .target = GATEWAY }, false, NO_FLOW, TC_ACT_REDIRECT },
	{ "from_pod: refused, another's address",
	  { PACKET_TCP, POD_B, POD_A, 1024, 80, ACK, .mac = POD_A }, false, NO_FLOW, TC_ACT_SHOT },
};

/* Packets that open a connection, or try to. */
static const struct path fresh[] = {
	{ "from_pod: new connection, pod to pod",
	  { PACKET_TCP, POD_A, POD_B, 1024, 80, SYN }, false, FRESH, TC_ACT_REDIRECT, FLOOR_INSERT },
	{ "from_pod: new connection, to outside",
	  { PACKET_TCP, POD_A, WORLD, 1024, 80, SYN }, false, FRESH, TC_ACT_OK, FLOOR_INSERT },
	{ "from_wire: new connection, outside to pod",
	  { PACKET_TCP, WORLD, POD_A, 1024, 80, SYN }, false, FRESH, TC_ACT_REDIRECT,
	  FLOOR_INSERT },
	{ "to_pod: new connection, from the node",
	  { PACKET_TCP, HOST, POD_A, 1024, 80, SYN }, false, FRESH, TC_ACT_OK, FLOOR_INSERT },
	{ "from_pod: new connection, half-open ones fill their table",
	  { PACKET_TCP, POD_A, POD_B, 1024, 80, SYN }, false, FRESH, TC_ACT_REDIRECT, FLOOR_INSERT,
	  .full = true },
	{ "from_pod: refused, egress policy",
	  { PACKET_TCP, POD_A, NODE, 1024, 81, SYN }, false, FRESH, TC_ACT_SHOT, FLOOR_INSERT },
	{ "from_pod: refused, ingress policy",
	  { PACKET_TCP, POD_C, POD_B, 1024, 81, SYN }, false, FRESH, TC_ACT_SHOT, FLOOR_INSERT },
};

static const struct path judged_again = {
	"from_pod: established, judged again",
	{ PACKET_TCP, POD_A, POD_B, 1024, 80, ACK }, false, TCP_OPEN, TC_ACT_REDIRECT,
	.turn_generation = true,
};

static double budget_of(const struct path *path)
{
	if (path == &known[0] || path == &known[1])
		return ESTABLISHED_MOST;
	return path == &fresh[0] ? NEW_MOST : 0;
}

static struct cost measure(const struct path *path, const char *what, bool v6, uint32_t flows)
{
	struct cost cost;

	cost_flush();
	cost = cost_measure(path, v6, flows, &effort);
	packet_report(path->name, what, v6, cost.net, floor_text(path), cost.floor,
		      flows ? 0 : budget_of(path));
	return cost;
}

static void put_or_delete(const char *map, const void *key, const void *value, bool put)
{
	int r = put ? engine_update(map, key, value) : engine_delete(map, key);

	if (r < 0)
		die(map, r);
}

/* Rules and peers that the measured packets do not meet come, or go. */
static void world_grow(bool grow)
{
	static const uint32_t sets[] = { SET_INGRESS, SET_EGRESS };
	uint64_t bits = 1ULL << 63;

	for (uint32_t i = 0; i < PEERS; i++) {
		struct peer peer = { .class = { 1000 + i % 1000, 1000 + i % 1000 },
				     .kind = PEER_REMOTE_POD };
		struct ip_addr addr6 = who_addr(POD_AWAY, true);
		__be32 addr4 = htonl((20u << 24) + i);

		addr6.words[2] = htonl(i + 1);
		put_or_delete("peer4", &addr4, &peer, grow);
		put_or_delete("peer6", &addr6, &peer, grow);
	}
	for (uint32_t i = 0; i < RULES; i++) {
		uint32_t set = sets[i % 2];
		struct policy_class_key class = { .set = set, .class = 1000 + i };
		struct policy_port_key port = { .prefixlen = POLICY_PORT_FULL_BITS,
						.set = htonl(set), .proto = IPPROTO_TCP,
						.port = htons((uint16_t)(2000 + i)) };

		put_or_delete("policy_class", &class, &bits, grow);
		put_or_delete("policy_port", &port, &bits, grow);
	}
}

/* What must stay as it is when the world grows. */
static const struct path *const flat[] = { &known[0], &fresh[0], &judged_again };

#define FLAT (sizeof(flat) / sizeof(*flat))

/* The small world and the large one take turns. */
static void measure_flat(void)
{
	const struct effort once = { .rounds = 1, .packets = effort.packets, .fresh = effort.fresh };
	static double net[2][FLAT][2][ROUNDS_MAX]; /* family, path, large */
	uint32_t round = 0, large = 0;

	for (; round < effort.rounds; round += large, large = !large) {
		for (size_t i = 0; i < 2 * FLAT; i++) {
			const struct path *path = flat[i / 2];

			cost_flush();
			net[i % 2][i / 2][large][round] = cost_measure(path, i % 2, 0, &once).net;
		}
		world_grow(!large);
	}
	for (size_t i = 0; i < 2 * FLAT; i++)
		packet_report(flat[i / 2]->name, ", 10k rules, 100k peers", i % 2,
			      quantile(net[i % 2][i / 2][true], round, 0.5),
			      "the same with 8 rules",
			      quantile(net[i % 2][i / 2][false], round, 0.5), FLAT_MOST);
}

/* With many flows the caches miss: beside it, how the floor's own table grows. */
static void measure_many(bool v6, const struct cost *one)
{
	struct cost many = measure(&known[0], ", 64k flows", v6, MANY_FLOWS);

	packet_report("from_pod: established, growth with 64k flows", "", v6,
		      many.net - one->net, "growth of the floor", many.floor - one->floor, 0);
}

static void measure_wide(bool v6, double narrow)
{
	static const struct {
		uint32_t groups;
		const char *what;
	} rows[] = { { 128, ", 128 rule groups" }, { 4096, ", 4096 rule groups" },
		     { 12288, ", 12288 rule groups" } };
	struct cost cost;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		rules_make(SET_WIDE_INGRESS, POD_A, rows[i].groups - RULES_MAX, rows[i].groups);
		rules_make(SET_WIDE_EGRESS, POD_B, rows[i].groups - RULES_MAX, rows[i].groups);
		rules_bind(SET_WIDE_INGRESS, SET_WIDE_EGRESS);
		cost_flush();
		cost = cost_measure(&fresh[0], v6, 0, &effort);
		packet_report(fresh[0].name, rows[i].what, v6, cost.net, "with 8 rule groups",
			      narrow, 0);
	}
	rules_bind(SET_INGRESS, SET_EGRESS);
}

static void measure_family(bool v6)
{
	struct cost first = measure(&known[0], "", v6, 0), new = measure(&fresh[0], "", v6, 0);
	struct cost again;

	cost_flush();
	again = cost_measure(&judged_again, v6, 0, &effort);
	packet_report(judged_again.name, "", v6, again.net, "new connection", new.net, 1);
	for (size_t i = 1; i < sizeof(known) / sizeof(*known); i++)
		measure(&known[i], "", v6, 0);
	for (size_t i = 1; i < sizeof(fresh) / sizeof(*fresh); i++)
		measure(&fresh[i], "", v6, 0);
	measure_many(v6, &first);
	measure_wide(v6, new.net);
}

/* How much work a program is for the verifier, and how long it is. */
static void report_sizes(void)
{
	static const struct {
		const char *name;
		enum program program;
	} programs[] = { { "from_pod", FROM_POD },   { "to_pod", TO_POD }, { "from_wire", FROM_WIRE },
			 { "to_wire", TO_WIRE }, { "sweep", SWEEP },   { "clock", CLOCK } };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);
		char name[64];

		if (bpf_obj_get_info_by_fd(engine_program_fd(programs[i].program), &info, &size))
			die(programs[i].name, errno);
		snprintf(name, sizeof(name), "%s: verified instructions", programs[i].name);
		figure_add(&(struct figure){ .name = name, .value = info.verified_insns,
					     .value_most = VERIFIED_MOST, .unit = "" });
		snprintf(name, sizeof(name), "%s: instructions", programs[i].name);
		figure_add(&(struct figure){ .name = name,
					     .value = info.xlated_prog_len / INSTRUCTION_BYTES,
					     .unit = "" });
		snprintf(name, sizeof(name), "%s: machine code", programs[i].name);
		figure_add(&(struct figure){ .name = name, .value = info.jited_prog_len,
					     .unit = "bytes" });
	}
}

static void measure_all(void)
{
	report_sizes();
	rules_start();
	measure_family(false);
	measure_family(true);
	measure_flat();
}

int main(int argc, char **argv)
{
	return packet_main(argc, argv, "packet", measure_all);
}
