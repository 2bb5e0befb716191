// SPDX-License-Identifier: Apache-2.0
#include "reconcile/service_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_port(struct plan *plan, struct plan_port *pp)
{
	const struct service_image *image = pp->image;

	pp->port = service_number_new(plan->writer);
	if (!pp->port)
		return -ENOMEM;
	pp->fresh = true;
	if (runs_take(&pp->port->number, &plan->writer->numbers, 0) < 0) {
		plan->full = MAP_SERVICE_PORT;
		return -ENOSPC;
	}
	pp->port->proto = image->proto;
	pp->port->is_v4 = image->is_v4;
	return service_number_rename(pp->port, image->port_name);
}

static int plan_port(struct plan *plan, struct plan_port *pp)
{
	int r = pp->port ? 0 : make_port(plan, pp);

	r = r ?: plan_match_backends(plan, pp);
	for (enum service_set set = 0; set < SERVICE_SETS && r >= 0; set++)
		r = plan_set(plan, pp, set);
	return r;
}

/* So that nothing can fail any more once something is written. */
static int reserve(struct plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->owner->ports.count; i++)
		count += 1 + SERVICE_SETS + owner_ports(plan->owner)[i]->backends.count;
	for (size_t i = 0; i < plan->port_count; i++)
		count += 2 + SERVICE_SETS + plan->ports[i].member_count;
	return rest_reserve(&plan->writer->rest, count);
}

static int allocate(struct plan *plan, const struct service_images *images)
{
	size_t touched = 1;

	for (size_t i = 0; i < images->count; i++)
		touched += images->items[i].frontend_count;
	for (size_t i = 0; i < plan->owner->ports.count; i++)
		touched += owner_ports(plan->owner)[i]->frontends.count;
	plan->touched = calloc(touched, sizeof(*plan->touched));
	plan->kept = calloc(images->count + 1, sizeof(struct service_number *));
	return plan->touched && plan->kept ? 0 : -ENOMEM;
}

/* Give back what was taken; no packet has seen it. */
static void drop(struct plan *plan)
{
	struct service_writer *writer = plan->writer;

	plan_uncount_frontends(plan);
	for (size_t i = 0; i < plan->port_count; i++) {
		struct plan_port *pp = &plan->ports[i];

		for (size_t j = 0; j < pp->member_count; j++)
			if (pp->members[j].fresh)
				runs_give(&writer->backends, pp->members[j].number, 0);
		for (enum service_set set = 0; set < SERVICE_SETS; set++)
			if (pp->sets[set].run.count)
				runs_give(&writer->slots, pp->sets[set].run.first,
					  runs_order(pp->sets[set].run.count));
		if (pp->fresh && pp->port->number)
			runs_give(&writer->numbers, pp->port->number, 0);
	}
}

int plan_make(struct plan *plan, const struct service_images *images)
{
	int r;

	plan->port_count = images->count;
	plan->ports = calloc(images->count + 1, sizeof(*plan->ports));
	plan->leaving = calloc(plan->owner->ports.count + images->count + 1,
			       sizeof(struct service_number *));
	r = plan->ports && plan->leaving ? plan_match_ports(plan, images) : -ENOMEM;
	/* What was taken over counts. */
	r = r ?: allocate(plan, images);
	if (r < 0) {
		plan->port_count = 0;
		return r;
	}
	for (size_t i = 0; i < plan->port_count && r >= 0; i++)
		r = plan_port(plan, &plan->ports[i]);
	r = r ?: plan_ranges(plan);
	r = r ?: reserve(plan);
	r = r ?: plan_frontends(plan);
	if (r < 0)
		drop(plan);
	return r;
}

static void forget_entry(struct plan *plan, struct frontend_entry *entry)
{
	entry->seen = false;
	frontends_forget(&plan->writer->frontends, entry);
}

/* Entries that were only planned are no more. */
static void forget_entries(struct plan *plan)
{
	for (size_t i = 0; i < plan->port_count; i++)
		for (size_t j = 0; j < plan->ports[i].frontend_count; j++)
			forget_entry(plan, plan->ports[i].frontends[j]);
	for (size_t i = 0; i < plan->touched_count; i++)
		forget_entry(plan, plan->touched[i].entry);
}

void plan_done(struct plan *plan)
{
	forget_entries(plan);
	for (size_t i = 0; i < plan->port_count; i++) {
		struct plan_port *pp = &plan->ports[i];

		if (pp->fresh)
			service_number_free(plan->writer, pp->port);
		free(pp->members);
		free(pp->leaving);
		free(pp->numbers);
		free(pp->frontends);
		for (enum service_set set = 0; set < SERVICE_SETS; set++)
			free(pp->sets[set].slots);
	}
	free(plan->ports);
	free(plan->leaving);
	free(plan->kept);
	free(plan->ops.items);
	free(plan->touched);
}
