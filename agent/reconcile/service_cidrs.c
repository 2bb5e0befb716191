// SPDX-License-Identifier: Apache-2.0
#include "reconcile/service_cidrs.h"

#include <string.h>

static struct service_cidr element_of(const struct prefix *prefix)
{
	struct service_cidr ret = { .addr = prefix->addr };
	struct prefix care = { .bits = prefix_mapped_bits(prefix) };

	memset(&care.addr, 0xff, sizeof(care.addr));
	prefix_mask(&care);
	for (int i = 0; i < 2; i++)
		ret.rest.halves[i] = ~care.addr.halves[i];
	return ret;
}

static bool is_equal(const struct service_cidr *a, const struct service_cidr *b)
{
	return ip_addr_equal(&a->addr, &b->addr) && ip_addr_equal(&a->rest, &b->rest);
}

/* NULL: it is not among them. */
static struct service_cidr *find(struct service_cidr *list, size_t count,
				 const struct service_cidr *one)
{
	for (size_t i = 0; i < count; i++)
		if (is_equal(&list[i], one))
			return &list[i];
	return NULL;
}

/* Makes of what is there, @list, what shall be. */
static void place(struct service_cidr *list, const struct service_cidrs *cidrs)
{
	const struct service_cidr none = {};
	struct service_cidr wanted[SERVICE_CIDRS_MAX];

	for (size_t i = 0; i < cidrs->count; i++)
		wanted[i] = element_of(&cidrs->list[i]);
	for (size_t i = 0; i < SERVICE_CIDRS_MAX; i++)
		if (!find(wanted, cidrs->count, &list[i]) || find(list, i, &list[i]))
			list[i] = none;
	for (size_t i = 0; i < cidrs->count; i++)
		if (!find(list, SERVICE_CIDRS_MAX, &wanted[i]))
			*find(list, SERVICE_CIDRS_MAX, &none) = wanted[i];
}

static struct service_cidr element_read(const volatile struct service_cidr *at)
{
	struct service_cidr ret;

	for (int i = 0; i < 2; i++) {
		ret.addr.halves[i] = at->addr.halves[i];
		ret.rest.halves[i] = at->rest.halves[i];
	}
	return ret;
}

/* In this order: a program that reads meanwhile takes no address for one of a CIDR. */
static void element_write(volatile struct service_cidr *at, const struct service_cidr *value)
{
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&at->rest.halves[i], 0, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&at->addr.halves[i], value->addr.halves[i], __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&at->rest.halves[i], value->rest.halves[i], __ATOMIC_SEQ_CST);
}

bool service_cidrs_write(struct datapath *dp, const struct service_cidrs *cidrs)
{
	volatile struct node_state *state = datapath_state(dp);
	struct service_cidr before[SERVICE_CIDRS_MAX], now[SERVICE_CIDRS_MAX];
	bool changed = state->service_cidrs != cidrs->count;

	for (int i = 0; i < SERVICE_CIDRS_MAX; i++)
		before[i] = now[i] = element_read(&state->service_cidr[i]);
	place(now, cidrs);
	for (int i = 0; i < SERVICE_CIDRS_MAX; i++) {
		if (is_equal(&before[i], &now[i]))
			continue;
		element_write(&state->service_cidr[i], &now[i]);
		changed = true;
	}
	__atomic_store_n(&state->service_cidrs, (uint32_t)cidrs->count, __ATOMIC_SEQ_CST);
	return changed;
}
