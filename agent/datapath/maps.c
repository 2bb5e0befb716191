// SPDX-License-Identifier: Apache-2.0
/* The maps' names and sizes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/private.h"
#include "weir/maps.h"

#define SIZE_MAX_ANY (1u << 24) /* the memory of a node ends before */

static const struct {
	const char *name;
	uint32_t size_max; /* 0: the size is fixed */
} maps[DATAPATH_MAP_MAX] = {
	[MAP_STATE] = { "state", 0 },
	[MAP_ENDPOINT] = { "endpoint", 0 },
	[MAP_PEER4] = { "peer4", SIZE_MAX_ANY },
	[MAP_PEER6] = { "peer6", SIZE_MAX_ANY },
	[MAP_RULESET] = { "ruleset", RULESETS_MAX },
	[MAP_POLICY_CLASS] = { "policy_class", SIZE_MAX_ANY },
	[MAP_POLICY_PORT] = { "policy_port", SIZE_MAX_ANY },
	[MAP_POLICY_CIDR4] = { "policy_cidr4", SIZE_MAX_ANY },
	[MAP_POLICY_CIDR6] = { "policy_cidr6", SIZE_MAX_ANY },
	[MAP_POLICY_BITS] = { "policy_bits", SIZE_MAX_ANY },
	[MAP_CT4] = { "ct4", SIZE_MAX_ANY },
	[MAP_CT6] = { "ct6", SIZE_MAX_ANY },
	[MAP_CT4_NEW] = { "ct4_new", SIZE_MAX_ANY },
	[MAP_CT6_NEW] = { "ct6_new", SIZE_MAX_ANY },
	[MAP_FRAG] = { "frag", SIZE_MAX_ANY },
	[MAP_FRONTEND4] = { "frontend4", SIZE_MAX_ANY },
	[MAP_FRONTEND6] = { "frontend6", SIZE_MAX_ANY },
	[MAP_SERVICE_PORT] = { "service_port", SIZE_MAX_ANY },
	[MAP_BACKEND_SLOT] = { "backend_slot", SIZE_MAX_ANY },
	[MAP_BACKEND] = { "backend", SIZE_MAX_ANY },
	[MAP_SERVICE_RANGE4] = { "service_range4", SIZE_MAX_ANY },
	[MAP_SERVICE_RANGE6] = { "service_range6", SIZE_MAX_ANY },
	[MAP_AFFINITY4] = { "affinity4", SIZE_MAX_ANY },
	[MAP_AFFINITY6] = { "affinity6", SIZE_MAX_ANY },
	[MAP_SERVICE_HIT] = { "service_hit", SIZE_MAX_ANY },
	[MAP_SOCKET_PEER] = { "socket_peer", SIZE_MAX_ANY },
	[MAP_NODE_CIDR4] = { "node_cidr4", SIZE_MAX_ANY },
	[MAP_NODE_CIDR6] = { "node_cidr6", SIZE_MAX_ANY },
	[MAP_MASQUERADE] = { "masquerade", 0 },
	[MAP_UNMASQUERADED4] = { "unmasqueraded4", 0 },
	[MAP_UNMASQUERADED6] = { "unmasqueraded6", 0 },
	[MAP_METRIC] = { "metric", 0 },
};

const char *datapath_map_name(enum datapath_map map)
{
	return maps[map].name;
}

uint32_t datapath_map_size_max(enum datapath_map map)
{
	return maps[map].size_max;
}

/* Of the map that is pinned as @path, 0 if there is none. */
static uint32_t pinned_size(const char *path)
{
	cleanup(closep) int fd = bpf_obj_get(path);
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length))
		return 0;
	return info.max_entries;
}

int datapath_size_maps(struct bpf_object *obj, const uint32_t *sizes, const char *pins)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	uint32_t size;
	int r;

	for (int i = 0; i < DATAPATH_MAP_MAX; i++) {
		map = bpf_object__find_map_by_name(obj, maps[i].name);
		if (!map || !maps[i].size_max)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", pins, maps[i].name) >= PATH_MAX)
			return -ENAMETOOLONG;
		size = pinned_size(path) ?: sizes[i];
		r = size ? bpf_map__set_max_entries(map, size) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
