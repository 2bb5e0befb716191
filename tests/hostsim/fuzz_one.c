// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_one.h"

#include <string.h>

#include "bpf/fixture.h"
#include "hostsim/fuzz_check.h"
#include "hostsim/fuzz_flows.h"
#include "hostsim/fuzz_maps.h"
#include "hostsim/fuzz_services.h"

#define SCTP_INIT 1
#define SCTP_INIT_ACK 2

enum step_op {
	OP_PACKET, /* in any shape, anywhere */
	OP_OPEN = 2, /* as hosts do */
	OP_EVENT = 4,
	OP_REPLY, /* of who got the last packet */
	OP_ERROR, /* about the last packet */
	OP_RAW, /* bytes as they are, or into a map */
	OP_MAX,
};

/* A packet on its way. */
struct sending {
	enum program program;
	enum who at; /* whose interface; NOBODY: the wire */
	enum who through; /* to_pod: whose interface it came in by */
	bool from_socket; /* to_pod: it did not come in */
	bool orphaned; /* the stack has made it anew: neither is known */
	bool v6;
	bool segmented;
	uint32_t linear; /* bytes of the head; 0: all */
	struct packet packet;
};

/* The last packet that was built here. */
static struct {
	struct sending sent;
	bool fresh; /* nothing has happened since, */
	bool passed; /* it was let through, */
	bool plain; /* and is what anybody may send who is allowed to, or its answer */
} last;

static bool is_pod(enum who who)
{
	return who == POD_A || who == POD_B || who == POD_C;
}

static bool is_outside(enum who who)
{
	return who == POD_AWAY || who == NODE || who == WORLD || who == WORLD_2;
}

static void send_frame(const struct sending *sending, struct frame *frame)
{
	struct engine_run run = {
		.program = sending->program,
		.frame = frame,
		.ifindex = ifindex_of(sending->at),
		.gso_size = sending->segmented ? 1400 : 0,
	};

	if (sending->program != TO_POD)
		run.ingress_ifindex = run.ifindex;
	else if (!sending->from_socket && !sending->orphaned)
		run.ingress_ifindex = ifindex_of(sending->through);
	sim_linear(sending->linear ?: UINT32_MAX);
	sim_orphan(sending->orphaned);
	engine_run(&run);
}

static bool is_opening(const struct packet *packet)
{
	switch (packet->kind) {
	case PACKET_TCP:
		return packet->flags == SYN;
	case PACKET_SCTP:
		return packet->flags == SCTP_INIT;
	default:
		return packet->kind == PACKET_UDP || packet->kind == PACKET_ECHO;
	}
}

static bool can_talk(enum who who)
{
	return is_pod(who) ? pod_is_ready(who) : is_outside(who) || who == HOST;
}

/* Whole, from where its sender lives, and to be seen by this program. */
static bool is_plain(const struct sending *s)
{
	const struct packet *p = &s->packet;

	if (p->id || p->extensions[0] || p->mac || !can_talk(p->src) || !can_talk(p->dst))
		return false;
	if (s->program == FROM_POD)
		return s->at == p->src;
	if (!is_pod(p->dst) || s->program == FROM_WIRE)
		return is_pod(p->dst) && is_outside(p->src);
	return s->at == p->dst && (s->through == p->src || !is_pod(p->src)) && !s->orphaned;
}

/* Policy allows what is in @frame, as an opening or as a part of something known. */
static bool is_allowed(const struct sending *s, const struct frame *frame)
{
	struct reading reading;
	struct opening packet;

	frame_read(&reading, frame, s->segmented);
	packet = (struct opening){ reading.tuple, pod_at(&reading.tuple.src),
				   pod_at(&reading.tuple.dst),
				   s->program == TO_POD && s->from_socket && !s->orphaned };
	return flow_allows(&packet, flow_is_known(&packet.tuple),
			   reading_role(&reading, reading.tuple.proto));
}

/* Sends what is in @frame and sees to it that what is @plain and allowed passes. */
static void play(const struct sending *sending, struct frame *frame, bool plain, bool wild)
{
	bool lucky = !sim_will_fail() && !wild;
	bool must;

	plain = plain && is_plain(sending);
	must = plain && lucky && is_allowed(sending, frame);
	check_arm();
	send_frame(sending, frame);
	last.sent = *sending;
	last.passed = check_passed();
	last.plain = plain;
	last.fresh = lucky;
	PROMISE(!must || last.passed);
}

static const struct packet any_quote = { PACKET_UDP, POD_A, POD_B, 4000, 53 };

static struct packet take_packet(const struct record *r)
{
	static const uint8_t extensions[] = { 0, 0, 0, 0, 60, 43, 51, 135 };
	static const uint8_t tcp[] = { SYN, SYN | ACK, ACK, FIN | ACK, RST, RST | ACK, SYN | FIN, 0 };
	static const uint8_t hops[] = { 0, 0, 0, 0, 1, 2, 64, 255 };
	uint8_t shape = r->arg[4];
	struct packet packet = { .kind = r->arg[1] % (PACKET_ETHER + 1), .src = r->arg[2] % WHO_MAX,
				 .dst = r->arg[3] % WHO_MAX, .quote = &any_quote };

	packet.sport = 4000 + (shape & 1);
	packet.dport = shape & 2 ? 53 : 80;
	packet.flags = packet.kind == PACKET_TCP ? tcp[r->arg[5] % 8] : r->arg[5];
	packet.type = r->arg[6];
	packet.target = r->arg[7] % WHO_MAX;
	packet.payload = shape & 4 ? r->arg[10] * 8 : 24;
	packet.extensions[0] = extensions[shape >> 5];
	if (shape & 8) {
		/* Few datagrams, so that their parts meet. */
		packet.id = 1 + (r->arg[11] & 1);
		packet.offset = shape & 16 ? r->arg[11] / 16 * 8 : 0;
		packet.more = !packet.offset;
	}
	packet.mac = r->arg[8] % 8 == 1 ? POD_B : NOBODY;
	packet.hops = hops[r->arg[9] % 8];
	return packet;
}

/* Mostly the interface whose pod the packet claims to be from, or is for. */
static enum who pod_of(const struct packet *packet, enum program program, uint8_t choice)
{
	enum who pod = program == FROM_POD ? packet->src : packet->dst;

	return choice % 4 && is_pod(pod) ? pod : (enum who)(POD_A + choice % 3);
}

/* Changes a byte or the length. */
static bool damage(struct frame *frame, const struct record *r)
{
	size_t at = r->arg[13];

	if (r->arg[12] & 0x80 && at < frame->len)
		frame->data[at] = r->arg[14];
	if (r->arg[12] & 0x40 && frame->len + at < FRAME_MAX)
		frame->len += at;
	else if (r->arg[12] & 0x20)
		frame->len -= at < frame->len ? at : frame->len - 1;
	return r->arg[12] & 0xe0;
}

static void take_sending(struct sending *ret, const struct record *r)
{
	*ret = (struct sending){ .program = FROM_POD + r->arg[0] % 3, .v6 = r->arg[0] & 0x40,
				 .packet = take_packet(r) };
	if (ret->program != FROM_WIRE)
		ret->at = pod_of(&ret->packet, ret->program, r->arg[0] >> 2);
	ret->from_socket = r->arg[12] & 1;
	ret->orphaned = (r->arg[12] & 0x18) == 0x18;
	ret->through = is_pod(ret->packet.src) && !(r->arg[12] & 8) ? ret->packet.src : NOBODY;
	ret->segmented = r->arg[12] & 2;
	ret->linear = r->arg[12] & 4 ? 14u + r->arg[6] % 32 * 2u : 0;
}

static void one_packet(const struct record *r, bool wild)
{
	struct sending sending;
	struct frame frame;
	bool damaged;

	take_sending(&sending, r);
	packet_build(&frame, &sending.packet, sending.v6);
	damaged = damage(&frame, r);
	play(&sending, &frame, !damaged && is_opening(&sending.packet), wild);
}

/* Who sends to @dst, and where it is seen. False: nowhere. */
static bool place(struct sending *s)
{
	enum who src = s->packet.src, dst = s->packet.dst;

	s->program = is_pod(src) ? FROM_POD : src == HOST ? TO_POD : FROM_WIRE;
	s->at = s->program == FROM_POD ? src : s->program == TO_POD ? dst : NOBODY;
	s->from_socket = s->program == TO_POD;
	return s->program == FROM_POD || is_pod(dst);
}

/* A connection begins. */
static void open_flow(const struct record *r, bool wild)
{
	static const enum packet_kind kinds[] = { PACKET_UDP, PACKET_TCP, PACKET_SCTP, PACKET_ECHO };
	static const enum who talkers[] = { POD_A, POD_B, POD_C, POD_AWAY, HOST, NODE, WORLD, VIP };
	struct sending s = { .v6 = r->arg[0] & 1, .packet = { .kind = kinds[r->arg[1] % 4],
			     .src = talkers[r->arg[2] % 8], .dst = talkers[r->arg[3] % 8],
			     .sport = 4000 + (r->arg[4] & 1), .dport = r->arg[4] & 2 ? 53 : 80 } };
	struct frame frame;

	s.packet.flags = s.packet.kind == PACKET_TCP ? SYN : SCTP_INIT;
	if (!place(&s))
		return;
	packet_build(&frame, &s.packet, s.v6);
	play(&s, &frame, true, wild);
}

/* The other end answers: at once, it must be heard. */
static void reply(bool wild)
{
	struct sending s = { .v6 = last.sent.v6, .packet = last.sent.packet };
	bool must = last.fresh && last.plain && last.passed && !sim_will_fail();
	struct frame frame;

	/* Of the service's backends this one may have been chosen. */
	s.packet.src = wild && last.sent.packet.dst == VIP ? POD_B : last.sent.packet.dst;
	s.packet.dst = last.sent.packet.src;
	s.packet.sport = last.sent.packet.dport;
	s.packet.dport = last.sent.packet.sport;
	s.packet.hops = 0;
	if (s.packet.kind == PACKET_ECHO) {
		s.packet.kind = PACKET_ECHO_REPLY;
		s.packet.sport = last.sent.packet.sport;
	}
	s.packet.flags = s.packet.kind == PACKET_TCP ? SYN | ACK : SCTP_INIT_ACK;
	if (!place(&s))
		return;
	packet_build(&frame, &s.packet, s.v6);
	play(&s, &frame, last.plain, wild);
	PROMISE(!must || last.passed);
}

/* A router or the other end reports what became of the packet. */
static void error(const struct record *r, bool wild)
{
	struct packet quote = last.sent.packet;
	struct sending s = { .v6 = last.sent.v6,
			     .packet = { .kind = PACKET_ERROR, .dst = quote.src, .quote = &quote } };
	bool must = last.fresh && last.plain && last.passed && !sim_will_fail();
	struct frame frame;

	s.packet.src = r->arg[0] & 1 ? quote.dst : r->arg[0] & 2 ? NODE : r->arg[0] / 4 % WHO_MAX;
	if (r->arg[1] & 3)
		s.packet.type = r->arg[1];
	must = must && !s.packet.type && (s.packet.src == quote.dst || s.packet.src == NODE);
	if (!place(&s))
		return;
	packet_build(&frame, &s.packet, s.v6);
	play(&s, &frame, false, wild);
	last.sent.packet.quote = &any_quote; /* that one lives here */
	PROMISE(!must || last.passed);
}

/* The bytes of the records that follow, as a frame. */
static void raw(const struct record *r, struct records *in, bool wild)
{
	struct frame frame = {};
	struct sending sending;
	struct record more;

	take_sending(&sending, r);
	for (int n = r->arg[13] % 10; n && records_take(&more, in); n--) {
		memcpy(frame.data + frame.len, &more, sizeof(more));
		frame.len += sizeof(more);
	}
	frame.len -= frame.len ? r->arg[14] % sizeof(more) : 0;
	if (frame.len)
		play(&sending, &frame, false, wild);
}

static void take_step(const struct record *r, struct records *in, bool wild)
{
	switch (r->op % OP_MAX) {
	case OP_OPEN:
	case OP_OPEN + 1:
		return open_flow(r, wild);
	case OP_EVENT:
		last.fresh = false;
		if (wild && r->arg[9] & 1)
			return services_event(r);
		return world_event(r);
	case OP_REPLY:
		return reply(wild);
	case OP_ERROR:
		return error(r, wild);
	case OP_RAW:
		if (wild && r->arg[0] & 0x80)
			return maps_poke(r);
		return raw(r, in, wild);
	default:
		return one_packet(r, wild);
	}
}

void fuzz_start(void)
{
	struct node_config config = {
		.endpoint_slots = 4096, .hz = 250, .source_port = SOURCE_PORT, .source_ports = 16,
		.masquerade_ports = { { 20000, 16 }, { 20000, 16 }, { 20000, 16 }, { 20000, 16 } },
		.lifetime_s = {
			[LIFETIME_OTHER] = LIFETIMES(60, 60, 60),
			[LIFETIME_TCP] = LIFETIMES(60, 7200, 10),
			[LIFETIME_UDP] = LIFETIMES(30, 180, 180),
			[LIFETIME_SCTP] = LIFETIMES(60, 3600, 10),
			[LIFETIME_ICMP] = LIFETIMES(30, 30, 30),
		},
	};

	engine_start(&config);
}

void fuzz_one(const uint8_t *data, size_t len, bool wild)
{
	struct records in = { data, len };
	struct record record;

	memset(&last, 0, sizeof(last));
	check_begin();
	world_begin(0);
	/* Some begin shortly before the generation wraps. */
	if (len && data[0] & 0x80)
		world_begin(UINT32_MAX - (data[0] >> 3 & 3));
	if (wild)
		services_begin();
	sim_watch(wild ? check_visit_loosely : check_visit);
	while (records_take(&record, &in))
		take_step(&record, &in, wild);
	sim_watch(sim_go);
}
