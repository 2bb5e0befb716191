// SPDX-License-Identifier: Apache-2.0
/*
 * What the run of slots of a set shall hold: its backends, or, where connections from outside
 * choose from it, the Maglev table of them. Both are chosen from in the same way.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/maglev.h"
#include "reconcile/service_plan.h"

/* Somebody outside comes by a frontend whose traffic policy is that of the set. */
static bool is_for_outside(const struct service_image *image, enum service_set set)
{
	for (size_t i = 0; i < image->frontend_count; i++) {
		const struct service_frontend *frontend = &image->frontends[i];
		bool local = frontend->flags & FRONTEND_LOCAL;

		if (frontend->kind != FRONTEND_CLUSTER_IP && local == (set == SERVICE_LOCAL))
			return true;
	}
	return false;
}

/* One backend is everybody's choice without a table; and each must have an entry. */
static bool wants_table(const struct plan *plan, const struct plan_port *pp, enum service_set set)
{
	uint32_t size = plan->writer->maps.maglev_size, count = pp->sets[set].slot_count;

	return count > 1 && count <= size && is_for_outside(pp->image, set);
}

/* Its backends, each once. */
static int list_backends(struct plan_port *pp, enum service_set set)
{
	struct plan_set *ps = &pp->sets[set];

	ps->slots = calloc(pp->member_count + 1, sizeof(*ps->slots));
	if (!ps->slots)
		return -ENOMEM;
	for (size_t i = 0; i < pp->member_count; i++)
		if (pp->members[i].record.flags & 1 << set)
			ps->slots[ps->slot_count++] = pp->members[i].number;
	return 0;
}

/* *@ret: numbers of backends, to be freed. */
static int make_table(uint32_t **ret, const struct plan_port *pp, enum service_set set,
		      uint32_t size)
{
	const struct plan_set *ps = &pp->sets[set];
	cleanup(freep) const struct backend **records = calloc(ps->slot_count, sizeof(*records));
	cleanup(freep) uint32_t *table = calloc(size, sizeof(*table));
	uint32_t count = 0;
	int r;

	if (!records || !table)
		return -ENOMEM;
	for (size_t i = 0; i < pp->member_count; i++)
		if (pp->members[i].record.flags & 1 << set)
			records[count++] = &pp->members[i].record;
	r = maglev_fill(table, size, records, count);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < size; i++)
		table[i] = ps->slots[table[i]];
	*ret = take_ptr(&table);
	return 0;
}

/* A run for the set's slots, unless the kernel has it as it shall be. */
static int take_run(struct plan *plan, struct plan_port *pp, enum service_set set)
{
	const struct service_writer *writer = plan->writer;
	struct plan_set *ps = &pp->sets[set];
	uint32_t count = ps->slot_count;
	bool same;

	same = !pp->fresh && service_number_has_set(writer, pp->port, set, ps->slots, count);
	if (same && !count)
		same = service_maps_set(&writer->maps, pp->port->number, set) ==
		       service_set_ref(ps->empty, 0);
	ps->turns = !same;
	if (same || !count)
		return 0;
	if (runs_take(&ps->run.first, &plan->writer->slots, runs_order(count)) < 0) {
		plan->full = MAP_BACKEND_SLOT;
		return -ENOSPC;
	}
	ps->run.count = count;
	return 0;
}

/* -ENOSPC: there is no room for the table, and the slots are the backends as before. */
static int take_table(struct plan *plan, struct plan_port *pp, enum service_set set)
{
	struct plan_set *ps = &pp->sets[set];
	uint32_t *backends = ps->slots, count = ps->slot_count;
	uint32_t size = plan->writer->maps.maglev_size;
	int r = make_table(&ps->slots, pp, set, size);

	if (r < 0)
		return r;
	ps->slot_count = size;
	r = take_run(plan, pp, set);
	if (!r) {
		free(backends);
		return 0;
	}
	free(ps->slots);
	ps->slots = backends;
	ps->slot_count = count;
	return r;
}

int plan_set(struct plan *plan, struct plan_port *pp, enum service_set set)
{
	int r = list_backends(pp, set);

	if (r < 0)
		return r;
	pp->sets[set].empty = pp->image->empty[set];
	if (wants_table(plan, pp, set)) {
		r = take_table(plan, pp, set);
		if (r != -ENOSPC || plan->patient)
			return r;
		plan->tableless = true;
	}
	return take_run(plan, pp, set);
}
