/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Services: the stage before conntrack, for what a pod sends. A packet to a service
 * address becomes one to a backend here, in struct flow; then its connection is
 * tracked and judged like any other, and service_commit() remembers both. The packet
 * itself is changed on delivery (translate.h).
 *
 * A connection to a service is two entries (weir/conntrack.h): the first one is found
 * by the packet as its client sends it, the second by what it becomes.
 */
#pragma once

#include "lib/conntrack.h"
#include "lib/service_beside.h"
#include "lib/service_choose.h"
#include "lib/service_cidr.h"
#include "lib/service_entry.h"

static __always_inline enum drop_reason service_reject(struct flow *flow, enum drop_reason why)
{
	flow->flags |= FLOW_REJECTED;
	return why;
}

int service_begin(struct flow *flow, struct service_case *sc);

/* The packet opens a connection, perhaps to a service: chooses the backend. */
SUBPROGRAM int service_begin(struct flow *flow, struct service_case *sc)
{
	_Bool asked = 0;

	if (!flow || !sc)
		return DROP_INTERNAL;
	if (!flow_frontend(flow, &sc->frontend, 0, 0))
		return addr_is_unallocated(&flow->dst) ? DROP_SERVICE_NO_ADDRESS : DROP_NONE;
	/* Where there is no such port what is left is that of the address. */
	if (proto_has_ports(flow->proto))
		asked = flow_frontend(flow, &sc->frontend, flow->dport, flow->proto);
	if (!asked && !(sc->frontend.flags & FRONTEND_WHOLE)) {
		flow->flags |= FLOW_TO_SERVICE;
		return DROP_NONE;
	}
	/* Of no known connection: the stack would send it back to the router that it came from. */
	if (flow->role == ROLE_ANSWER)
		return addr_is_host(&flow->dst) ? DROP_NONE : DROP_CT_INVALID;
	/* Nobody is there to answer an echo; and an answer to it would be a lie. */
	if (!asked)
		return proto_has_ports(flow->proto) ? service_reject(flow, DROP_SERVICE_NO_PORT) :
						      DROP_SERVICE_NO_PORT;
	/* The middle of a connection whose backend cannot be told any more. */
	if (!service_begins(flow) && !service_may_go_on(flow, &sc->frontend))
		return service_reject(flow, DROP_SERVICE_BACKEND_GONE);
	return service_choose(flow, sc);
}

/* The address of the connection is a service's still. */
static __always_inline _Bool service_goes_on(const struct flow *flow, __u32 number)
{
	const struct backend *record = backend_find(number);
	struct frontend frontend = {};

	return flow_frontend(flow, &frontend, flow->dport, flow->proto) && record &&
	       frontend.service == record->service;
}

enum service_course {
	SERVICE_GO_ON, /* with the backend that it has */
	SERVICE_CHOOSE, /* another one, as if it began */
	SERVICE_END,
};

/*
 * What becomes of the connection whose first entry is @entry. TCP and SCTP keep their
 * backend to the end; datagrams go where their service's would go now.
 */
static __always_inline enum service_course service_course(struct flow *flow,
							  struct service_case *sc,
							  const struct ct_entry *entry)
{
	_Bool current = backend_is_current(entry->backend, sc->to.generation);
	int second = service_second_find(flow, sc);

	if (flow->role == ROLE_OPEN && (!current || second != SECOND_LIVES))
		return SERVICE_CHOOSE;
	if (second == SECOND_FOREIGN)
		return proto_is_stream(flow->proto) ? SERVICE_END : SERVICE_CHOOSE;
	if (proto_is_stream(flow->proto)) {
		if (current || !(entry->flags & CT_BACKEND_POD) || peer_find(&sc->to.dst))
			return SERVICE_GO_ON;
		return SERVICE_END;
	}
	if (entry->generation != flow->generation && !service_goes_on(flow, entry->backend))
		return SERVICE_CHOOSE;
	return current ? SERVICE_GO_ON : SERVICE_CHOOSE;
}

/* A packet of a connection that has a first entry. */
static __noinline enum drop_reason service_follow(struct flow *flow, struct service_case *sc,
						  const struct ct_entry *entry)
{
	enum service_course course;

	if (entry->opener != sc->client.sender)
		return DROP_CT_INVALID;
	/* What went directly (direct.h) does not any more: here it has no second entry. */
	course = ct_is_direct(entry) ? SERVICE_CHOOSE : service_course(flow, sc, entry);
	if (course == SERVICE_GO_ON) {
		sc->backend = entry->backend;
		sc->flags = entry->flags & CT_BACKEND_POD;
		flow_become(flow, &sc->to);
		return DROP_NONE;
	}
	service_forget(flow, sc);
	if (course == SERVICE_CHOOSE)
		return service_begin(flow, sc);
	return flow->role == ROLE_ANSWER ? DROP_CT_INVALID :
					   service_reject(flow, DROP_SERVICE_BACKEND_GONE);
}

/* Whether @entry, of a connection to no service so far, may have become one to a service. */
static __always_inline _Bool service_may_be(const struct flow *flow, const struct ct_key *key,
					    const struct ct_entry *entry)
{
	if (!entry)
		return 1;
	if (entry->opener != key->sender)
		return ct_reopens(entry, flow, key->sender);
	/* TCP that goes on belongs to whoever has answered it. */
	if (proto_is_stream(flow->proto) && flow->role != ROLE_OPEN)
		return 0;
	return entry->generation != flow->generation || ct_reopens(entry, flow, key->sender);
}

int service_enter(struct flow *flow, const struct ct_key *key);

/*
 * Stage: what is for a service becomes what is for a backend. @flow->seen: where track() has
 * found the flow; and then where that which it becomes was found, or the flow itself.
 */
SUBPROGRAM int service_enter(struct flow *flow, const struct ct_key *key)
{
	struct service_case *sc = service_case();
	enum drop_reason why;
	struct ct_hit hit;

	if (!flow || !key || !sc)
		return DROP_INTERNAL;
	/* Another CPU may have moved it since track() looked, and is then past its opening. */
	hit = ct_seek_seen(flow, key);
	service_case_begin(sc, flow, key);
	/* Not an answer: nothing keeps others from opening a connection between the same ends. */
	if (hit.entry && ct_is_outside(hit.entry->flags))
		hit.entry = NULL;
	/* Verifier: clang 13 would keep a flag in place of what the pointer says. */
	hit.entry = (struct ct_entry *)OPAQUE((__u64)hit.entry);
	if (hit.entry && hit.entry->flags & CT_SERVICE) {
		ct_nat_read(&sc->to, hit);
		return service_follow(flow, sc, hit.entry);
	}
	if (flow->role != ROLE_OPEN && ct_answers(hit, key))
		flow->flags |= FLOW_ANSWERS;
	if (services_exist() && service_may_be(flow, key, hit.entry)) {
		why = service_begin(flow, sc);
		if (why || flow->flags & FLOW_TRANSLATED)
			return why;
	}
	return service_may_be_beside(flow, key, hit.entry) ?
		       service_beside(flow, sc, !!hit.entry) : DROP_NONE;
}
