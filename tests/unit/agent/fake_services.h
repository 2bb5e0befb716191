/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel with the maps of services and nothing else, in memory: it counts writes, can end
 * the agent before any of them, and tells what a packet sees after each.
 */
#pragma once

#include "reconcile/service_maps.h"

#define FAKE_FRONTENDS_MAX 256
#define FAKE_RANGES_MAX 256
#define FAKE_MAGLEV_SIZE 7
#define FAKE_RUN_MAX 64 /* slots of a set */

struct fake_entry {
	bool used;
	struct frontend_key key;
	struct frontend value;
};

struct fake_range {
	bool used;
	struct range_key key;
};

struct fake_services {
	struct service_port *ports;
	struct backend *backends;
	uint32_t *slots;
	struct fake_entry frontends[FAKE_FRONTENDS_MAX];
	struct fake_range ranges[FAKE_RANGES_MAX];
	uint32_t count; /* node_state.services */
	unsigned int writes; /* so far */
	unsigned int alive; /* the agent ends before write number @alive + 1; 0: it lives on */
	unsigned int refuse; /* so many writes to frontends and ranges later one is refused; 0: none */
	void (*after_write)(void); /* or NULL */
};

extern struct fake_services fake;

/* An empty kernel with tables of @size; sizes are changed in the result where they shall differ. */
struct service_maps fake_services_open(uint32_t size);
void fake_services_close(void);

/*
 * What a packet to @addr, @port sees: "none", "refused", "silent", or the backends that
 * it may get, each once and in their order, "10.0.0.1:80 10.0.0.2:80"; "torn" for what must
 * never be.
 */
#define FAKE_SIGHT_MAX 512
void fake_look(char ret[static FAKE_SIGHT_MAX], const char *addr, uint16_t port,
	       enum service_set set);

/* May a packet from @source use it, as far as source ranges go? Without a frontend nobody may. */
bool fake_lets_in(const char *source, const char *addr, uint16_t port);
