// SPDX-License-Identifier: Apache-2.0
/* What a Service asks for and does not get, and how people are told. */
#include <string.h>

#include "model/service_private.h"

struct report {
	const struct services *services;
	uint32_t entry;
	size_t count;
	void (*fn)(const char *text, void *arg); /* NULL: only to be counted */
	void *arg;
};

enum want_verdict want_judge(const struct services *services, uint32_t entry,
			     const struct service_want *want)
{
	const struct claimant *winner;

	if ((want->kind == FRONTEND_EXTERNAL_IP || want->kind == FRONTEND_LOAD_BALANCER) &&
	    address_is_held(services, &want->addr, want->kind))
		return WANT_HELD;
	winner = claim_winner(services, &want->addr, want->port, want->proto);
	if (!winner || winner->entry != entry)
		return WANT_LOST;
	if (winner->index != want->index)
		return WANT_REPEATED;
	return winner->kind == want->kind ? WANT_GRANTED : WANT_MERGED;
}

uint32_t node_port_taken(const struct services *services, const struct ip_addr *addr,
			 const struct service_want *want)
{
	const struct claimant *winner = claim_winner(services, addr, want->port, want->proto);

	return winner && takes_node_ports(winner->kind) ? winner->entry : 0;
}

static const char *field_of(enum frontend_kind kind)
{
	switch (kind) {
	case FRONTEND_CLUSTER_IP:
		return "spec.clusterIPs";
	case FRONTEND_EXTERNAL_IP:
		return "spec.externalIPs";
	case FRONTEND_LOAD_BALANCER:
		return "status.loadBalancer.ingress";
	case FRONTEND_NODE_PORT:
		break;
	}
	return "spec.ports";
}

static void put_service(struct buf *buf, const struct service_entry *entry)
{
	buf_printf(buf, "Service %s/%s", entry->key, entry_name(entry));
}

static void begin(struct buf *buf, const struct report *report, enum frontend_kind kind)
{
	put_service(buf, entry_at(report->services, report->entry));
	buf_printf(buf, ": %s: ", field_of(kind));
}

static void put_addr(struct buf *buf, const struct ip_addr *addr)
{
	char text[ADDR_TEXT_MAX];

	buf_str(buf, addr_text(text, addr));
}

static void say(const struct report *report, struct buf *buf)
{
	if (!buf->failed)
		report->fn(buf->data, report->arg);
	buf_done(buf);
}

static void put_holder(struct buf *buf, const struct services *services, const struct ip_addr *addr,
		       enum frontend_kind kind)
{
	const struct object *holder = address_holder(services, addr, kind);

	if (!holder) {
		buf_str(buf, " is an address of this node");
		return;
	}
	buf_str(buf, holder->kind == OBJECT_SERVICE ? " is the ClusterIP of " :
						      " is the address of ");
	buf_printf(buf, "%s %s%s%s", object_kind_name(holder->kind), holder->namespace,
		   holder->namespace[0] ? "/" : "", holder->name);
}

static void report_held(struct report *report, const struct ip_addr *addr, enum frontend_kind kind)
{
	struct buf buf = {};

	report->count++;
	if (!report->fn)
		return;
	begin(&buf, report, kind);
	put_addr(&buf, addr);
	put_holder(&buf, report->services, addr, kind);
	say(report, &buf);
}

static void report_family(struct report *report, const struct ip_addr *addr,
			  enum frontend_kind kind)
{
	struct buf buf = {};

	report->count++;
	if (!report->fn)
		return;
	begin(&buf, report, kind);
	put_addr(&buf, addr);
	buf_str(&buf, " is of a family of which the Service has no ClusterIP");
	say(report, &buf);
}

/* @owner: the entry that has it. @addr: NULL: all of the node's. */
static void report_lost(struct report *report, const struct service_want *want,
			const struct ip_addr *addr, uint32_t owner)
{
	struct buf buf = {};

	report->count++;
	if (!report->fn)
		return;
	begin(&buf, report, want->kind);
	buf_printf(&buf, "%u/%s at ", want->port, ip_proto_name(want->proto));
	if (addr)
		put_addr(&buf, addr);
	else
		buf_str(&buf, ip_addr_is_v4(&want->addr) ? "the node's IPv4 addresses" :
							   "the node's IPv6 addresses");
	buf_str(&buf, " belongs to ");
	if (owner == report->entry)
		buf_str(&buf, "another port of this Service");
	else
		put_service(&buf, entry_at(report->services, owner));
	say(report, &buf);
}

static void report_node_port(struct report *report, const struct service_want *want)
{
	const struct services *services = report->services;

	for (size_t i = 0; i < services->ip_count; i++) {
		const struct ip_addr *addr = &services->ips[i];
		uint32_t owner = node_port_taken(services, addr, want);

		if (owner && ip_addr_is_v4(addr) == ip_addr_is_v4(&want->addr))
			report_lost(report, want, addr, owner);
	}
}

static void report_want(struct report *report, const struct service_want *want)
{
	const struct claimant *winner;

	switch (want_judge(report->services, report->entry, want)) {
	case WANT_GRANTED:
		if (want->kind == FRONTEND_NODE_PORT)
			report_node_port(report, want);
		break;
	case WANT_LOST:
	case WANT_REPEATED:
		winner = claim_winner(report->services, &want->addr, want->port, want->proto);
		if (winner)
			report_lost(report, want,
				    want->kind == FRONTEND_NODE_PORT ? NULL : &want->addr,
				    winner->entry);
		break;
	case WANT_HELD: /* said once for the address */
	case WANT_MERGED:
		break;
	}
}

static void report_externals(struct report *report, const struct service *service)
{
	const struct services *services = report->services;
	enum frontend_kind kind;
	struct ip_addr addr;

	for (size_t at = 0; service_external(service, at, &addr, &kind); at++) {
		if (!service_has_family(service, ip_addr_is_v4(&addr)))
			report_family(report, &addr, kind);
		else if (address_is_held(services, &addr, kind))
			report_held(report, &addr, kind);
	}
}

static void report_endpoint(struct report *report, const struct object *slice,
			    const struct ip_addr *addr)
{
	struct buf buf = {};

	report->count++;
	if (!report->fn)
		return;
	put_service(&buf, entry_at(report->services, report->entry));
	buf_printf(&buf, ": EndpointSlice %s: endpoints: ", slice->name);
	put_addr(&buf, addr);
	buf_str(&buf, " is the ClusterIP of a Service, and no host's");
	say(report, &buf);
}

static void report_endpoints(struct report *report)
{
	const struct service_entry *entry = entry_at(report->services, report->entry);
	const struct object *const *slices = entry_slices(entry);

	for (size_t i = 0; i < entry->slice_count; i++)
		for (size_t j = 0; j < slices[i]->slice->endpoint_count; j++) {
			const struct ip_addr *addr = &slices[i]->slice->endpoints[j].addr;

			if (target_is_refused(report->services, addr))
				report_endpoint(report, slices[i], addr);
		}
}

/* Without an API server nobody gives Services their addresses. */
static void report_addressless(struct report *report)
{
	struct buf buf = {};

	report->count++;
	if (!report->fn)
		return;
	begin(&buf, report, FRONTEND_CLUSTER_IP);
	buf_str(&buf, "there is none, the Service is not served");
	say(report, &buf);
}

size_t service_problems(const struct services *services, uint32_t entry,
			void (*fn)(const char *text, void *arg), void *arg)
{
	struct report report = { .services = services, .entry = entry, .fn = fn, .arg = arg };
	const struct object *obj = entry_at(services, entry)->service;
	struct service_want want;
	struct want_walk walk;

	if (!obj || obj->service->type == SERVICE_EXTERNAL_NAME || obj->service->headless ||
	    obj->service->foreign)
		return 0;
	if (!obj->service->cluster_ip_count) {
		report_addressless(&report);
		return report.count;
	}
	report_externals(&report, obj->service);
	walk = wants_of(obj->service);
	while (want_next(&walk, &want))
		report_want(&report, &want);
	report_endpoints(&report);
	return report.count;
}
