// SPDX-License-Identifier: Apache-2.0
#include "reconcile/service_shadow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENT_MAX sizeof(struct backend)

static uint32_t element_size(enum datapath_map map)
{
	switch (map) {
	case MAP_SERVICE_PORT:
		return sizeof(struct service_port);
	case MAP_BACKEND:
		return sizeof(struct backend);
	default:
		return sizeof(uint32_t);
	}
}

/* What element @index shall be. */
static void *wanted(const struct service_shadow *shadow, enum datapath_map map, uint32_t index)
{
	switch (map) {
	case MAP_SERVICE_PORT:
		return &shadow->ports[index];
	case MAP_BACKEND:
		return &shadow->backends[index];
	default:
		return &shadow->slots[index];
	}
}

static void reach(uint32_t *end, uint32_t index)
{
	if (index >= *end)
		*end = index + 1;
}

struct service_port *service_shadow_port(struct service_shadow *shadow, uint32_t number)
{
	reach(&shadow->port_end, number);
	return &shadow->ports[number];
}

struct backend *service_shadow_backend(struct service_shadow *shadow, uint32_t number)
{
	reach(&shadow->backend_end, number);
	return &shadow->backends[number];
}

uint32_t *service_shadow_slot(struct service_shadow *shadow, uint32_t slot)
{
	reach(&shadow->slot_end, slot);
	return &shadow->slots[slot];
}

/* Elements that are zero are not touched: their memory is the kernel's zero page. */
static void read_array(struct service_shadow *shadow, const struct service_maps *maps,
		       enum datapath_map map, uint32_t count, uint32_t *end)
{
	static const uint8_t none[ELEMENT_MAX];
	uint32_t size = element_size(map);

	for (uint32_t i = 0; i < count; i++) {
		const void *element = (const void *)datapath_element(maps->dp, map, i);

		if (!memcmp(element, none, size))
			continue;
		memcpy(wanted(shadow, map, i), element, size);
		*end = i + 1;
	}
}

int service_shadow_new(struct service_shadow **ret, const struct service_maps *maps)
{
	struct service_shadow *shadow = calloc(1, sizeof(*shadow));

	if (!shadow)
		return -ENOMEM;
	shadow->ports = calloc(maps->port_max, sizeof(*shadow->ports));
	shadow->backends = calloc(maps->backend_max, sizeof(*shadow->backends));
	shadow->slots = calloc(maps->slot_max, sizeof(*shadow->slots));
	if (!shadow->ports || !shadow->backends || !shadow->slots) {
		service_shadow_free(shadow);
		return -ENOMEM;
	}
	read_array(shadow, maps, MAP_SERVICE_PORT, maps->port_max, &shadow->port_end);
	read_array(shadow, maps, MAP_BACKEND, maps->backend_max, &shadow->backend_end);
	read_array(shadow, maps, MAP_BACKEND_SLOT, maps->slot_max, &shadow->slot_end);
	shadow->count = datapath_state(maps->dp)->services;
	*ret = shadow;
	return 0;
}

void service_shadow_free(struct service_shadow *shadow)
{
	if (!shadow)
		return;
	free(shadow->ports);
	free(shadow->backends);
	free(shadow->slots);
	free(shadow);
}

uint32_t service_shadow_end(const struct service_shadow *shadow, enum datapath_map map)
{
	switch (map) {
	case MAP_SERVICE_PORT:
		return shadow->port_end;
	case MAP_BACKEND:
		return shadow->backend_end;
	default:
		return shadow->slot_end;
	}
}

/* By the writer's own stores. */
static void write_again(struct service_maps *maps, enum datapath_map map, uint32_t index)
{
	const struct service_shadow *shadow = maps->shadow;
	struct backend backend;

	switch (map) {
	case MAP_SERVICE_PORT:
		for (enum service_set set = 0; set < SERVICE_SETS; set++)
			service_maps_turn(maps, index, set, shadow->ports[index].sets[set]);
		service_maps_set_affinity(maps, index, shadow->ports[index].affinity_s);
		return;
	case MAP_BACKEND:
		backend = shadow->backends[index];
		service_maps_fill(maps, index, &backend);
		service_maps_own(maps, index, backend.service);
		return;
	default:
		service_maps_set_slot(maps, index, shadow->slots[index]);
	}
}

bool service_shadow_heal(const struct service_maps *maps, enum datapath_map map, uint32_t index)
{
	struct service_maps writable = *maps;
	const void *element = (const void *)datapath_element(maps->dp, map, index);

	if (!memcmp(element, wanted(maps->shadow, map, index), element_size(map)))
		return false;
	write_again(&writable, map, index);
	return true;
}
