// SPDX-License-Identifier: Apache-2.0
/*
 * A plan is written: what no packet sees yet, then the frontends, the only part that the
 * kernel may refuse, then what turns, and at last what no packet shall see any more.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "reconcile/service_plan.h"

static void write_backends(struct service_writer *writer, const struct plan_port *pp)
{
	for (size_t i = 0; i < pp->member_count; i++) {
		const struct plan_member *member = &pp->members[i];

		if (!member->fresh)
			continue;
		service_maps_fill(&writer->maps, member->number, &member->record);
		service_maps_own(&writer->maps, member->number, pp->port->number);
	}
}

static void write_slots(struct service_writer *writer, const struct plan_port *pp,
			enum service_set set)
{
	const struct plan_set *ps = &pp->sets[set];

	for (uint32_t i = 0; i < ps->run.count; i++)
		service_maps_set_slot(&writer->maps, ps->run.first + i, ps->slots[i]);
}

static uint64_t ref_of(const struct plan_set *ps)
{
	return service_set_ref(ps->run.count ? ps->run.first : (uint32_t)ps->empty, ps->run.count);
}

static void turn_sets(struct service_writer *writer, const struct plan_port *pp)
{
	for (enum service_set set = 0; set < SERVICE_SETS; set++)
		if (pp->sets[set].turns)
			service_maps_turn(&writer->maps, pp->port->number, set,
					  ref_of(&pp->sets[set]));
	if (service_maps_affinity(&writer->maps, pp->port->number) != pp->image->affinity_s)
		service_maps_set_affinity(&writer->maps, pp->port->number, pp->image->affinity_s);
}

static int write_beside(struct plan *plan, struct plan_port *pp)
{
	struct service_writer *writer = plan->writer;
	int r;

	write_backends(writer, pp);
	for (enum service_set set = 0; set < SERVICE_SETS; set++)
		write_slots(writer, pp, set);
	r = plan_ranges_put(plan, pp);
	if (r < 0 || !pp->fresh)
		return r;
	turn_sets(writer, pp);
	return service_maps_clear_hits(&writer->maps, pp->port->number);
}

/* A client's remembered backend is in the set before the set has it, and leaves with it. */
static void turn_port(struct service_writer *writer, const struct plan_port *pp)
{
	for (size_t i = 0; i < pp->member_count; i++) {
		const struct plan_member *member = &pp->members[i];

		if (!member->fresh && member->record.flags & ~member->flags)
			service_maps_set_flags(&writer->maps, member->number,
					       member->record.flags | member->flags);
	}
	turn_sets(writer, pp);
	for (size_t i = 0; i < pp->member_count; i++) {
		const struct plan_member *member = &pp->members[i];

		if (!member->fresh && member->flags & ~member->record.flags)
			service_maps_set_flags(&writer->maps, member->number, member->record.flags);
	}
	for (size_t i = 0; i < pp->leaving_count; i++)
		service_maps_set_flags(&writer->maps, pp->leaving[i], 0);
}

/* The frontends were refused: perhaps a packet has seen some, and so what they lead to rests. */
static void take_back(struct plan *plan)
{
	struct rest *rest = &plan->writer->rest;

	plan_uncount_frontends(plan);
	for (size_t i = 0; i < plan->port_count; i++) {
		struct plan_port *pp = &plan->ports[i];

		for (size_t j = 0; j < pp->member_count; j++)
			if (pp->members[j].fresh)
				rest_backend(plan->writer, pp->members[j].number, plan->now_ms);
		for (enum service_set set = 0; set < SERVICE_SETS; set++)
			if (pp->sets[set].run.count)
				rest_add(rest, REST_RUN, pp->sets[set].run.first,
					 pp->sets[set].run.count, plan->now_ms);
		if (pp->fresh)
			rest_add(rest, REST_PORT, pp->port->number, 1, plan->now_ms);
		else
			plan_ranges_take_back(plan, pp);
	}
}

/* The frontends of the plan are the port's now, and others no more. */
static void settle_frontends(struct plan *plan, struct plan_port *pp)
{
	struct service_number *port = pp->port;

	struct frontend_entry **former = service_number_frontends(port);

	for (size_t i = 0; i < port->frontends.count; i++)
		if (former[i]->port == port)
			former[i]->port = NULL;
	for (size_t i = 0; i < pp->frontend_count; i++) {
		struct frontend_entry *entry = pp->frontends[i];

		if (entry->port && entry->port != port)
			service_number_lose(entry->port, entry);
		entry->port = port;
		entry->seen = false;
	}
	for (size_t i = 0; i < port->frontends.count; i++)
		frontends_forget(&plan->writer->frontends, former[i]);
	few_take(&port->frontends, take_ptr(&pp->frontends), (uint32_t)pp->frontend_count,
		 sizeof(*pp->frontends));
	pp->frontend_count = 0;
}

static void settle_port(struct plan *plan, struct plan_port *pp)
{
	struct service_number *port = pp->port;
	struct rest *rest = &plan->writer->rest;

	for (size_t i = 0; i < pp->leaving_count; i++)
		rest_backend(plan->writer, pp->leaving[i], plan->now_ms);
	for (enum service_set set = 0; set < SERVICE_SETS; set++) {
		if (!pp->sets[set].turns)
			continue;
		if (port->runs[set].count)
			rest_add(rest, REST_RUN, port->runs[set].first, port->runs[set].count,
				 plan->now_ms);
		port->runs[set] = pp->sets[set].run;
	}
	few_take(&port->backends, take_ptr(&pp->numbers), (uint32_t)pp->member_count,
		 sizeof(*pp->numbers));
	port->owner = plan->owner;
	plan->writer->ports[port->number] = port;
	plan_ranges_settle(plan, pp);
	settle_frontends(plan, pp);
	pp->fresh = false;
}

static void settle(struct plan *plan)
{
	struct service_owner *owner = plan->owner;

	for (size_t i = 0; i < plan->port_count; i++) {
		settle_port(plan, &plan->ports[i]);
		plan->kept[i] = plan->ports[i].port;
	}
	for (size_t i = 0; i < plan->leaving_count; i++)
		service_number_leave(plan->writer, plan->leaving[i], plan->now_ms);
	few_take(&owner->ports, take_ptr(&plan->kept), (uint32_t)plan->port_count,
		 sizeof(*plan->kept));
}

static bool adds_frontend(const struct plan *plan)
{
	for (size_t i = 0; i < plan->ops.count; i++)
		if (plan->ops.items[i].has && !frontend_is_address(&plan->ops.items[i].entry->key))
			return true;
	return false;
}

int plan_write(struct plan *plan)
{
	struct service_writer *writer = plan->writer;
	int r = 0;

	for (size_t i = 0; i < plan->port_count && r >= 0; i++)
		r = write_beside(plan, &plan->ports[i]);
	r = r ?: frontend_ops_run(writer, &plan->ops, &plan->full);
	if (r < 0) {
		take_back(plan);
		return r;
	}
	writer->added |= adds_frontend(plan);
	for (size_t i = 0; i < plan->port_count; i++)
		if (!plan->ports[i].fresh)
			turn_port(writer, &plan->ports[i]);
	settle(plan);
	return 0;
}
