// SPDX-License-Identifier: Apache-2.0
/*
 * What the frontend maps shall hold for a Service. A packet looks for the entry of the
 * address first, so that comes after the frontends that are new, and goes before those that
 * were its last ones.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "reconcile/service_plan.h"

static struct frontend value_of(const struct plan_port *pp, const struct service_frontend *frontend)
{
	struct frontend value = { .service = pp->port->number,
				  .flags = frontend->flags & ~(uint32_t)FRONTEND_WHOLE };

	if (frontend->kind != FRONTEND_CLUSTER_IP)
		value.flags |= FRONTEND_EXTERNAL;
	return value;
}

/* The address of @entry gets one frontend more or less, or is only to be looked at. */
static int touch(struct plan *plan, const struct frontend_entry *entry,
		 const struct frontend *value, int by)
{
	struct service_writer *writer = plan->writer;
	struct frontend_entry *address = frontends_address(&writer->frontends, &entry->key);

	if (!address)
		return -ENOMEM;
	if (!address->seen)
		plan->touched[plan->touched_count++] = (struct plan_address){
			address, address->frontends, address->whole
		};
	address->seen = true;
	if (value)
		frontends_count(address, value, by);
	return 0;
}

static int expose(struct plan *plan, struct plan_port *pp, const struct service_frontend *frontend)
{
	const struct frontend_key key = { .addr = frontend->addr,
					  .port = htons(frontend->port),
					  .proto = frontend->proto };
	struct frontend_entry *entry = frontends_add(&plan->writer->frontends, &key);
	struct frontend value = value_of(pp, frontend);
	int r;

	if (!entry)
		return -ENOMEM;
	if (entry->seen)
		return 0;
	entry->seen = true;
	pp->frontends[pp->frontend_count++] = entry;
	r = touch(plan, entry, NULL, 0);
	if (r < 0 || (entry->held && entry->value.service == value.service &&
		      entry->value.flags == value.flags))
		return r;
	r = frontend_ops_add(&plan->ops, entry, true, value);
	if (r < 0)
		return r;
	/* Its address is there: it was touched. */
	if (entry->held)
		touch(plan, entry, &entry->value, -1);
	return touch(plan, entry, &value, 1);
}

static int expose_all(struct plan *plan, size_t *count)
{
	int r = 0;

	for (size_t i = 0; i < plan->port_count; i++) {
		struct plan_port *pp = &plan->ports[i];

		pp->frontends = calloc(pp->image->frontend_count + 1, sizeof(*pp->frontends));
		if (!pp->frontends)
			return -ENOMEM;
		for (size_t j = 0; j < pp->image->frontend_count && r >= 0; j++)
			r = expose(plan, pp, &pp->image->frontends[j]);
		if (r < 0)
			return r;
	}
	*count = plan->ops.count;
	return 0;
}

/* Frontends of the Service that the plan has not seen; others' have moved on already. */
static int hide_rest(struct plan *plan)
{
	int r = 0;

	for (size_t i = 0; i < plan->owner->ports.count; i++) {
		struct service_number *port = owner_ports(plan->owner)[i];

		for (size_t j = 0; j < port->frontends.count && r >= 0; j++) {
			struct frontend_entry *entry = service_number_frontends(port)[j];

			if (entry->seen || !entry->held)
				continue;
			r = frontend_ops_add(&plan->ops, entry, false, (struct frontend){});
			r = r ?: touch(plan, entry, &entry->value, -1);
		}
	}
	return r;
}

static bool grows(const struct frontend_entry *address)
{
	return address->frontends && (!address->held ||
	       (address->whole && !(address->value.flags & FRONTEND_WHOLE)));
}

/* The addresses that become more, or those that become less. */
static int write_addresses(struct plan *plan, struct frontend_ops *ops, bool growing)
{
	struct frontend want;
	int r = 0;

	for (size_t i = 0; i < plan->touched_count && r >= 0; i++) {
		struct frontend_entry *address = plan->touched[i].entry;

		want = (struct frontend){ .flags = address->whole ? FRONTEND_WHOLE : 0 };
		if (grows(address) != growing)
			continue;
		if (!address->frontends && address->held)
			r = frontend_ops_add(ops, address, false, want);
		else if (address->frontends && (!address->held || address->value.service ||
						address->value.flags != want.flags))
			r = frontend_ops_add(ops, address, true, want);
	}
	return r;
}

static int append(struct frontend_ops *to, const struct frontend_ops *from, size_t begin,
		  size_t end)
{
	int r = 0;

	for (size_t i = begin; i < end && r >= 0; i++)
		r = frontend_ops_add(to, from->items[i].entry, from->items[i].has,
				     from->items[i].after);
	return r;
}

/* New before old, where the table has room for both. */
static int put_in_order(struct plan *plan, size_t exposed, bool new_first)
{
	struct frontend_ops *all = &plan->ops, ordered = {};
	int r = 0;

	if (new_first) {
		r = append(&ordered, all, 0, exposed);
		r = r ?: write_addresses(plan, &ordered, true);
	}
	r = r ?: write_addresses(plan, &ordered, false);
	r = r ?: append(&ordered, all, exposed, all->count);
	if (!new_first) {
		r = r ?: append(&ordered, all, 0, exposed);
		r = r ?: write_addresses(plan, &ordered, true);
	}
	free(all->items);
	*all = ordered;
	return r;
}

/* How many entries come and go, of each family. */
static void count_ops(const struct plan *plan, uint32_t come[2], uint32_t go[2])
{
	for (size_t i = 0; i < plan->ops.count; i++) {
		const struct frontend_op *op = &plan->ops.items[i];
		int family = frontend_family(&op->entry->key);

		come[family] += op->has && !op->had;
		go[family] += op->had && !op->has;
	}
	for (size_t i = 0; i < plan->touched_count; i++) {
		const struct frontend_entry *address = plan->touched[i].entry;
		int family = frontend_family(&address->key);

		come[family] += address->frontends && !address->held;
		go[family] += !address->frontends && address->held;
	}
}

int plan_frontends(struct plan *plan)
{
	const struct service_writer *writer = plan->writer;
	uint32_t come[2] = {}, go[2] = {}, room;
	bool new_first = true;
	size_t exposed = 0;
	int r;

	r = expose_all(plan, &exposed);
	r = r ?: hide_rest(plan);
	if (r < 0)
		return r;
	count_ops(plan, come, go);
	for (int family = 0; family < 2; family++) {
		room = writer->maps.frontend_max[family] - writer->frontends.held[family];
		new_first &= come[family] <= room;
		if (come[family] > room + go[family]) {
			plan->full = family ? MAP_FRONTEND6 : MAP_FRONTEND4;
			return -ENOSPC;
		}
	}
	return put_in_order(plan, exposed, new_first);
}

void plan_uncount_frontends(struct plan *plan)
{
	for (size_t i = 0; i < plan->touched_count; i++) {
		plan->touched[i].entry->frontends = plan->touched[i].frontends;
		plan->touched[i].entry->whole = plan->touched[i].whole;
	}
}
