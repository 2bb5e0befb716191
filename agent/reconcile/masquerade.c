// SPDX-License-Identifier: Apache-2.0
#include "reconcile/masquerade.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "weir/maps.h"

/* Which device uses @addr for new connections, 0: none does. */
static uint32_t user_of(const struct masquerade_wanted *wanted, const struct ip_addr *addr,
			uint32_t former)
{
	uint32_t ifindex = 0;

	for (size_t i = 0; i < wanted->source_count; i++) {
		if (!ip_addr_equal(&wanted->sources[i].addr, addr))
			continue;
		if (!ifindex || wanted->sources[i].ifindex == former)
			ifindex = wanted->sources[i].ifindex;
	}
	return ifindex;
}

/* The elements as they shall be. A device that shares its address with another has one as well. */
static int number_sources(struct masquerade_source *table, const struct masquerade_wanted *wanted)
{
	bool numbered;

	for (uint32_t i = 1; i < MASQUERADE_SOURCES_MAX; i++) {
		struct masquerade_source *source = &table[i];

		if (!ip_addr_is_none(&source->addr) &&
		    !ip_addr_is_among(&source->addr, wanted->host_ips, wanted->host_ip_count))
			*source = (struct masquerade_source){};
		source->ifindex = user_of(wanted, &source->addr, source->ifindex);
	}
	for (size_t i = 0; i < wanted->source_count; i++) {
		struct masquerade_source *space = NULL;

		numbered = false;
		for (uint32_t k = 1; k < MASQUERADE_SOURCES_MAX; k++) {
			if (ip_addr_is_none(&table[k].addr))
				space = space ?: &table[k];
			numbered |= !memcmp(&table[k], &wanted->sources[i], sizeof(table[k]));
		}
		if (!numbered && !space)
			return -ENOSPC;
		if (!numbered)
			*space = wanted->sources[i];
	}
	return 0;
}

static int write_sources(struct datapath *dp, const struct masquerade_wanted *wanted)
{
	struct masquerade_source before[MASQUERADE_SOURCES_MAX], now[MASQUERADE_SOURCES_MAX];
	int fd = datapath_map_fd(dp, MAP_MASQUERADE), r;

	for (uint32_t i = 0; i < MASQUERADE_SOURCES_MAX; i++)
		if (bpf_map_lookup_elem(fd, &i, &before[i]))
			return -errno;
	memcpy(now, before, sizeof(now));
	r = number_sources(now, wanted);
	for (uint32_t i = 0; i < MASQUERADE_SOURCES_MAX; i++)
		if (memcmp(&before[i], &now[i], sizeof(now[i])) &&
		    bpf_map_update_elem(fd, &i, &now[i], BPF_ANY))
			return -errno;
	return r;
}

/* A key of either map. */
union key {
	struct unmasqueraded4_key v4;
	struct unmasqueraded6_key v6;
};

static union key key_of(const struct prefix *prefix)
{
	union key key = {};

	if (ip_addr_is_v4(&prefix->addr)) {
		key.v4.prefixlen = prefix->bits;
		key.v4.addr = prefix->addr.words[3];
	} else {
		key.v6.prefixlen = prefix->bits;
		memcpy(key.v6.addr, &prefix->addr, sizeof(key.v6.addr));
	}
	return key;
}

static bool is_wanted(const struct masquerade_wanted *wanted, const union key *key, bool v4)
{
	for (size_t i = 0; i < wanted->unmasqueraded_count; i++) {
		union key other = key_of(&wanted->unmasqueraded[i]);

		if (ip_addr_is_v4(&wanted->unmasqueraded[i].addr) == v4 &&
		    !memcmp(&other, key, v4 ? sizeof(key->v4) : sizeof(key->v6)))
			return true;
	}
	return false;
}

/* After those that are wanted are there: between the two more keep their address, not fewer. */
static int delete_others(int fd, const struct masquerade_wanted *wanted, bool v4)
{
	union key key, next;
	int r = bpf_map_get_next_key(fd, NULL, &next);

	while (!r) {
		key = next;
		r = bpf_map_get_next_key(fd, &key, &next);
		if (!is_wanted(wanted, &key, v4) && bpf_map_delete_elem(fd, &key) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int write_unmasqueraded(struct datapath *dp, const struct masquerade_wanted *wanted)
{
	int fd4 = datapath_map_fd(dp, MAP_UNMASQUERADED4);
	int fd6 = datapath_map_fd(dp, MAP_UNMASQUERADED6), r;
	const uint32_t there = 1;

	for (size_t i = 0; i < wanted->unmasqueraded_count; i++) {
		const struct prefix *prefix = &wanted->unmasqueraded[i];
		union key key = key_of(prefix);

		if (bpf_map_update_elem(ip_addr_is_v4(&prefix->addr) ? fd4 : fd6, &key, &there,
					BPF_ANY))
			return -errno;
	}
	if (wanted->keep_unmasqueraded)
		return 0;
	r = delete_others(fd4, wanted, true);
	return r ?: delete_others(fd6, wanted, false);
}

int masquerade_write(struct datapath *dp, const struct masquerade_wanted *wanted)
{
	volatile struct node_state *state = datapath_state(dp);
	int r, sources;

	r = write_unmasqueraded(dp, wanted);
	sources = write_sources(dp, wanted);
	if (wanted->on)
		state->masquerade = MASQUERADE_ON;
	else if (state->masquerade != MASQUERADE_NEVER)
		state->masquerade = MASQUERADE_ENDS;
	return r ?: sources;
}
