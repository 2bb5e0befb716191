/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mapped arrays of services shall hold: as they were read back, and all that was
 * written since. The writer plans from here, so that what somebody else writes into the maps
 * cannot lead it astray; drift.h brings the maps back. Private to service_maps.c and the drift
 * patrol.
 */
#pragma once

#include "reconcile/service_maps.h"

/* Memory counts only as far as something was written. */
struct service_shadow {
	struct service_port *ports;
	struct backend *backends;
	uint32_t *slots;
	uint32_t count; /* node_state.services */
	uint32_t port_end, backend_end, slot_end; /* nothing was ever written from there on */
};

/* Reads the arrays. 0 or -ENOMEM. */
int service_shadow_new(struct service_shadow **ret, const struct service_maps *maps);
void service_shadow_free(struct service_shadow *shadow);

/* About to be written. */
struct service_port *service_shadow_port(struct service_shadow *shadow, uint32_t number);
struct backend *service_shadow_backend(struct service_shadow *shadow, uint32_t number);
uint32_t *service_shadow_slot(struct service_shadow *shadow, uint32_t slot);

/* Of MAP_SERVICE_PORT, MAP_BACKEND or MAP_BACKEND_SLOT: its elements may differ below that. */
uint32_t service_shadow_end(const struct service_shadow *shadow, enum datapath_map map);

/* Element @index of @map is not what it shall be: it was, and true. */
bool service_shadow_heal(const struct service_maps *maps, enum datapath_map map, uint32_t index);
