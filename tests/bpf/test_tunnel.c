// SPDX-License-Identifier: Apache-2.0
/* Tunnels: where they end, and who may come by which. POD_AWAY lives at NODE, by a tunnel. */
#include <linux/pkt_cls.h>
#include <string.h>

#include "engine_main.h"
#include "weir/mark.h"
#include "weir/node.h"

#define TUNNEL_DEVICE 7 /* number of the interface that stands for it */

static void row_put(enum who who, bool v6, const struct node_cidr *row)
{
	struct node_cidr4_key key4 = { 32, who_addr(who, false).words[3] };
	struct node_cidr6_key key6 = { 128, who_addr(who, true) };

	ck_assert_int_eq(v6 ? engine_update("node_cidr6", &key6, row) :
			      engine_update("node_cidr4", &key4, row), 0);
}

static void tunnels_set(uint32_t ifindex)
{
	struct node_state state;
	uint32_t zero = 0;

	ck_assert_int_eq(engine_lookup("state", &zero, &state), 0);
	state.tunnels = ifindex;
	ck_assert_int_eq(engine_update("state", &zero, &state), 0);
}

/* The far end has an address of family @outer6. */
static void world_with_tunnel(bool v6, bool outer6)
{
	const struct node_cidr pods = { .node = who_addr(NODE, outer6), .pods = 1 };
	const struct node_cidr node = { .node = who_addr(NODE, outer6) };
	const struct node_cidr own = { .pods = 1 };

	world_reset();
	row_put(POD_AWAY, v6, &pods);
	row_put(NODE, v6, &node);
	row_put(POD_B, v6, &own);
	tunnels_set(engine_ifindex(TUNNEL_DEVICE));
}

static uint64_t dropped(enum drop_reason why, enum policy_dir dir)
{
	return engine_metric(metric_index(why, dir));
}

static struct engine_run run_of(struct frame *frame, enum program program, enum who src,
				enum who dst, bool v6)
{
	const struct packet packet = { PACKET_UDP, src, dst, 4000, 53, .payload = 20 };

	packet_build(frame, &packet, v6);
	return (struct engine_run){ .program = program, .frame = frame,
				    .ifindex = engine_ifindex(program == FROM_WIRE ||
							      program == TO_WIRE ? 0 : TUNNEL_DEVICE) };
}

START_TEST(what_enters_a_tunnel_is_told_where_it_ends)
{
	static const uint8_t macs[12] = { 0x0e, 0x77, 0x65, 0x69, 0x72, 0x01,
					  0x0e, 0x77, 0x65, 0x69, 0x72, 0x02 };
	bool v6 = _i % 2, outer6 = _i / 2;
	struct ip_addr far = who_addr(NODE, outer6);
	struct frame frame, before;
	struct engine_run run;

	world_with_tunnel(v6, outer6);
	run = run_of(&frame, TO_OVERLAY, POD_A, POD_AWAY, v6);
	before = frame;
	run.mark = WEIR_MARK_ANSWER | 1;
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, TC_ACT_OK);
	ck_assert_uint_eq(run.mark, 1);
	ck_assert_mem_eq(frame.data, macs, sizeof(macs));
	ck_assert_uint_eq(frame.len, before.len);
	ck_assert_mem_eq(frame.data + 12, before.data + 12, before.len - 12);
	if (!engine_has_tunnels())
		return;
	ck_assert(run.tunnel.there && run.tunnel.id == TUNNEL_ID);
	ck_assert_mem_eq(&run.tunnel.far, &far, sizeof(far));
}
END_TEST

/* What is for nobody behind a tunnel, or for a pod that would be here. */
static const enum who nowhere[] = { WORLD, POD_A, POD_B };

START_TEST(what_no_tunnel_leads_to_is_dropped)
{
	uint64_t before = dropped(DROP_NO_TUNNEL, POLICY_EGRESS);
	struct frame frame;
	struct engine_run run;
	bool v6 = _i % 2;

	world_with_tunnel(v6, false);
	run = run_of(&frame, TO_OVERLAY, POD_A, nowhere[_i / 2], v6);
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, TC_ACT_SHOT);
	ck_assert_uint_eq(dropped(DROP_NO_TUNNEL, POLICY_EGRESS), before + 1);
}
END_TEST

static const struct {
	enum who src, far;
	uint32_t id;
	bool no_tunnel, passes;
} arrivals[] = {
	{ POD_AWAY, NODE, TUNNEL_ID, .passes = true },
	{ NODE, NODE, TUNNEL_ID, .passes = true },
	{ POD_AWAY, WORLD, TUNNEL_ID },
	{ POD_AWAY, NODE, TUNNEL_ID + 1 },
	{ POD_AWAY, NODE, TUNNEL_ID, .no_tunnel = true },
	{ WORLD, NODE, TUNNEL_ID },
	{ NODE, WORLD, TUNNEL_ID },
	{ POD_B, NODE, TUNNEL_ID },
	{ POD_B, NOBODY, TUNNEL_ID },
	{ HOST, NODE, TUNNEL_ID },
};

START_TEST(a_node_speaks_in_its_tunnel_for_its_own_only)
{
	uint64_t before = dropped(DROP_TUNNEL_SOURCE, POLICY_INGRESS);
	bool v6 = _i % 2, outer6 = _i / 2 % 2, passes = arrivals[_i / 4].passes && engine_has_tunnels();
	struct frame frame;
	struct engine_run run;

	world_with_tunnel(v6, outer6);
	run = run_of(&frame, FROM_OVERLAY, arrivals[_i / 4].src, POD_A, v6);
	run.tunnel = (struct engine_tunnel){ !arrivals[_i / 4].no_tunnel,
					     who_addr(arrivals[_i / 4].far, outer6),
					     arrivals[_i / 4].id };
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, passes ? TC_ACT_REDIRECT : TC_ACT_SHOT);
	ck_assert_uint_eq(dropped(DROP_TUNNEL_SOURCE, POLICY_INGRESS), before + !passes);
}
END_TEST

START_TEST(what_has_a_tunnel_does_not_come_by_the_wire)
{
	uint64_t before = dropped(DROP_TUNNEL_SOURCE, POLICY_INGRESS);
	struct frame frame;
	struct engine_run run;
	bool v6 = _i % 2;

	world_with_tunnel(v6, false);
	run = run_of(&frame, FROM_WIRE, POD_AWAY, POD_A, v6);
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, TC_ACT_SHOT);
	run = run_of(&frame, FROM_WIRE, POD_AWAY, HOST, v6);
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, TC_ACT_SHOT);
	ck_assert_uint_eq(dropped(DROP_TUNNEL_SOURCE, POLICY_INGRESS), before + 2);
	/* The node itself does, and without tunnels everybody. */
	run = run_of(&frame, FROM_WIRE, NODE, POD_A, v6);
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, TC_ACT_REDIRECT);
	tunnels_set(0);
	run = run_of(&frame, FROM_WIRE, POD_AWAY, POD_A, v6);
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, TC_ACT_REDIRECT);
}
END_TEST

static const struct {
	enum who dst;
	uint32_t mark;
	bool tunnels, turned;
} answers[] = {
	{ NODE, WEIR_MARK_ANSWER, true, true },
	{ NODE, 0, true, false },
	{ NODE, WEIR_MARK_ANSWER, false, false },
	{ WORLD, WEIR_MARK_ANSWER, true, false },
};

START_TEST(an_answer_to_a_node_takes_its_tunnel)
{
	struct frame frame;
	struct engine_run run;
	bool v6 = _i % 2;

	world_with_tunnel(v6, false);
	if (!answers[_i / 2].tunnels)
		tunnels_set(0);
	run = run_of(&frame, TO_WIRE, POD_A, answers[_i / 2].dst, v6);
	run.mark = answers[_i / 2].mark;
	run.ingress_ifindex = ifindex_of(POD_A);
	ck_assert(engine_run(&run));
	ck_assert_int_eq(run.action, answers[_i / 2].turned ? TC_ACT_REDIRECT : TC_ACT_OK);
}
END_TEST

ENGINE_MAIN("tunnel", { "what_enters_a_tunnel_is_told_where_it_ends",
			what_enters_a_tunnel_is_told_where_it_ends, 4 },
	    { "what_no_tunnel_leads_to_is_dropped", what_no_tunnel_leads_to_is_dropped,
	      2 * CHECK_COUNT(nowhere) },
	    { "a_node_speaks_in_its_tunnel_for_its_own_only",
	      a_node_speaks_in_its_tunnel_for_its_own_only, 4 * CHECK_COUNT(arrivals) },
	    { "what_has_a_tunnel_does_not_come_by_the_wire",
	      what_has_a_tunnel_does_not_come_by_the_wire, 2 },
	    { "an_answer_to_a_node_takes_its_tunnel", an_answer_to_a_node_takes_its_tunnel,
	      2 * CHECK_COUNT(answers) })
