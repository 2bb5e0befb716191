// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_check.h"

#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/fixture.h"
#include "hostsim/fuzz_count.h"
#include "hostsim/fuzz_entry.h"
#include "hostsim/fuzz_flows.h"
#include "hostsim/fuzz_form.h"

#define CANDIDATES_MAX 8
#define ND_FIRST 133
#define ND_LAST 137
#define MLD_REPORT 131
#define MLD2_REPORT 143

/* A visit and what was true when it began. */
struct scene_of {
	const struct sim_visit *visit;
	struct frame before;
	struct reading reading;
	enum who from, to; /* pods at the ends */
	struct seen_entry entry; /* of its connection */
	bool alone; /* no other packet passed while it did */
	bool unlucky; /* a helper may fail */
	/* Of a later fragment: what its first one may have been. */
	struct candidate candidates[CANDIDATES_MAX];
	bool candidates_known[CANDIDATES_MAX];
	unsigned int candidate_count;
};

static struct counts inner;
static bool armed, passed;

void check_begin(void)
{
	inner = (struct counts){};
	flows_begin();
}

void check_arm(void)
{
	armed = true;
	passed = false;
}

bool check_passed(void)
{
	return passed;
}

static bool is_nd(const struct reading *reading)
{
	return reading->v6 && reading->tuple.proto == IPPROTO_ICMPV6 &&
	       reading->part != PART_LATER && reading->icmp_type >= ND_FIRST &&
	       reading->icmp_type <= ND_LAST;
}

/* A pod's words are its own. */
static void check_sender(const struct scene_of *s)
{
	const struct reading *r = &s->reading;
	const struct tuple *t = &r->tuple;
	struct ip_addr own = who_addr(s->from, r->v6), none = {};
	uint8_t mac[6];
	bool local;

	who_mac(mac, s->from);
	PROMISE(!memcmp(s->before.data + 6, mac, 6));
	if (r->kind == READ_ARP)
		return;
	local = t->src.bytes[0] == 0xfe && t->src.bytes[1] == 0x80 && t->src.bytes[15] == mac[5];
	PROMISE(ip_addr_equal(&t->src, &own) || (r->v6 && ip_addr_equal(&t->src, &none)) ||
		(local && (t->dst.bytes[0] == 0xff || t->dst.bytes[0] == 0xfe)));
	if (ip_addr_equal(&t->src, &none))
		PROMISE(r->part == PART_LATER || is_nd(r) || r->icmp_type == MLD_REPORT ||
			r->icmp_type == MLD2_REPORT);
}

/* What routers and servers say, and what is claimed of others. */
static void check_control(const struct scene_of *s)
{
	const struct reading *r = &s->reading;

	if (r->kind != READ_IP || r->part == PART_LATER)
		return;
	if (is_nd(r))
		PROMISE(r->icmp_type != 134 && r->icmp_type != 137 && r->hops == 255);
	if (!r->v6 && r->tuple.proto == IPPROTO_ICMP)
		PROMISE(r->icmp_type != 5);
	if (r->tuple.proto == IPPROTO_UDP)
		PROMISE(r->tuple.dport != (r->v6 ? 546 : 68));
}

/* An address of this node or its pods is heard from where it lives. */
static void check_origin(const struct scene_of *s)
{
	struct ip_addr host = who_addr(HOST, s->reading.v6);

	if (s->visit->program == FROM_WIRE) {
		PROMISE(!s->from && !ip_addr_equal(&s->reading.tuple.src, &host));
		return;
	}
	/* The link of POD_C is another plugin's, which may have a bridge in between. */
	if (s->visit->program == TO_POD && s->from && s->from != POD_C)
		PROMISE(s->visit->from_socket ||
			s->visit->ingress_ifindex == ifindex_of(s->from));
}

static struct opening opening_of(const struct scene_of *s, const struct tuple *tuple)
{
	return (struct opening){ *tuple, s->from, s->to,
				 s->visit->program == TO_POD && s->visit->from_socket };
}

static void check_later(const struct scene_of *s)
{
	for (unsigned int i = 0; i < s->candidate_count; i++) {
		struct opening opening = opening_of(s, &s->candidates[i].tuple);
		enum reading_role role = s->candidates[i].role;

		if (!flow_allows(&opening, s->candidates_known[i], role))
			continue;
		flow_passed(&opening, s->candidates_known[i], role);
		return;
	}
	PROMISE(!"a later fragment passed without a first one that may");
}

static void check_error(const struct scene_of *s)
{
	const struct reading *r = &s->reading;

	PROMISE(r->has_quote && ip_addr_equal(&r->quote.src, &r->tuple.dst));
	if (s->visit->program == FROM_POD)
		PROMISE(ip_addr_equal(&r->quote.dst, &r->tuple.src));
	PROMISE(flow_error_passes(&r->quote));
}

/* Multicast is no connection: who is isolated neither sends nor gets any. */
static void check_group(const struct scene_of *s)
{
	if (s->visit->program == FROM_POD)
		PROMISE(pod_is_open(s->from, POLICY_EGRESS));
	else
		PROMISE(s->visit->from_socket || pod_is_open(s->to, POLICY_INGRESS));
}

static void check_policy(const struct scene_of *s)
{
	const struct reading *r = &s->reading;
	struct opening opening = opening_of(s, &r->tuple);
	enum reading_role role;

	if (r->kind == READ_ARP || (is_nd(r) && s->visit->program != FROM_WIRE))
		return;
	if (addr_is_group(&r->tuple.dst))
		return check_group(s);
	if (r->part == PART_LATER)
		return check_later(s);
	if (reading_is_error(r))
		return check_error(s);
	role = reading_role(r, r->tuple.proto);
	PROMISE(r->complete);
	PROMISE(flow_allows(&opening, s->entry.there, role));
	flow_passed(&opening, s->entry.there, role);
	if (role != ROLE_QUERY && !s->unlucky)
		entry_has_booked(&s->entry, r, s->alone);
}

/* A helper failed when it had been judged: its connection is known from now on. */
static void remember_unlucky(const struct scene_of *s)
{
	struct opening opening = opening_of(s, &s->reading.tuple);
	enum reading_role role = reading_role(&s->reading, s->reading.tuple.proto);

	if (s->reading.kind == READ_IP && flow_allows(&opening, s->entry.there, role))
		flow_passed(&opening, s->entry.there, role);
}

static bool is_disguised(const struct reading *reading)
{
	return reading->v6 && (ip_addr_is_v4(&reading->tuple.src) ||
			       ip_addr_is_v4(&reading->tuple.dst));
}

/* It was let through. */
static void check_pass(const struct scene_of *s)
{
	const struct reading *r = &s->reading;

	PROMISE(r->kind != READ_OTHER);
	if (s->visit->program != FROM_WIRE)
		PROMISE(pod_is_ready(pod_behind(s->visit->ifindex)));
	if (s->visit->program == FROM_POD) {
		check_sender(s);
		check_control(s);
	}
	PROMISE(!is_disguised(r));
	check_origin(s);
	check_policy(s);
	if (s->visit->action != TC_ACT_REDIRECT)
		form_is_unchanged(s->visit, &s->before);
	else if (form_is_answer(s->visit, r))
		form_answers(s->visit, &s->before);
	else
		form_is_delivered(s->visit, &s->before, pod_at(&r->tuple.dst));
}

/* IPv4 in disguise is nobody's address. */
static enum who owner(const struct reading *reading, const struct ip_addr *addr)
{
	return reading->v6 && ip_addr_is_v4(addr) ? NOBODY : pod_at(addr);
}

static void find_ends(struct scene_of *s)
{
	const struct tuple *tuple = &s->reading.tuple;
	enum who here = pod_behind(s->visit->ifindex);

	s->from = s->visit->program == FROM_POD ? here : owner(&s->reading, &tuple->src);
	s->to = s->visit->program == TO_POD ? here : owner(&s->reading, &tuple->dst);
}

static void look_before(struct scene_of *s)
{
	s->before = s->visit->frame;
	s->unlucky = sim_will_fail();
	frame_read(&s->reading, &s->before, s->visit->gso_size);
	if (s->reading.kind != READ_IP)
		s->reading.tuple = (struct tuple){};
	find_ends(s);
	if (s->reading.kind != READ_IP)
		return;
	entry_look(&s->entry, &s->reading.tuple);
	while (s->reading.part == PART_LATER && s->candidate_count < CANDIDATES_MAX &&
	       fragment_find(&s->candidates[s->candidate_count], &s->reading,
			     s->candidate_count)) {
		s->candidates_known[s->candidate_count] =
			flow_is_known(&s->candidates[s->candidate_count].tuple);
		s->candidate_count++;
	}
	if (s->reading.part == PART_FIRST && s->reading.complete)
		fragment_first(&s->reading);
}

/* For whoever looks at an input: WEIR_FUZZ_TRACE=1 shows each packet and what became of it. */
static void trace(const struct sim_visit *visit, const struct frame *before, int reason)
{
	static const char *const programs[] = { "from_pod", "to_pod", "from_wire" };
	static const char *const reasons[] = {
#define X(name, number, text) [number] = #name,
		DROP_REASONS(X)
#undef X
	};

	if (!getenv("WEIR_FUZZ_TRACE"))
		return;
	fprintf(stderr, "%s at %u from %u: %s:", programs[visit->program], visit->ifindex,
		visit->ingress_ifindex, reason < 0 ? "not counted" : reasons[reason]);
	for (size_t i = 0; i < before->len && i < 110; i++)
		fprintf(stderr, "%s%02x", i % 2 ? "" : " ", before->data[i]);
	fprintf(stderr, "\n");
}

/*
 * Runs it, and says under which reason it was counted; -1: under none. @alone: no
 * other packet was inside.
 */
static int run_counted(bool *alone, struct sim_visit *visit)
{
	enum policy_dir dir = visit->program == FROM_POD ? POLICY_EGRESS : POLICY_INGRESS;
	struct counts before, own, outer = inner;
	bool first = armed;
	size_t came = visit->frame.len;
	int reason;

	armed = false;
	inner = (struct counts){};
	counts_read(&before);
	sim_go(visit);
	*alone = counts_are_none(&inner);
	counts_since(&own, &before, &inner);
	reason = counts_reason(&own, dir, visit->frame.len, came);
	counts_add(&inner, &own);
	counts_add(&inner, &outer);
	if (first)
		passed = reason == DROP_NONE;
	return reason;
}

/*
 * Not counted at all: what the wire brings for somebody else. What cannot be read
 * there, and IPv4 in disguise, is left to the stack; to_pod judges it.
 */
static void check_uncounted(const struct scene_of *s)
{
	PROMISE(s->visit->program == FROM_WIRE && s->visit->action == TC_ACT_OK);
	PROMISE(s->reading.kind != READ_IP || !s->to || is_disguised(&s->reading) ||
		s->unlucky);
	form_is_unchanged(s->visit, &s->before);
}

static bool is_judge(enum program program)
{
	return program == FROM_POD || program == TO_POD || program == FROM_WIRE;
}

void check_visit(struct sim_visit *visit)
{
	struct scene_of s = { .visit = visit };
	int reason;

	if (!is_judge(visit->program)) {
		sim_go(visit);
		return;
	}
	look_before(&s);
	reason = run_counted(&s.alone, visit);
	trace(visit, &s.before, reason);
	if (reason == DROP_INTERNAL)
		remember_unlucky(&s);
	if (reason > DROP_NONE)
		PROMISE(visit->action == TC_ACT_SHOT && !visit->redirect);
	else if (reason < 0)
		check_uncounted(&s);
	else
		check_pass(&s);
}

/* The slot as it stands in the map. */
static bool slot_is_ready(uint32_t ifindex)
{
	uint32_t slot = ifindex & 4095;
	struct endpoint ep;

	return !engine_lookup("endpoint", &slot, &ep) && ep.ifindex == ifindex &&
	       ep.flags & ENDPOINT_READY;
}

/* The refused packet goes back where it came from as an answer that is whole. */
static bool is_rejection(const struct sim_visit *visit, int reason)
{
	return (visit->program == FROM_POD || visit->program == FROM_WIRE) &&
	       reason >= DROP_SERVICE_NO_ENDPOINT &&
	       visit->action == TC_ACT_REDIRECT && visit->redirect == visit->ifindex &&
	       frame_checksums_fit(&visit->frame);
}

void check_visit_loosely(struct sim_visit *visit)
{
	bool alone;
	int reason;

	if (!is_judge(visit->program)) {
		sim_go(visit);
		return;
	}
	reason = run_counted(&alone, visit);
	if (reason > DROP_NONE) {
		PROMISE(visit->action == TC_ACT_SHOT || is_rejection(visit, reason));
		return;
	}
	PROMISE(visit->action == TC_ACT_OK || visit->action == TC_ACT_REDIRECT);
	if (visit->program != FROM_WIRE)
		PROMISE(reason == DROP_NONE && slot_is_ready(visit->ifindex));
	/* From outside it may go on to the outside. */
	if (visit->redirect && (visit->program != FROM_WIRE || visit->redirect != engine_ifindex(0)))
		PROMISE(slot_is_ready(visit->redirect));
}
