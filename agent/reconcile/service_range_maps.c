// SPDX-License-Identifier: Apache-2.0
/* The tables of source ranges: part of service_maps.h. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "reconcile/service_maps.h"

/* Large enough for either family. */
union range_key {
	struct service_range4_key v4;
	struct service_range6_key v6;
};

static enum datapath_map narrow(union range_key *ret, uint32_t number, const struct prefix *range)
{
	uint32_t bits = SERVICE_RANGE_BITS + range->bits;

	memset(ret, 0, sizeof(*ret));
	if (ip_addr_is_v4(&range->addr)) {
		ret->v4 = (struct service_range4_key){ bits, htonl(number), range->addr.words[3] };
		return MAP_SERVICE_RANGE4;
	}
	ret->v6 = (struct service_range6_key){ bits, htonl(number), range->addr };
	return MAP_SERVICE_RANGE6;
}

/* 0: nobody of this agent's wrote it. */
static uint32_t widen(struct prefix *ret, bool v4, const union range_key *key)
{
	uint32_t bits = v4 ? key->v4.prefixlen : key->v6.prefixlen;

	*ret = (struct prefix){ .bits = bits < SERVICE_RANGE_BITS ? 0 : bits - SERVICE_RANGE_BITS };
	if (v4)
		ip_addr_set_v4(&ret->addr, key->v4.addr);
	else
		ret->addr = key->v6.addr;
	return bits < SERVICE_RANGE_BITS ? 0 : ntohl(v4 ? key->v4.service : key->v6.service);
}

static int each_of(const struct service_maps *maps, enum datapath_map map,
		   int (*fn)(uint32_t number, const struct prefix *range, void *arg), void *arg)
{
	int fd = datapath_map_fd(maps->dp, map), r;
	union range_key before, next;
	const void *at = NULL;
	struct prefix range;
	uint32_t number;

	while (!bpf_map_get_next_key(fd, at, &next)) {
		before = next;
		at = &before;
		number = widen(&range, map == MAP_SERVICE_RANGE4, &next);
		r = fn(number, &range, arg);
		if (r)
			return r;
	}
	return errno == ENOENT ? 0 : -errno;
}

int service_maps_each_range(const struct service_maps *maps,
			    int (*fn)(uint32_t number, const struct prefix *range, void *arg),
			    void *arg)
{
	int r = each_of(maps, MAP_SERVICE_RANGE4, fn, arg);

	return r ?: each_of(maps, MAP_SERVICE_RANGE6, fn, arg);
}

int service_maps_put_range(struct service_maps *maps, uint32_t number, const struct prefix *range)
{
	const uint32_t yes = 1;
	union range_key key;
	int fd = datapath_map_fd(maps->dp, narrow(&key, number, range));

	if (!bpf_map_update_elem(fd, &key, &yes, BPF_ANY))
		return 0;
	return errno == E2BIG ? -ENOSPC : -errno;
}

int service_maps_delete_range(struct service_maps *maps, uint32_t number,
			      const struct prefix *range)
{
	union range_key key;
	int fd = datapath_map_fd(maps->dp, narrow(&key, number, range));

	return bpf_map_delete_elem(fd, &key) && errno != ENOENT ? -errno : 0;
}
