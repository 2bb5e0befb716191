// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_flows.h"

#include "hostsim/fuzz_entry.h"

/* More than one input has packets. */
#define FLOWS_MAX 4096

struct first {
	struct ip_addr src, dst;
	uint32_t id;
	uint8_t proto; /* of a datagram's identity in IPv4 only */
	struct candidate is;
};

static struct opening flows[FLOWS_MAX];
static struct first firsts[FLOWS_MAX];
static size_t flow_count, first_count;

void flows_begin(void)
{
	flow_count = first_count = 0;
}

static struct opening *find(const struct tuple *tuple)
{
	struct tuple reverse = tuple_reverse(tuple);

	for (size_t i = flow_count; i-- > 0;)
		if (tuple_equal(&flows[i].tuple, tuple) || tuple_equal(&flows[i].tuple, &reverse))
			return &flows[i];
	return NULL;
}

bool flow_is_known(const struct tuple *tuple)
{
	struct seen_entry seen;

	entry_look(&seen, tuple);
	return seen.there;
}

static struct opening opening_reverse(const struct opening *opening)
{
	return (struct opening){ tuple_reverse(&opening->tuple), opening->to, opening->from };
}

/* The connection that the packet is part of, NULL: it is the first of one. */
static const struct opening *flow_of(const struct opening *packet, bool known,
				     enum reading_role role)
{
	const struct opening *flow = known && role != ROLE_QUERY ? find(&packet->tuple) : NULL;

	if (flow && role == ROLE_OPENS && !tuple_equal(&flow->tuple, &packet->tuple))
		return NULL;
	return flow;
}

bool flow_allows(const struct opening *packet, bool known, enum reading_role role)
{
	const struct opening *flow = flow_of(packet, known, role);
	struct opening now = *packet, back = opening_reverse(packet);

	if (flow) {
		/* Its ends are who is there now, not who was there when it began. */
		if (!tuple_equal(&flow->tuple, &packet->tuple))
			now = back;
		now.exempt = flow->exempt;
		return world_allows(&now);
	}
	if (role == ROLE_ANSWERS)
		return false;
	/* Nobody can tell who opened it. */
	if (role == ROLE_MIDDLE && !world_allows(&back))
		return false;
	return world_allows(packet);
}

void flow_passed(const struct opening *packet, bool known, enum reading_role role)
{
	struct opening *flow;

	if (role == ROLE_QUERY || flow_of(packet, known, role))
		return;
	flow = find(&packet->tuple);
	if (!flow && flow_count < FLOWS_MAX)
		flow = &flows[flow_count++];
	if (flow)
		*flow = *packet;
}

bool flow_error_passes(const struct tuple *quote)
{
	const struct opening *flow = find(quote);
	struct opening now;

	if (!flow)
		return false;
	now = (struct opening){ flow->tuple, pod_at(&flow->tuple.src), pod_at(&flow->tuple.dst),
				flow->exempt };
	return world_allows(&now);
}

static bool is_first_of(const struct first *first, const struct reading *reading)
{
	return ip_addr_equal(&first->src, &reading->tuple.src) &&
	       ip_addr_equal(&first->dst, &reading->tuple.dst) && first->id == reading->id &&
	       (reading->v6 || first->proto == reading->tuple.proto);
}

static enum reading_role role_of_later(const struct reading *first)
{
	struct reading later = *first;
	enum reading_role role;

	later.part = PART_LATER;
	role = reading_role(&later, first->tuple.proto);
	return role == ROLE_ANSWERS ? reading_role(first, first->tuple.proto) : role;
}

void fragment_first(const struct reading *reading)
{
	if (first_count < FLOWS_MAX)
		firsts[first_count++] = (struct first){
			reading->tuple.src, reading->tuple.dst, reading->id, reading->tuple.proto,
			{ reading->tuple, role_of_later(reading) } };
}

bool fragment_find(struct candidate *ret, const struct reading *reading, unsigned int nth)
{
	for (size_t i = first_count; i-- > 0;) {
		if (!is_first_of(&firsts[i], reading) || nth--)
			continue;
		*ret = firsts[i].is;
		return true;
	}
	return false;
}
