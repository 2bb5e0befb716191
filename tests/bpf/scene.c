// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "weir/mark.h"

static const char *reason_name(int reason)
{
	static const char *const names[] = {
#define X(name, number, text) [number] = #name,
		DROP_REASONS(X)
#undef X
	};

	return reason < 0 ? "nothing counted" : names[reason];
}

static uint32_t mark_of(const struct step *step)
{
	if (step->masqueraded)
		return WEIR_MARK_MASQUERADE | WEIR_MARK_ANSWER;
	return step->marked ? WEIR_MARK_ANSWER : 0;
}

static enum policy_dir dir_of(enum program program)
{
	return program == FROM_POD || program == TO_WIRE ? POLICY_EGRESS : POLICY_INGRESS;
}

static void metrics_read(uint64_t *ret)
{
	for (uint32_t i = 0; i < METRIC_MAX; i++)
		ret[i] = engine_metric(i);
}

/* A single metric has moved by one: its reason. -1: none has, -2: it was not a single one. */
static int metric_moved(const uint64_t *before, const uint64_t *after, enum policy_dir dir)
{
	int moved = -1;

	for (uint32_t i = 0; i < METRIC_MAX; i++) {
		if (after[i] == before[i])
			continue;
		if (moved != -1 || after[i] != before[i] + 1 || i % POLICY_DIR_MAX != dir)
			return -2;
		moved = (int)(i / POLICY_DIR_MAX);
	}
	return moved;
}

/* What became of the packet itself; those it released pass, but not always at once. */
static int reason_counted(uint64_t *before, const struct step *step)
{
	enum policy_dir dir = dir_of(step->via);
	uint32_t passed = metric_index(DROP_NONE, dir);
	uint64_t after[METRIC_MAX];
	int tries = 1000;

	before[passed] += step->released;
	do
		metrics_read(after);
	while (after[passed] < before[passed] && tries-- && !usleep(1000));
	/* Of another connection, besides what becomes of the packet. */
	after[metric_index(DROP_SERVICE_PORT_LOST, dir)] =
		before[metric_index(DROP_SERVICE_PORT_LOST, dir)];
	return metric_moved(before, after, dir);
}

static bool is_at_uplink(const struct step *step)
{
	return step->via == FROM_WIRE || step->via == TO_WIRE || step->via == EDGE;
}

static uint32_t interface_of(const struct step *step)
{
	if (is_at_uplink(step))
		return engine_ifindex(0);
	if (step->at)
		return ifindex_of(step->at);
	return ifindex_of(step->via == FROM_POD ? step->packet.src : step->packet.dst);
}

/* What is no pod of this node is behind the uplink. */
static uint32_t came_in_by(const struct step *step)
{
	enum who who = step->through ?: step->packet.src;

	if (step->via == FROM_WIRE)
		return engine_ifindex(0);
	if (step->from_socket)
		return 0;
	return step->via != EDGE && who <= POD_C ? ifindex_of(who) : engine_ifindex(0);
}

/* As a router sends it on. */
static void frame_routed(struct frame *frame)
{
	bool v6 = frame->data[12] == 0x86;
	uint8_t *ip = frame->data + 14;

	ip[v6 ? 7 : 8]--;
	if (!v6) {
		/* RFC 1624: a checksum of 0xffff may come out as 0 and the other way. */
		uint32_t sum = (uint32_t)(ip[10] << 8 | ip[11]) + 0x100;

		sum = (sum & 0xffff) + (sum >> 16);
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
	}
}

/* The frame as the receiving pod shall see it. */
static void frame_delivered(struct frame *frame, enum who dst)
{
	who_mac(frame->data, dst);
	who_mac(frame->data + 6, GATEWAY);
	frame_routed(frame);
}

/* As XDP sends it out of the interface, to whoever is next on the way. */
static void frame_sent(struct frame *frame, enum who to)
{
	who_mac(frame->data, to == POD_AWAY ? NODE : to);
	who_mac(frame->data + 6, HOST);
}

static int action_of(const struct step *step)
{
	if (step->via == EDGE)
		return step->fate == TO_STACK ? XDP_PASS : XDP_TX;
	return step->fate == TO_STACK ? TC_ACT_OK : TC_ACT_REDIRECT;
}

static void check_fate(const struct step *step, const struct engine_run *run,
		       const struct frame *in, const char *where)
{
	const struct packet *becomes = step->becomes ?: &step->packet;
	int action = action_of(step);
	uint32_t to = step->fate == TO_PEER ? ifindex_of(becomes->dst) : run->ifindex;
	struct frame wanted = *in;

	ck_assert_msg(run->action == action, "%s: action %d instead of %d", where, run->action,
		      action);
	if (run->redirect)
		ck_assert_msg(run->redirect == to, "%s: sent to interface %u instead of %u", where,
			      run->redirect, to);
	ck_assert_msg(run->mark == mark_of(step), "%s: mark %#x", where,
		      run->mark);
	if (step->fate == SENT_BACK)
		return;
	if (step->becomes) {
		packet_build(&wanted, becomes, in->data[12] == 0x86);
		memcpy(wanted.data, in->data, 12);
	}
	if (step->via == EDGE && step->fate == TO_WORLD)
		frame_sent(&wanted, step->next ?: becomes->dst);
	if (step->fate == TO_PEER)
		frame_delivered(&wanted, becomes->dst);
	else if (step->fate == TO_WORLD)
		frame_routed(&wanted);
	ck_assert_msg(run->frame->len == wanted.len &&
			      !memcmp(run->frame->data, wanted.data, wanted.len),
		      "%s: the packet came out changed", where);
}

static void check_refusal(const struct step *step, const struct engine_run *run, const char *where)
{
	int action = step->rejected ? TC_ACT_REDIRECT : TC_ACT_SHOT;

	ck_assert_msg(run->action == action, "%s: action %d of a refused packet", where,
		      run->action);
	if (!step->rejected)
		return;
	if (run->redirect)
		ck_assert_msg(run->redirect == run->ifindex, "%s: answered on interface %u", where,
			      run->redirect);
	ck_assert_msg(frame_checksums_fit(run->frame), "%s: checksum of the answer", where);
}

void step_play(const struct step *step, bool v6, const char *where)
{
	uint64_t before[METRIC_MAX];
	struct frame in, out;
	struct engine_run run = { .program = step->via, .ifindex = interface_of(step),
				  .ingress_ifindex = came_in_by(step),
				  .gso_size = step->gso_size, .frame = &out,
				  .mark = step->via == TO_WIRE ? mark_of(step) : 0 };
	int why;

	if (step->before)
		step->before(v6);
	packet_build(&in, &step->packet, v6);
	out = in;
	metrics_read(before);
	if (!engine_run(&run))
		return;
	why = reason_counted(before, step);
	/* What XDP passes on is counted by who gets it. */
	if (step->via == EDGE && step->fate == TO_STACK)
		ck_assert_msg(why == -1, "%s: counted twice", where);
	/* What is not for a pod or a service passes the wire without being counted. */
	if (is_at_uplink(step) && step->fate == TO_STACK && !step->why && why == -1)
		why = DROP_NONE;
	ck_assert_msg(why == (int)step->why, "%s: %s instead of %s", where, reason_name(why),
		      reason_name((int)step->why));
	if (step->why)
		check_refusal(step, &run, where);
	else
		check_fate(step, &run, &in, where);
	if (step->after)
		step->after(v6, &out);
}

void scene_play(const struct scene *scene, bool v6)
{
	char where[160];

	if (scene->families == (v6 ? ONLY_V4 : ONLY_V6))
		return;
	world_reset();
	for (int i = 0; i < STEPS_MAX && scene->steps[i].packet.src + scene->steps[i].packet.dst;
	     i++) {
		snprintf(where, sizeof(where), "%s, IPv%d, packet %d", scene->name, v6 ? 6 : 4,
			 i + 1);
		step_play(&scene->steps[i], v6, where);
	}
}
