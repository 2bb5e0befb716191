// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_one.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pkt_cls.h>

#include "bpf/ruleset.h"
#include "hostsim/engine_host.h"

#define REQUIRE(truth)                                                                  \
	do {                                                                            \
		if (!(truth)) {                                                         \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #truth); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* What is left of the input; bytes after its end are 0. */
struct input {
	const uint8_t *data;
	size_t len;
};

static uint8_t take8(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->data++;
}

static uint16_t take16(struct input *in)
{
	uint16_t high = take8(in);

	return (uint16_t)(high << 8 | take8(in));
}

static uint64_t counted(enum policy_dir dir, enum drop_reason first, enum drop_reason last)
{
	uint64_t sum = 0;

	for (uint32_t reason = first; reason <= last; reason++)
		sum += engine_metric(metric_index(reason, dir));
	return sum;
}

static bool is_pods_mac(const uint8_t *mac)
{
	const enum who pods[] = { POD_A, POD_B, POD_C };
	uint8_t pod[6];

	for (size_t i = 0; i < sizeof(pods) / sizeof(*pods); i++) {
		who_mac(pod, pods[i]);
		if (!memcmp(pod, mac, 6))
			return true;
	}
	return false;
}

/* What @pod may say: from its addresses, from none, or from the link-local one. */
static bool is_own_source(const struct frame *frame, enum who pod)
{
	bool v6 = frame->data[12] == 0x86;
	struct ip_addr own = who_addr(pod, v6), none = {};
	const uint8_t *src = frame->data + (v6 ? 22 : 26);
	uint8_t mac[6];

	who_mac(mac, pod);
	if (memcmp(frame->data + 6, mac, 6))
		return false;
	if (frame->data[12] == 0x08 && frame->data[13] == 0x06)
		return true;
	if (!v6)
		return !memcmp(src, &own.words[3], 4);
	return !memcmp(src, &own, 16) || !memcmp(src, &none, 16) ||
	       (src[0] == 0xfe && src[1] == 0x80 && src[15] == mac[5]);
}

static void check_redirect(const struct engine_run *run, const struct frame *in)
{
	uint8_t gateway[6];

	who_mac(gateway, GATEWAY);
	REQUIRE(run->program != TO_POD);
	REQUIRE(!memcmp(run->frame->data + 6, gateway, 6));
	REQUIRE(is_pods_mac(run->frame->data));
	REQUIRE(run->redirect == ifindex_of((enum who)(run->frame->data[5] - 1)));
	if (run->frame->data[12] == 0x86 || run->frame->len != in->len)
		return;
	REQUIRE(in->data[13] == 0x06 || run->frame->data[22] == in->data[22] - 1);
}

/*
 * A packet is counted once and is refused, unchanged, or addressed to a pod. Its
 * @clones, fragments that waited for it, are counted as well.
 */
static void check_run(const struct engine_run *run, const struct frame *in, uint64_t passed,
		      uint64_t dropped, unsigned int clones)
{
	REQUIRE(run->action == TC_ACT_OK || run->action == TC_ACT_SHOT ||
		run->action == TC_ACT_REDIRECT);
	if (run->action == TC_ACT_SHOT) {
		REQUIRE(dropped == 1 && passed == 0 && clones == 0);
		return;
	}
	REQUIRE(passed + dropped == 1 + clones ||
		(run->program == FROM_WIRE && run->action == TC_ACT_OK && !passed && !dropped));
	REQUIRE(dropped <= clones);
	if (run->program == FROM_POD)
		REQUIRE(is_own_source(in, (enum who)(run->ifindex - engine_ifindex(0))));
	if (run->action == TC_ACT_REDIRECT)
		check_redirect(run, in);
	else
		REQUIRE(run->frame->len == in->len && !memcmp(run->frame->data, in->data, in->len));
}

static void run_packet(enum program program, enum who pod, const struct frame *in, uint8_t options)
{
	enum policy_dir dir = program == FROM_POD ? POLICY_EGRESS : POLICY_INGRESS;
	static struct frame out;
	struct engine_run run = { .program = program, .frame = &out,
				  .ifindex = program == FROM_WIRE ? engine_ifindex(0)
								  : ifindex_of(pod),
				  .ingress_ifindex = options & 1 ? engine_ifindex(0) : 0,
				  .gso_size = options & 2 ? 1400 : 0 };
	uint64_t passed = counted(dir, DROP_NONE, DROP_NONE);
	unsigned int clones;
	uint64_t dropped = counted(dir, DROP_NONE + 1, DROP_REASON_MAX - 1);

	out = *in;
	clones = sim_clones()->count;
	sim_linear(options & 4 ? 14u + (options >> 3) * 2u : UINT32_MAX);
	engine_run(&run);
	check_run(&run, in, counted(dir, DROP_NONE, DROP_NONE) - passed,
		  counted(dir, DROP_NONE + 1, DROP_REASON_MAX - 1) - dropped,
		  sim_clones()->count - clones);
}

static struct packet take_packet(struct input *in)
{
	static const uint8_t extensions[] = { 0, 0, 0, 0, 60, 43, 51, 135 };
	static const struct packet quote = { PACKET_UDP, POD_A, POD_B, 4000, 53 };
	struct packet packet = { .kind = take8(in) % (PACKET_ETHER + 1), .src = take8(in) % WHO_MAX,
				 .dst = take8(in) % WHO_MAX, .quote = &quote };
	uint8_t shape = take8(in);

	packet.sport = 4000 + (shape & 1);
	packet.dport = shape & 2 ? 53 : 80;
	packet.flags = take8(in);
	packet.type = take8(in);
	packet.target = take8(in) % WHO_MAX;
	packet.payload = shape & 4 ? take16(in) % 1800 : 24;
	packet.extensions[0] = extensions[shape >> 5];
	if (shape & 8) {
		/* Few datagrams, so that their parts meet. */
		packet.id = 1;
		packet.kind = PACKET_UDP;
		packet.src = POD_A + packet.src % 2;
		packet.dst = POD_A + packet.dst % 2;
		packet.offset = shape & 16 ? take8(in) / 16 * 8 : 0;
		packet.more = !packet.offset;
	}
	/* From somebody's own interface, mostly. */
	packet.mac = take8(in) % 8 == 1 ? POD_B : NOBODY;
	packet.hops = take8(in);
	return packet;
}

/* Changes single bytes and the length. */
static void take_damage(struct frame *frame, struct input *in)
{
	uint8_t pokes = take8(in);

	for (int i = 0; i < (pokes & 3); i++) {
		size_t at = take16(in) % frame->len;

		frame->data[at] = take8(in);
	}
	if (pokes & 4)
		frame->len = take16(in) % (frame->len + 1);
	if (pokes & 8 && frame->len + 40 < FRAME_MAX)
		frame->len += 40;
}

static void take_raw(struct frame *frame, struct input *in)
{
	size_t len = take16(in) % 200;

	memset(frame, 0, sizeof(*frame));
	for (frame->len = 0; frame->len < len; frame->len++)
		frame->data[frame->len] = take8(in);
}

/* Mostly the interface whose pod the packet claims to be from, or is for. */
static enum who pod_of(const struct packet *packet, enum program program, uint8_t choice)
{
	enum who pod = program == FROM_POD ? packet->src : packet->dst;

	if (choice % 4 == 0 || (pod != POD_A && pod != POD_B && pod != POD_C))
		pod = POD_A + choice % 3;
	return pod;
}

static void happens(struct input *in)
{
	switch (take8(in) % 6) {
	case 0:
		return the_generation_turns(false);
	case 1:
		return sim_time_passes(take16(in) * 10);
	case 2:
		return b_hears_nobody(false);
	case 3:
		return endpoint_ruleset(POD_B, take8(in), POLICY_INGRESS, 3);
	case 4:
		return endpoint_ruleset(POD_A, take8(in), POLICY_EGRESS, take8(in) % 4);
	default:
		return time_passes(false);
	}
}

static void one_packet(struct input *in)
{
	uint8_t choice = take8(in);
	enum program program = FROM_POD + choice % 3;
	struct packet packet = take_packet(in);
	struct frame frame;

	if (choice & 0x80)
		take_raw(&frame, in);
	else
		packet_build(&frame, &packet, choice & 0x40);
	if (frame.len)
		take_damage(&frame, in);
	run_packet(program, pod_of(&packet, program, choice >> 2), &frame, take8(in));
}

/* Port 53 is open for the classes of A and the world's addresses, in a wide set too. */
static void make_policy(void)
{
	const struct rules narrow = { RULESET_ISOLATED, { 0, 2, 2 }, {
		{ 0, .proto = 17, .port = 53 }, { 1, .class = POD_A } }, 2 };
	const struct rules wide = { RULESET_ISOLATED, { 0, 200, 200 }, {
		{ 150, .cidr4 = "198.51.100.0/24", .cidr6 = "2001:db8:ffff::/48" },
		{ 70, .proto = 6, .port = 80 } }, 2 };

	ruleset_write(2, &narrow);
	ruleset_write(3, &wide);
}

void fuzz_start(void)
{
	struct node_config config = { .endpoint_slots = 4096, .hz = 250, .tcp_open_s = 60,
				      .tcp_live_s = 7200, .closing_s = 10, .udp_new_s = 30,
				      .udp_live_s = 180, .icmp_s = 30, .other_s = 60,
				      .sctp_live_s = 3600 };

	config.gateway4 = who_addr(GATEWAY, false).words[3];
	config.gateway6 = who_addr(GATEWAY, true);
	engine_start(&config);
}

void fuzz_one(const uint8_t *data, size_t len)
{
	struct input in = { data, len };

	world_reset();
	make_policy();
	while (in.len) {
		if (take8(&in) % 8 == 0)
			happens(&in);
		else
			one_packet(&in);
	}
}
