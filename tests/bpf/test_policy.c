// SPDX-License-Identifier: Apache-2.0
/*
 * Policy: rule sets in, verdicts out. Each row is a policy of POD_B and who tries
 * to reach it; the same rules are then its egress, and it tries to reach them.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "engine_main.h"
#include "ruleset.h"

#define SET 3

/* Who tries to open what, and whether it may. */
struct probe {
	enum who peer;
	uint8_t proto;
	uint16_t port;
	bool allowed;
};

struct policy_row {
	const char *name;
	struct rules rules;
	struct probe probes[8];
};

#define NP(groups) { 0, groups, groups }
#define ISOLATED RULESET_ISOLATED

static const struct policy_row rows[] = {
	{ "no rules, isolated", { ISOLATED, NP(0) }, {
		{ POD_A, IPPROTO_TCP, 80 }, { WORLD, IPPROTO_UDP, 53 }, { NODE, IPPROTO_TCP, 1 } } },
	{ "no rules, not isolated", { 0, NP(0) }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { WORLD, IPPROTO_UDP, 53, true } } },
	{ "a class", { ISOLATED, NP(1), { { 0, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_ICMP, 0, true },
		{ POD_C, IPPROTO_TCP, 80 }, { POD_AWAY, IPPROTO_TCP, 80 },
		{ WORLD, IPPROTO_TCP, 80 } } },
	{ "a class on another node", { ISOLATED, NP(1), { { 0, .class = POD_AWAY } }, 1 }, {
		{ POD_AWAY, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 80 } } },
	{ "anybody", { ISOLATED, NP(1), { { 0 } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { WORLD, IPPROTO_UDP, 53, true },
		{ WORLD, 47, 0, true } } },
	{ "a port", { ISOLATED, NP(1), { { 0, .proto = IPPROTO_TCP, .port = 80 } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { WORLD, IPPROTO_TCP, 80, true },
		{ POD_A, IPPROTO_TCP, 81 }, { POD_A, IPPROTO_UDP, 80 },
		{ POD_A, IPPROTO_SCTP, 80 }, { POD_A, IPPROTO_ICMP, 0 } } },
	{ "all ports of a protocol", { ISOLATED, NP(1), { { 0, .proto = IPPROTO_SCTP } }, 1 }, {
		{ POD_A, IPPROTO_SCTP, 1, true }, { POD_A, IPPROTO_SCTP, 65535, true },
		{ POD_A, IPPROTO_TCP, 1 } } },
	{ "a range of ports", { ISOLATED, NP(1), {
		{ 0, .proto = IPPROTO_UDP, .port = 8192, .port_bits = 3 } }, 1 }, {
		{ POD_A, IPPROTO_UDP, 8191 }, { POD_A, IPPROTO_UDP, 8192, true },
		{ POD_A, IPPROTO_UDP, 16383, true }, { POD_A, IPPROTO_UDP, 16384 } } },
	{ "a port for one class, another for all", { ISOLATED, NP(2), {
		{ 0, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 },
		{ 1, .proto = IPPROTO_TCP, .port = 443 } }, 2 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 443, true },
		{ POD_C, IPPROTO_TCP, 80 }, { POD_C, IPPROTO_TCP, 443, true } } },
	{ "a port under a rule for all ports", { ISOLATED, NP(2), {
		{ 0, .class = POD_A }, { 1, .proto = IPPROTO_TCP, .port = 80 } }, 2 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 81, true },
		{ POD_C, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 81 } } },
	{ "an address range", { ISOLATED, NP(1), {
		{ 0, .cidr4 = "198.51.100.0/24", .cidr6 = "2001:db8:ffff::/48" } }, 1 }, {
		{ WORLD, IPPROTO_TCP, 80, true }, { WORLD_2, IPPROTO_TCP, 80 },
		{ POD_A, IPPROTO_TCP, 80 } } },
	{ "an address range with an exception", { ISOLATED, NP(1), {
		{ 0, .cidr4 = "0.0.0.0/0", .cidr6 = "::/0", .except4 = "198.51.100.7/32",
		  .except6 = "2001:db8:ffff::7/128" } }, 1 }, {
		{ WORLD, IPPROTO_TCP, 80 }, { WORLD_2, IPPROTO_TCP, 80, true },
		{ POD_A, IPPROTO_TCP, 80, true } } },
	{ "one rule's exception is not another's", { ISOLATED, NP(2), {
		{ 0, .cidr4 = "0.0.0.0/0", .cidr6 = "::/0", .except4 = "198.51.100.0/24",
		  .except6 = "2001:db8:ffff::/48" },
		{ 1, .cidr4 = "198.51.100.7/32", .cidr6 = "2001:db8:ffff::7/128",
		  .proto = IPPROTO_TCP, .port = 80 } }, 2 }, {
		{ WORLD, IPPROTO_TCP, 80, true }, { WORLD, IPPROTO_TCP, 81 },
		{ WORLD_2, IPPROTO_TCP, 81, true } } },
	{ "an address range covers pods as well", { ISOLATED, NP(1), {
		{ 0, .cidr4 = "10.0.0.0/8", .cidr6 = "fd00::/8" } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_AWAY, IPPROTO_TCP, 80, true },
		{ WORLD, IPPROTO_TCP, 80 } } },
	{ "administrators deny first", { ISOLATED, { 1, 2, 2 }, {
		{ 0, DENY, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 }, { 1 } }, 2 }, {
		{ POD_A, IPPROTO_TCP, 80 }, { POD_A, IPPROTO_TCP, 81, true },
		{ POD_C, IPPROTO_TCP, 80, true } } },
	{ "administrators allow in spite of isolation", { ISOLATED, { 1, 1, 1 }, {
		{ 0, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80 } } },
	{ "administrators pass on", { ISOLATED, { 2, 3, 3 }, {
		{ 0, PASS, .class = POD_A }, { 1, DENY }, { 2, .proto = IPPROTO_TCP, .port = 80 } },
		3 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 81 },
		{ POD_C, IPPROTO_TCP, 80 } } },
	{ "passed on to nobody", { 0, { 2, 2, 2 }, {
		{ 0, PASS, .class = POD_A }, { 1, DENY } }, 2 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80 } } },
	{ "the baseline denies what nobody decided", { 0, { 0, 0, 1 }, {
		{ 0, DENY, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80 }, { POD_C, IPPROTO_TCP, 80, true } } },
	{ "the baseline is not asked behind isolation", { ISOLATED, { 0, 1, 2 }, {
		{ 0, .class = POD_A }, { 1, ALLOW } }, 2 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80 } } },
	{ "64 groups, the last one", { ISOLATED, NP(64), { { 63, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80 } } },
	{ "wide, first word", { ISOLATED, NP(100), { { 5, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80 } } },
	{ "wide, second word", { ISOLATED, NP(100), {
		{ 70, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 81 },
		{ POD_C, IPPROTO_TCP, 80 } } },
	{ "wide, anybody and addresses", { ISOLATED, NP(200), {
		{ 3, .cidr4 = "198.51.100.0/24", .cidr6 = "2001:db8:ffff::/48",
		  .proto = IPPROTO_TCP, .port = 80 },
		{ 199, .proto = IPPROTO_TCP, .port = 443 } }, 2 }, {
		{ WORLD, IPPROTO_TCP, 80, true }, { WORLD_2, IPPROTO_TCP, 80 },
		{ WORLD_2, IPPROTO_TCP, 443, true }, { WORLD, IPPROTO_TCP, 443, true } } },
	{ "wide, last word of a chunk, first of the next", { ISOLATED, NP(4200), {
		{ 4095, .class = POD_A }, { 4096, .class = POD_C } }, 2 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80, true },
		{ POD_AWAY, IPPROTO_TCP, 80 } } },
	{ "wide, third chunk", { ISOLATED, NP(9000), { { 8999, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80 } } },
	{ "wide, a lower group decides", { ISOLATED, { 4100, 4200, 4200 }, {
		{ 10, DENY, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 },
		{ 4099, ALLOW, .class = POD_A }, { 4150, ALLOW, .class = POD_C } }, 3 }, {
		{ POD_A, IPPROTO_TCP, 80 }, { POD_A, IPPROTO_TCP, 81, true },
		{ POD_C, IPPROTO_TCP, 80, true } } },
	{ "wide, passed on over chunks", { ISOLATED, { 4100, 8300, 8300 }, {
		{ 10, PASS, .class = POD_A }, { 11, DENY },
		{ 8299, ALLOW, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 } }, 3 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 81 },
		{ POD_C, IPPROTO_TCP, 80 } } },
	{ "wide, not isolated, nobody decides", { 0, NP(130), {
		{ 129, DENY, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80 }, { POD_C, IPPROTO_TCP, 80, true } } },
	{ "wide, passed on within a chunk", { ISOLATED, { 100, 3000, 4000 }, {
		{ 60, PASS, .class = POD_A },
		{ 99, DENY, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 },
		{ 2900, ALLOW, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 },
		{ 2901, ALLOW, .class = POD_C } }, 4 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 81 },
		{ POD_C, IPPROTO_TCP, 80, true } } },
	{ "wide, a tier ends where nothing matches", { ISOLATED, { 100, 200, 4000 }, {
		{ 3900, ALLOW, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80 }, { POD_C, IPPROTO_TCP, 80 } } },
	{ "wide, a tier ends in the word that matches", { ISOLATED, { 0, 3890, 4000 }, {
		{ 3889, ALLOW, .class = POD_A }, { 3890, ALLOW, .class = POD_C } }, 2 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80 } } },
	{ "wide, peer and port have words but no rule in common", { ISOLATED, NP(4000), {
		{ 3900, ALLOW, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 },
		{ 3901, ALLOW, .class = POD_C, .proto = IPPROTO_TCP, .port = 81 } }, 2 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_C, IPPROTO_TCP, 80 },
		{ POD_A, IPPROTO_TCP, 81 }, { POD_C, IPPROTO_TCP, 81, true } } },
	{ "wide, more groups than 16 bits can tell", { ISOLATED, NP(70000), {
		{ 70000 - 65536 - 1, DENY, .class = POD_C }, { 69999, .class = POD_A },
		{ 66000, DENY, .class = POD_A, .proto = IPPROTO_TCP, .port = 81 } }, 3 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 81 },
		{ POD_C, IPPROTO_TCP, 80 }, { WORLD, IPPROTO_TCP, 80 } } },
	{ "wide, tiers on both sides of that limit", { 0, { 66000, 66000, 72000 }, {
		{ 3, PASS, .class = POD_A }, { 65999, DENY },
		{ 71999, DENY, .proto = IPPROTO_TCP, .port = 81 } }, 3 }, {
		{ POD_A, IPPROTO_TCP, 80, true }, { POD_A, IPPROTO_TCP, 81 },
		{ POD_C, IPPROTO_TCP, 80 } } },
	{ "wide, the baseline in another chunk", { 0, { 0, 4100, 4200 }, {
		{ 4199, DENY, .class = POD_A } }, 1 }, {
		{ POD_A, IPPROTO_TCP, 80 }, { POD_C, IPPROTO_TCP, 80, true } } },
};

static struct packet opening(const struct probe *probe, enum who src, enum who dst)
{
	struct packet packet = { PACKET_PROTO, src, dst, 4000, probe->port, SYN,
				 .type = probe->proto };

	switch (probe->proto) {
	case IPPROTO_TCP:
		packet.kind = PACKET_TCP;
		break;
	case IPPROTO_UDP:
		packet.kind = PACKET_UDP;
		break;
	case IPPROTO_SCTP:
		packet.kind = PACKET_SCTP;
		packet.flags = 1;
		break;
	case IPPROTO_ICMP:
		packet.kind = PACKET_ECHO;
		packet.sport = 7;
		break;
	default:
		break;
	}
	return packet;
}

static bool is_local(enum who who)
{
	return who == POD_A || who == POD_B || who == POD_C;
}

/* Ingress: the peer opens; egress: POD_B does. */
static struct step try_of(const struct probe *probe, enum policy_dir dir)
{
	struct step step = { FROM_POD };

	if (dir == POLICY_INGRESS) {
		step.packet = opening(probe, probe->peer, POD_B);
		step.via = is_local(probe->peer) ? FROM_POD : FROM_WIRE;
	} else {
		step.packet = opening(probe, POD_B, probe->peer);
		step.fate = is_local(probe->peer) ? TO_PEER : TO_STACK;
	}
	if (!probe->allowed)
		step.why = dir == POLICY_INGRESS ? DROP_POLICY_INGRESS : DROP_POLICY_EGRESS;
	return step;
}

static void row_try(const struct policy_row *row, bool v6, enum policy_dir dir)
{
	char where[160];
	struct step step;

	world_reset();
	ruleset_write(SET, &row->rules);
	endpoint_ruleset(POD_B, 1, dir, SET);
	for (size_t i = 0; i < 8 && row->probes[i].peer; i++) {
		snprintf(where, sizeof(where), "%s, IPv%d, probe %zu", row->name, v6 ? 6 : 4, i + 1);
		step = try_of(&row->probes[i], dir);
		step_play(&step, v6, where);
	}
}

START_TEST(a_rule_set_judges_who_may_reach_the_pod)
{
	row_try(&rows[_i / 2], _i % 2, POLICY_INGRESS);
}
END_TEST

START_TEST(a_rule_set_judges_whom_the_pod_may_reach)
{
	row_try(&rows[_i / 2], _i % 2, POLICY_EGRESS);
}
END_TEST

/* Ways for the tables to be incomplete: nothing may pass. */
static void set_is_missing(bool v6)
{
	endpoint_ruleset(POD_B, 1, POLICY_INGRESS, SET);
}

static void set_is_beyond_the_table(bool v6)
{
	endpoint_ruleset(POD_B, 1, POLICY_INGRESS, 1 << 20);
}

static void set_ends_before_its_tiers(bool v6)
{
	struct ruleset header = { .words = 2, .tier_end = { 0, 5000, 5000 } };
	uint32_t set = SET;

	ck_assert_int_eq(engine_update("ruleset", &set, &header), 0);
	endpoint_ruleset(POD_B, 1, POLICY_INGRESS, SET);
}

/* It allows A, but a part of the row that says so was never written. */
static void row_lacks_a_chunk(bool v6)
{
	struct policy_bits_key key;

	ruleset_write(SET, &(struct rules){ 0, NP(100), { { 70, .class = POD_A } }, 1 });
	endpoint_ruleset(POD_B, 1, POLICY_INGRESS, SET);
	while (!engine_next("policy_bits", NULL, &key))
		ck_assert_int_eq(engine_delete("policy_bits", &key), 0);
}

/* The idle half says no to everybody. */
static void other_half_refuses(bool v6)
{
	ruleset_write(SET, &(struct rules){ ISOLATED });
	endpoint_ruleset(POD_B, 0, POLICY_INGRESS, SET);
	endpoint_ruleset(POD_A, 0, POLICY_EGRESS, SET);
}

/* B may be reached by the class of A, which the other half does not know any more. */
static void class_is_lost_in_the_other_half(bool v6)
{
	struct endpoint ep = endpoint_get(POD_A);

	ruleset_write(SET, &(struct rules){ ISOLATED, NP(1), { { 0, .class = POD_A } }, 1 });
	endpoint_ruleset(POD_B, 0, POLICY_INGRESS, SET);
	endpoint_ruleset(POD_B, 1, POLICY_INGRESS, SET);
	ep.class[0] = class_of(POD_C);
	endpoint_put(POD_A, &ep);
}

/* A may send to this port only, and B may be reached on it only. */
static void only_port(uint16_t port)
{
	ruleset_write(SET, &(struct rules){ ISOLATED, NP(1), {
		{ 0, .proto = IPPROTO_UDP, .port = port } }, 1 });
	for (uint32_t half = 0; half < 2; half++) {
		endpoint_ruleset(POD_A, half, POLICY_EGRESS, SET);
		endpoint_ruleset(POD_B, half, POLICY_INGRESS, SET);
	}
}

static void only_53(bool v6)
{
	only_port(53);
}

static void only_4000_from_now_on(bool v6)
{
	only_port(4000);
	the_generation_turns(v6);
}

#define ASK(...) { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 }, __VA_ARGS__ }
#define ANSWER(...) { FROM_POD, { PACKET_UDP, POD_B, POD_A, 53, 4000 }, __VA_ARGS__ }

static const struct scene broken[] = {
	{ "the rule set is missing", BOTH, {
		ASK(DROP_POLICY_LOOKUP, .before = set_is_missing) } },
	{ "its number is beyond the table", BOTH, {
		ASK(DROP_POLICY_LOOKUP, .before = set_is_beyond_the_table) } },
	{ "its bits end before its tiers", BOTH, {
		ASK(DROP_POLICY_LOOKUP, .before = set_ends_before_its_tiers) } },
	{ "a row lacks a chunk", BOTH, {
		ASK(DROP_POLICY_LOOKUP, .before = row_lacks_a_chunk) } },
};

static const struct scene answers[] = {
	{ "by the port that was asked for", BOTH, {
		ASK(.before = only_53), ANSWER(.before = the_generation_turns), ASK(), ANSWER() } },
	{ "not by that of who asked", BOTH, {
		ASK(), ANSWER(.before = only_4000_from_now_on, .why = DROP_POLICY_EGRESS) } },
};

static const struct scene halves[] = {
	{ "the generation picks the half", BOTH, {
		ASK(.before = other_half_refuses),
		ASK(.before = the_generation_turns, .why = DROP_POLICY_EGRESS),
		ASK(.before = the_generation_turns) } },
	{ "also of the class", BOTH, {
		ASK(.before = class_is_lost_in_the_other_half),
		ASK(.before = the_generation_turns, .why = DROP_POLICY_INGRESS),
		ASK(.before = the_generation_turns) } },
	{ "nobody is kept from himself", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_A, 4000, 80, SYN },
		  .before = a_sends_to_nobody },
		{ FROM_POD, { PACKET_TCP, POD_B, POD_B, 4000, 80, SYN },
		  .before = b_hears_nobody } } },
	{ "both ends must agree", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_C, 4000, 80, SYN },
		  .before = b_hears_nobody },
		ASK(DROP_POLICY_INGRESS),
		ASK(DROP_POLICY_EGRESS, .before = a_sends_to_nobody),
		{ FROM_POD, { PACKET_TCP, POD_C, POD_A, 4001, 80, SYN } } } },
};

START_TEST(an_incomplete_rule_set_lets_nothing_pass)
{
	PLAY(broken);
}
END_TEST

START_TEST(an_answer_is_judged_again_as_what_it_answers)
{
	PLAY(answers);
}
END_TEST

START_TEST(the_generation_decides_which_half_counts)
{
	PLAY(halves);
}
END_TEST

ENGINE_MAIN("policy", SCENES(a_rule_set_judges_who_may_reach_the_pod, rows),
	    SCENES(a_rule_set_judges_whom_the_pod_may_reach, rows),
	    SCENES(an_incomplete_rule_set_lets_nothing_pass, broken),
	    SCENES(an_answer_is_judged_again_as_what_it_answers, answers),
	    SCENES(the_generation_decides_which_half_counts, halves))
