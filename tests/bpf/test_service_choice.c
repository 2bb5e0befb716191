// SPDX-License-Identifier: Apache-2.0
/* Which backend, which source port, and fragments. */
#include <arpa/inet.h>
#include <string.h>

#include "engine_main.h"
#include "ruleset.h"
#include "services.h"

#define WEB 1
#define DNS 2

static void web_at(enum who who, uint32_t flags)
{
	frontend_put(VIP, 80, 6, WEB, flags);
	frontend_put(VIP, 80, 17, WEB, flags);
	frontend_put(VIP, 80, 132, WEB, flags);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	backend_put(2, WEB, POD_C, 8080, BACKEND_IN_LOCAL);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_put(WEB, SERVICE_LOCAL, 2, 1);
}

static void web_at_b(bool v6)
{
	web_at(POD_B, FRONTEND_WHOLE);
}

static void web_is_local(bool v6)
{
	web_at(POD_B, FRONTEND_WHOLE | FRONTEND_LOCAL);
}

static void web_is_local_and_external(bool v6)
{
	web_at(POD_B, FRONTEND_EXTERNAL | FRONTEND_LOCAL);
}

static void web_at_a(bool v6)
{
	web_at(POD_A, FRONTEND_WHOLE);
}

static void web_at_closed_a(bool v6)
{
	web_at_a(v6);
	a_sends_to_nobody(v6);
}

/* A policy of the cluster denies what A and A would do. */
static void a_denies_itself(enum policy_dir dir, uint32_t flags)
{
	const struct rules rules = {
		.flags = flags, .tier_end = { 1, 1, 1 }, .count = 1,
		.rules = { { .action = DENY, .class = POD_A } },
	};

	ruleset_write(1, &rules);
	for (uint32_t half = 0; half < 2; half++)
		endpoint_ruleset(POD_A, half, dir, 1);
}

static void a_may_not_ask_itself(bool v6)
{
	web_at_a(v6);
	a_denies_itself(POLICY_EGRESS, 0);
}

static void a_may_not_hear_itself(bool v6)
{
	web_at_a(v6);
	a_denies_itself(POLICY_INGRESS, RULESET_ISOLATED);
}

/* More groups than one word has; the last one decides, or none. */
static void a_has_many_rules(bool v6, bool isolated)
{
	const struct rules rules = {
		.flags = isolated ? RULESET_ISOLATED : 0,
		.tier_end = { isolated ? 0 : 70, 70, 70 }, .count = 1,
		.rules = { { .group = 69, .action = isolated ? ALLOW : DENY,
			     .class = isolated ? POD_B : POD_A } },
	};

	web_at_a(v6);
	ruleset_write(1, &rules);
	for (uint32_t half = 0; half < 2; half++)
		endpoint_ruleset(POD_A, half, POLICY_EGRESS, 1);
}

static void the_last_of_many_denies(bool v6)
{
	a_has_many_rules(v6, false);
}

static void many_isolate(bool v6)
{
	a_has_many_rules(v6, true);
}

static void a_hears_itself_no_more(bool v6)
{
	a_denies_itself(POLICY_INGRESS, RULESET_ISOLATED);
	the_generation_turns(v6);
}

static void web_at_away(bool v6)
{
	web_at(POD_AWAY, FRONTEND_WHOLE);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define THERE(kind, who, ...) { FROM_POD, { kind, POD_A, VIP, 4000, 80, __VA_ARGS__ }, \
	.becomes = PTR({ kind, POD_A, who, 4000, 8080, __VA_ARGS__ })
#define BACK(kind, who, ...) { FROM_POD, { kind, who, POD_A, 8080, 4000, __VA_ARGS__ }, \
	.becomes = PTR({ kind, VIP, POD_A, 80, 4000, __VA_ARGS__ })
/* A pod that is its own backend. */
#define SELF(kind, ...) { FROM_POD, { kind, POD_A, VIP, 4000, 80, __VA_ARGS__ }, \
	.becomes = PTR({ kind, GATEWAY, POD_A, 4000, 8080, __VA_ARGS__ })
#define SELF_BACK(kind, ...) { FROM_POD, { kind, POD_A, GATEWAY, 8080, 4000, __VA_ARGS__ }, \
	.becomes = PTR({ kind, VIP, POD_A, 80, 4000, __VA_ARGS__ })

static const struct scene sets[] = {
	{ "policy Cluster", BOTH, { THERE(PACKET_UDP, POD_B), .before = web_at_b } } },
	{ "policy Local", BOTH, { THERE(PACKET_UDP, POD_C), .before = web_is_local } } },
	{ "policy Local of what is for the outside: pods use all", BOTH, {
		THERE(PACKET_UDP, POD_B), .before = web_is_local_and_external } } },
};

static const struct scene hairpins[] = {
	{ "UDP", BOTH, { SELF(PACKET_UDP), .before = web_at_a }, SELF_BACK(PACKET_UDP) },
			 SELF(PACKET_UDP) }, SELF_BACK(PACKET_UDP) } } },
	{ "TCP", BOTH, { SELF(PACKET_TCP, SYN), .before = web_at_a },
			 SELF_BACK(PACKET_TCP, SYN | ACK) }, SELF(PACKET_TCP, ACK) },
			 SELF_BACK(PACKET_TCP, ACK, .payload = 10) } } },
	{ "a policy of the cluster does, where it asks", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, DROP_POLICY_EGRESS,
		  .before = a_may_not_ask_itself } } },
	{ "and where it answers", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, DROP_POLICY_INGRESS,
		  .before = a_may_not_hear_itself } } },
	{ "also what goes on already", BOTH, {
		SELF(PACKET_UDP), .before = web_at_a }, SELF_BACK(PACKET_UDP) },
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 }, DROP_POLICY_INGRESS,
		  .before = a_hears_itself_no_more } } },
	{ "many rules", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, DROP_POLICY_EGRESS,
		  .before = the_last_of_many_denies } } },
	{ "many rules of NetworkPolicies, which allow B only", BOTH, {
		SELF(PACKET_TCP, SYN), .before = many_isolate },
		{ FROM_POD, { PACKET_TCP, POD_A, POD_C, 4000, 80, SYN }, DROP_POLICY_EGRESS } } },
	{ "no NetworkPolicy keeps a pod from itself", BOTH, {
		SELF(PACKET_TCP, SYN), .before = web_at_closed_a },
		SELF_BACK(PACKET_TCP, SYN | ACK) }, SELF(PACKET_TCP, ACK) } } },
	{ "nor when it is judged again", BOTH, {
		SELF(PACKET_TCP, SYN), .before = web_at_closed_a },
		SELF_BACK(PACKET_TCP, SYN | ACK) }, SELF(PACKET_TCP, ACK) },
		SELF_BACK(PACKET_TCP, ACK), .before = the_generation_turns },
		SELF(PACKET_TCP, ACK) } } },
};

#define FIRST .id = 9, .more = true, .payload = 64
#define LATER .id = 9, .offset = 72, .payload = 64

static const struct scene fragments[] = {
	{ "in order, to a pod here", BOTH, {
		THERE(PACKET_UDP, POD_B, FIRST), .before = web_at_b },
		THERE(PACKET_UDP, POD_B, LATER) }, BACK(PACKET_UDP, POD_B, FIRST) },
		BACK(PACKET_UDP, POD_B, LATER) } } },
	{ "in order, to another node", BOTH, {
		THERE(PACKET_UDP, POD_AWAY, FIRST), .before = web_at_away, .fate = TO_STACK },
		THERE(PACKET_UDP, POD_AWAY, LATER), .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_UDP, POD_AWAY, POD_A, 8080, 4000, FIRST },
		  .becomes = PTR({ PACKET_UDP, VIP, POD_A, 80, 4000, FIRST }) },
		{ FROM_WIRE, { PACKET_UDP, POD_AWAY, POD_A, 8080, 4000, LATER },
		  .becomes = PTR({ PACKET_UDP, VIP, POD_A, 80, 4000, LATER }) } } },
	{ "the later one first", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80, LATER }, DROP_FRAGMENT_HELD,
		  .before = web_at_b },
		THERE(PACKET_UDP, POD_B, FIRST), .released = 1 } } },
	{ "SCTP whose checksum cannot be mended", BOTH, {
		{ FROM_POD, { PACKET_SCTP, POD_A, VIP, 4000, 80, .flags = 1, .crc = true, FIRST },
		  DROP_SERVICE_CHECKSUM, .before = web_at_b } } },
};

static void dns_at_b_too(bool v6)
{
	frontend_put(VIP_2, 80, 17, DNS, FRONTEND_WHOLE);
	frontend_put(VIP_2, 80, 6, DNS, FRONTEND_WHOLE);
	backend_put(3, DNS, POD_B, 8080, BACKEND_IN_CLUSTER);
	set_put(DNS, SERVICE_CLUSTER, 3, 1);
}

/* The second entry of POD_A's connection to @vip, by its first one. */
static struct ct6_nat became(enum who vip, bool v6)
{
	const struct packet sent = { PACKET_UDP, POD_A, vip, 4000, 80 };
	struct ct6_value value;

	ck_assert(ct_get_value("_new", &value, &sent, v6) || ct_get_value("", &value, &sent, v6));
	if (v6)
		return value.nat;
	return (struct ct6_nat){ .sport = ((struct ct4_value *)&value)->nat.sport,
				 .dport = ((struct ct4_value *)&value)->nat.dport };
}

/* Two services, one backend, one source port: each gets its own answers. */
START_TEST(connections_that_would_meet_get_other_ports)
{
	const struct packet sent = { PACKET_UDP, POD_A, VIP_2, 4000, 80 };
	const struct step first = THERE(PACKET_UDP, POD_B), .before = web_at_b };
	struct step back = BACK(PACKET_UDP, POD_B) };
	struct packet answer = { PACKET_UDP, POD_B, POD_A, 8080 };
	const struct packet answered = { PACKET_UDP, VIP_2, POD_A, 80, 4000 };
	struct frame frame;
	struct ct6_nat nat;

	world_reset();
	step_play(&first, _i, "to the one");
	dns_at_b_too(_i);
	ck_assert_int_eq(packet_send(FROM_POD, &sent, &frame, _i), 7);
	ck_assert(frame_checksums_fit(&frame));
	nat = became(VIP_2, _i);
	ck_assert_uint_ne(ntohs(nat.sport), 4000);
	ck_assert_uint_ge(ntohs(nat.sport), 1024);
	ck_assert_uint_eq(ntohs(nat.dport), 8080);
	answer.dport = ntohs(nat.sport);
	step_play(&back, _i, "back from the one");
	back = (struct step){ FROM_POD, answer, .becomes = &answered };
	step_play(&back, _i, "back from the other");
}
END_TEST

START_TEST(a_direct_connection_keeps_its_port)
{
	const struct step direct = { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 8080 } };
	const struct step back = { FROM_POD, { PACKET_UDP, POD_B, POD_A, 8080, 4000 } };
	const struct packet sent = { PACKET_UDP, POD_A, VIP, 4000, 80 };
	struct frame frame;

	world_reset();
	web_at_b(_i);
	step_play(&direct, _i, "to the backend itself");
	ck_assert_int_eq(packet_send(FROM_POD, &sent, &frame, _i), 7);
	ck_assert_uint_ne(ntohs(became(VIP, _i).sport), 4000);
	step_play(&back, _i, "its answer");
}
END_TEST

static const enum who talkers[] = { POD_B, POD_C, POD_AWAY, HOST };

static void web_at_many(uint32_t count)
{
	frontend_put(VIP, 80, 17, WEB, FRONTEND_WHOLE);
	for (uint32_t i = 0; i < count; i++)
		backend_put(1 + i, WEB, talkers[i], 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, count);
}

/* Which of the backends POD_A's port was sent to. */
static uint32_t chosen(uint16_t sport, bool v6)
{
	const struct packet sent = { PACKET_UDP, POD_A, VIP, sport, 80 };
	struct ct6_value value;
	struct frame frame;

	ck_assert_int_ne(packet_send(FROM_POD, &sent, &frame, v6), 2);
	ck_assert(frame_checksums_fit(&frame));
	ck_assert(ct_get_value("_new", &value, &sent, v6));
	return value.entry.backend / 2 - 1;
}

START_TEST(all_backends_of_a_set_are_chosen)
{
	unsigned int count[4] = {};

	world_reset();
	web_at_many(4);
	for (uint16_t i = 0; i < 400; i++)
		count[chosen(5000 + i, _i)]++;
	/* An even choice misses this by chance once in 10^8 times. */
	for (int i = 0; i < 4; i++)
		ck_assert_uint_ge(count[i], 50);
}
END_TEST

START_TEST(a_client_with_affinity_comes_back)
{
	uint32_t first;

	world_reset();
	web_at_many(4);
	affinity_set(WEB, 100);
	first = chosen(5000, _i);
	for (uint16_t i = 1; i < 40; i++)
		ck_assert_uint_eq(chosen(5000 + i, _i), first);
	/* One that ended is not blackholed; it is out of the set, or might be drawn again. */
	backend_end(1 + first);
	set_put(WEB, SERVICE_CLUSTER, first ? 1 : 2, first ?: 3);
	for (uint16_t i = 100; i < 130; i++)
		ck_assert_uint_ne(chosen(5000 + i, _i), first);
}
END_TEST

START_TEST(affinity_does_not_outlive_its_place_in_the_set)
{
	uint32_t first;

	world_reset();
	web_at_many(2);
	affinity_set(WEB, 100);
	first = chosen(5000, _i);
	backend_put(1 + first, WEB, talkers[first], 8080, 0);
	set_put(WEB, SERVICE_CLUSTER, first ? 1 : 2, 1);
	for (uint16_t i = 1; i < 20; i++)
		ck_assert_uint_eq(chosen(5000 + i, _i), !first);
}
END_TEST

START_TEST(the_sets_are_told_apart)
{
	PLAY(sets);
}
END_TEST

START_TEST(a_pod_reaches_itself)
{
	PLAY(hairpins);
}
END_TEST

START_TEST(fragments_are_translated)
{
	PLAY(fragments);
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("service_choice", SCENES(the_sets_are_told_apart, sets),
	    SCENES(a_pod_reaches_itself, hairpins), SCENES(fragments_are_translated, fragments),
	    CHECK_LOOP(connections_that_would_meet_get_other_ports, families),
	    CHECK_LOOP(a_direct_connection_keeps_its_port, families),
	    CHECK_LOOP(all_backends_of_a_set_are_chosen, families),
	    CHECK_LOOP(a_client_with_affinity_comes_back, families),
	    CHECK_LOOP(affinity_does_not_outlive_its_place_in_the_set, families))
