// SPDX-License-Identifier: Apache-2.0
#include "service_cidrs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "reconcile/service_cidrs.h"

struct found {
	struct prefix *items;
	size_t count;
};

static int add_spec(const struct object *obj, void *arg)
{
	const struct service_cidr_spec *spec = &obj->service_cidr;
	struct found *found = arg;

	for (size_t i = 0; i < spec->count; i++)
		found->items[found->count++] = spec->cidrs[i];
	return 0;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* In an order of their own, so that nodes leave out the same ones. */
static int find_specs(struct found *ret, const struct agent *agent)
{
	size_t room = 2 * store_count(agent->store, OBJECT_SERVICE_CIDR);

	*ret = (struct found){ .items = calloc(room + 1, sizeof(*ret->items)) };
	if (!ret->items)
		return -ENOMEM;
	store_each(agent->store, OBJECT_SERVICE_CIDR, add_spec, ret);
	qsort(ret->items, ret->count, sizeof(*ret->items), compare);
	return 0;
}

/* Those that are configured first. Returns how many have no room, or -ENOMEM. */
static int find(struct service_cidrs *ret, const struct agent *agent)
{
	const struct config *config = &agent->config;
	struct found found;
	int left_out = 0;

	for (size_t i = 0; i < config->service_cidr_count; i++)
		service_cidrs_add(ret, &config->service_cidrs[i]);
	if (find_specs(&found, agent) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < found.count; i++)
		left_out += service_cidrs_add(ret, &found.items[i]) < 0;
	free(found.items);
	return left_out;
}

bool service_cidrs_apply(struct agent *agent)
{
	struct service_cidrs cidrs = {};
	int left_out = find(&cidrs, agent);

	/* Without memory what is in force stays so; the next change of an object asks again. */
	if (left_out < 0)
		return false;
	agent->service_cidrs_left_out = (size_t)left_out;
	if (agent->service_cidrs_known && service_cidrs_equal(&cidrs, &agent->service_cidrs))
		return false;
	agent->service_cidrs = cidrs;
	agent->service_cidrs_known = true;
	return service_cidrs_write(agent->dp, &cidrs);
}

bool service_cidrs_heal(struct agent *agent)
{
	return agent->service_cidrs_known && service_cidrs_write(agent->dp, &agent->service_cidrs);
}

void service_cidrs_each_problem(const struct agent *agent,
				void (*fn)(const char *text, void *arg), void *arg)
{
	char text[128];

	if (!agent->service_cidrs_left_out)
		return;
	snprintf(text, sizeof(text),
		 "ServiceCIDRs: spec.cidrs: %zu more than the %d that have room: their addresses are "
		 "not kept for services",
		 agent->service_cidrs_left_out, SERVICE_CIDRS_MAX);
	fn(text, arg);
}
