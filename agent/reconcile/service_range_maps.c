// SPDX-License-Identifier: Apache-2.0
/* The maps of source ranges; the others are in service_maps.c. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "reconcile/service_maps.h"

enum datapath_map service_maps_narrow_range(union range_raw_key *ret, const struct range_key *key)
{
	__be32 service = htonl(key->service);

	if (key->is_v4)
		ret->v4 = (struct service_range4_key){ key->bits, service, key->addr.words[3] };
	else
		ret->v6 = (struct service_range6_key){ key->bits, service, key->addr };
	return key->is_v4 ? MAP_SERVICE_RANGE4 : MAP_SERVICE_RANGE6;
}

static void widen(struct range_key *ret, bool is_v4, const union range_raw_key *raw)
{
	*ret = (struct range_key){ .is_v4 = is_v4 };
	if (is_v4) {
		ret->bits = raw->v4.prefixlen;
		ret->service = ntohl(raw->v4.service);
		ip_addr_set_v4(&ret->addr, raw->v4.addr);
	} else {
		ret->bits = raw->v6.prefixlen;
		ret->service = ntohl(raw->v6.service);
		ret->addr = raw->v6.addr;
	}
}

static int each_of(const struct service_maps *maps, bool is_v4,
		   int (*fn)(const struct range_key *key, void *arg), void *arg)
{
	int fd = datapath_map_fd(maps->dp, is_v4 ? MAP_SERVICE_RANGE4 : MAP_SERVICE_RANGE6), r;
	const void *at = NULL;
	union range_raw_key before, next;
	struct range_key key;

	while (!bpf_map_get_next_key(fd, at, &next)) {
		before = next;
		at = &before;
		widen(&key, is_v4, &next);
		r = fn(&key, arg);
		if (r)
			return r;
	}
	return errno == ENOENT ? 0 : -errno;
}

int service_maps_each_range(const struct service_maps *maps,
			    int (*fn)(const struct range_key *key, void *arg), void *arg)
{
	int r = each_of(maps, true, fn, arg);

	return r ?: each_of(maps, false, fn, arg);
}

int service_maps_put_range(struct service_maps *maps, const struct range_key *key)
{
	const uint32_t value = 1;
	union range_raw_key raw;
	int fd = datapath_map_fd(maps->dp, service_maps_narrow_range(&raw, key));

	return bpf_map_update_elem(fd, &raw, &value, BPF_ANY) ? -errno : 0;
}

int service_maps_delete_range(struct service_maps *maps, const struct range_key *key)
{
	union range_raw_key raw;
	int fd = datapath_map_fd(maps->dp, service_maps_narrow_range(&raw, key));

	return bpf_map_delete_elem(fd, &raw) && errno != ENOENT ? -errno : 0;
}
