// SPDX-License-Identifier: Apache-2.0
#include "reconcile/node_cidrs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Large enough for either. */
union raw_key {
	struct node_cidr4_key v4;
	struct node_cidr6_key v6;
};

struct rows {
	struct node_cidr_row *items;
	size_t count;
};

static void rows_done(struct rows *rows)
{
	free(rows->items);
}

static int map_fd(const struct datapath *dp, bool v4)
{
	return datapath_map_fd(dp, v4 ? MAP_NODE_CIDR4 : MAP_NODE_CIDR6);
}

static int narrow(union raw_key *ret, const struct datapath *dp, const struct prefix *prefix)
{
	bool v4 = ip_addr_is_v4(&prefix->addr);

	if (v4)
		ret->v4 = (struct node_cidr4_key){ prefix->bits, prefix->addr.words[3] };
	else
		ret->v6 = (struct node_cidr6_key){ prefix->bits, prefix->addr };
	return map_fd(dp, v4);
}

static void widen(struct prefix *ret, const union raw_key *raw, bool v4)
{
	*ret = (struct prefix){};
	if (v4) {
		ret->bits = (uint8_t)raw->v4.prefixlen;
		ip_addr_set_v4(&ret->addr, raw->v4.addr);
	} else {
		ret->bits = (uint8_t)raw->v6.prefixlen;
		ret->addr = raw->v6.addr;
	}
}

static int read_map(struct rows *rows, const struct datapath *dp, bool v4)
{
	union raw_key before, next;
	const void *at = NULL;
	int fd = map_fd(dp, v4);

	while (!bpf_map_get_next_key(fd, at, &next)) {
		struct node_cidr_row *items =
			reallocarray(rows->items, rows->count + 1, sizeof(*items));

		if (!items)
			return -ENOMEM;
		rows->items = items;
		widen(&items[rows->count].prefix, &next, v4);
		if (!bpf_map_lookup_elem(fd, &next, &items[rows->count].value))
			rows->count++;
		before = next;
		at = &before;
	}
	return errno == ENOENT ? 0 : -errno;
}

static int compare_rows(const void *a, const void *b)
{
	const struct node_cidr_row *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

static int put(struct datapath *dp, const struct node_cidr_row *row)
{
	union raw_key raw;
	int fd = narrow(&raw, dp, &row->prefix);

	return bpf_map_update_elem(fd, &raw, &row->value, BPF_ANY) ? -errno : 0;
}

static int delete(struct datapath *dp, const struct node_cidr_row *row)
{
	union raw_key raw;
	int fd = narrow(&raw, dp, &row->prefix);

	return bpf_map_delete_elem(fd, &raw) && errno != ENOENT ? -errno : 0;
}

int node_cidrs_apply(struct datapath *dp, struct node_cidr_row *rows, size_t count, bool keep)
{
	cleanup(rows_done) struct rows there = {};
	size_t i = 0, j = 0;
	int r, first = 0;

	r = read_map(&there, dp, true);
	r = r ?: read_map(&there, dp, false);
	if (r < 0)
		return r;
	if (count)
		qsort(rows, count, sizeof(*rows), compare_rows);
	if (there.count)
		qsort(there.items, there.count, sizeof(*there.items), compare_rows);
	while (i < count || j < there.count) {
		int order = i == count ? 1 : j == there.count ? -1 :
			    compare_rows(&rows[i], &there.items[j]);

		r = 0;
		if (order > 0)
			r = keep ? 0 : delete(dp, &there.items[j]);
		else if (order < 0 ||
			 memcmp(&rows[i].value, &there.items[j].value, sizeof(rows[i].value)))
			r = put(dp, &rows[i]);
		first = first ?: r;
		i += order <= 0;
		j += order >= 0;
	}
	return first;
}
