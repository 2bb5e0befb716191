// SPDX-License-Identifier: Apache-2.0
/* Which service ports and backends of the kernel an image continues. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/service_plan.h"

static bool is_of(const struct service_number *port, const struct service_image *image)
{
	return port->proto == image->proto && port->is_v4 == image->is_v4 &&
	       !strcmp(service_number_name(port), image->port_name);
}

static struct service_number *find_named(const struct service_owner *owner,
					 const struct service_image *image)
{
	for (size_t i = 0; i < owner->ports.count; i++)
		if (is_of(owner_ports(owner)[i], image))
			return owner_ports(owner)[i];
	return NULL;
}

static bool is_wanted(const struct service_number *port, const struct service_images *images)
{
	for (size_t i = 0; i < images->count; i++)
		if (is_of(port, &images->items[i]))
			return true;
	return false;
}

static struct service_number *exposed_by(const struct service_writer *writer,
					 const struct service_frontend *frontend)
{
	const struct frontend_key key = { .addr = frontend->addr,
					  .port = htons(frontend->port),
					  .proto = frontend->proto };
	const struct frontend_entry *entry = frontends_find(&writer->frontends, &key);

	return entry ? entry->port : NULL;
}

/* Backends of the image that the port has; both are by address and port. */
static size_t count_common(const struct service_writer *writer, const struct service_number *port,
			   const struct service_image *image)
{
	const uint32_t *numbers = service_number_backends(port);
	size_t i = 0, j = 0, count = 0;

	while (i < image->backend_count && j < port->backends.count) {
		const struct backend wanted = { .addr = image->backends[i].addr,
						.port = htons(image->backends[i].port) };
		const struct backend there = service_maps_backend(&writer->maps, numbers[j]);
		int order = service_number_compare(&wanted, &there);

		count += !order;
		i += order <= 0;
		j += order >= 0;
	}
	return count;
}

/*
 * What a frontend of the image leads to: a former agent's, or what the Service needs no more.
 * Of several, of which some were another Service's, the one that has most of the backends:
 * frontends that move to it must not meet what they have never led to.
 */
static struct service_number *find_exposed(const struct plan *plan,
					   const struct service_image *image,
					   const struct service_images *images)
{
	struct service_number *best = NULL;
	size_t common, most = 0;

	for (size_t i = 0; i < image->frontend_count; i++) {
		struct service_number *port = exposed_by(plan->writer, &image->frontends[i]);

		if (!port || port == best ||
		    (port->owner && (port->owner != plan->owner || is_wanted(port, images))))
			continue;
		common = count_common(plan->writer, port, image);
		if (!best || common > most) {
			best = port;
			most = common;
		}
	}
	return best;
}

/* From now on the port is the image's, whatever becomes of the plan. */
static int take_over(struct plan *plan, struct service_number *port,
		     const struct service_image *image)
{
	struct service_owner *owner = plan->owner;

	if (service_number_rename(port, image->port_name) < 0)
		return -ENOMEM;
	if (!port->owner && few_add(&owner->ports, &port, sizeof(port)) < 0)
		return -ENOMEM;
	port->owner = owner;
	port->proto = image->proto;
	port->is_v4 = image->is_v4;
	return 0;
}

int plan_match_ports(struct plan *plan, const struct service_images *images)
{
	struct service_number *port;
	int r;

	for (size_t i = 0; i < images->count; i++) {
		const struct service_image *image = &images->items[i];

		if (find_named(plan->owner, image))
			continue;
		port = find_exposed(plan, image, images);
		r = port ? take_over(plan, port, image) : 0;
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < images->count; i++) {
		plan->ports[i].image = &images->items[i];
		plan->ports[i].port = find_named(plan->owner, &images->items[i]);
	}
	for (size_t i = 0; i < plan->owner->ports.count; i++)
		if (!is_wanted(owner_ports(plan->owner)[i], images))
			plan->leaving[plan->leaving_count++] = owner_ports(plan->owner)[i];
	return 0;
}

static int compare_members(const void *a, const void *b)
{
	return service_number_compare(&((const struct plan_member *)a)->record,
				      &((const struct plan_member *)b)->record);
}

/* The image's backends, each once. */
static int list_members(struct plan_port *pp)
{
	const struct service_image *image = pp->image;
	struct plan_member *member;
	size_t kept = 0;

	pp->members = calloc(image->backend_count + 1, sizeof(*pp->members));
	if (!pp->members)
		return -ENOMEM;
	for (size_t i = 0; i < image->backend_count; i++) {
		member = &pp->members[i];
		member->record.addr = image->backends[i].addr;
		member->record.port = htons(image->backends[i].port);
		member->record.proto = image->proto;
		member->record.flags = image->backends[i].flags;
	}
	qsort(pp->members, image->backend_count, sizeof(*pp->members), compare_members);
	for (size_t i = 0; i < image->backend_count; i++) {
		member = &pp->members[i];
		if (kept && !compare_members(&pp->members[kept - 1], member))
			pp->members[kept - 1].record.flags |= member->record.flags;
		else
			pp->members[kept++] = *member;
	}
	pp->member_count = kept;
	return 0;
}

/*
 * The next of the port's backends, from @*next on, that is @member. Those before it leave.
 * A former agent's may be there twice: the second one leaves.
 */
static bool match(const struct service_writer *writer, struct plan_port *pp,
		  struct plan_member *member, size_t *next)
{
	const struct service_number *port = pp->port;

	for (; port && *next < port->backends.count; (*next)++) {
		uint32_t number = service_number_backends(port)[*next];
		struct backend record = service_maps_backend(&writer->maps, number);
		int order = service_number_compare(&record, &member->record);

		if (order > 0)
			return false;
		if (!order && record.proto == member->record.proto) {
			(*next)++;
			member->number = number;
			member->flags = record.flags;
			return true;
		}
		pp->leaving[pp->leaving_count++] = number;
	}
	return false;
}

static int take_number(struct plan *plan, struct plan_member *member)
{
	struct service_writer *writer = plan->writer;

	if (runs_take(&member->number, &writer->backends, 0) < 0) {
		plan->full = MAP_BACKEND;
		return -ENOSPC;
	}
	/* Once more than when its last owner ended: whoever read that one holds none of this. */
	member->record.generation =
		service_maps_backend(&writer->maps, member->number).generation + 1;
	member->fresh = true;
	return 0;
}

int plan_match_backends(struct plan *plan, struct plan_port *pp)
{
	size_t former = pp->port ? pp->port->backends.count : 0, next = 0;
	int r = list_members(pp);

	if (r < 0)
		return r;
	pp->leaving = calloc(former + 1, sizeof(*pp->leaving));
	pp->numbers = calloc(pp->member_count + 1, sizeof(*pp->numbers));
	if (!pp->leaving || !pp->numbers)
		return -ENOMEM;
	for (size_t i = 0; i < pp->member_count; i++) {
		r = match(plan->writer, pp, &pp->members[i], &next) ?
			    0 : take_number(plan, &pp->members[i]);
		if (r < 0)
			return r;
		pp->numbers[i] = pp->members[i].number;
	}
	while (next < former)
		pp->leaving[pp->leaving_count++] = service_number_backends(pp->port)[next++];
	return 0;
}
