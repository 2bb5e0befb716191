// SPDX-License-Identifier: Apache-2.0
#include "fake_services.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

struct fake_services fake;

static struct service_maps sizes;

struct service_maps fake_services_open(uint32_t size)
{
	fake_services_close();
	fake.ports = calloc(size, sizeof(*fake.ports));
	fake.backends = calloc(size, sizeof(*fake.backends));
	fake.slots = calloc(size, sizeof(*fake.slots));
	sizes = (struct service_maps){ .port_max = size,
				       .backend_max = size,
				       .slot_max = size,
				       .frontend_max = { FAKE_FRONTENDS_MAX, FAKE_FRONTENDS_MAX },
				       .range_max = { FAKE_RANGES_MAX, FAKE_RANGES_MAX },
				       .maglev_size = FAKE_MAGLEV_SIZE };
	return sizes;
}

void fake_services_close(void)
{
	free(fake.ports);
	free(fake.backends);
	free(fake.slots);
	fake = (struct fake_services){};
}

static bool may_write(void)
{
	return !fake.alive || fake.writes < fake.alive;
}

static void wrote(void)
{
	fake.writes++;
	if (fake.after_write)
		fake.after_write();
}

#define WRITE(place, value)              \
	do {                             \
		if (!may_write())        \
			return;          \
		(place) = (value);       \
		wrote();                 \
	} while (0)

uint64_t service_maps_set(const struct service_maps *maps, uint32_t number, enum service_set set)
{
	return fake.ports[number].sets[set];
}

uint32_t service_maps_affinity(const struct service_maps *maps, uint32_t number)
{
	return fake.ports[number].affinity_s;
}

uint32_t service_maps_slot(const struct service_maps *maps, uint32_t slot)
{
	return fake.slots[slot];
}

struct backend service_maps_backend(const struct service_maps *maps, uint32_t number)
{
	return fake.backends[number];
}

void service_maps_close(struct service_maps *maps)
{
}

uint32_t service_maps_count(const struct service_maps *maps)
{
	return fake.count;
}

int service_maps_each_frontend(const struct service_maps *maps,
			       int (*fn)(const struct frontend_key *key,
					 const struct frontend *value, void *arg),
			       void *arg)
{
	int r = 0;

	for (size_t i = 0; i < FAKE_FRONTENDS_MAX && !r; i++)
		if (fake.frontends[i].used)
			r = fn(&fake.frontends[i].key, &fake.frontends[i].value, arg);
	return r;
}

int service_maps_hits(struct service_hit *ret, const struct service_maps *maps, uint32_t number)
{
	*ret = (struct service_hit){};
	return 0;
}

void service_maps_turn(struct service_maps *maps, uint32_t number, enum service_set set,
		       uint64_t ref)
{
	WRITE(fake.ports[number].sets[set], ref);
}

void service_maps_set_affinity(struct service_maps *maps, uint32_t number, uint32_t seconds)
{
	WRITE(fake.ports[number].affinity_s, seconds);
}

void service_maps_set_slot(struct service_maps *maps, uint32_t slot, uint32_t backend)
{
	WRITE(fake.slots[slot], backend);
}

/* The agent may end half way. */
void service_maps_fill(struct service_maps *maps, uint32_t number, const struct backend *backend)
{
	WRITE(fake.backends[number].addr, backend->addr);
	WRITE(fake.backends[number].port, backend->port);
	WRITE(fake.backends[number].proto, backend->proto);
	WRITE(fake.backends[number].flags, backend->flags);
	WRITE(fake.backends[number].generation, backend->generation);
}

void service_maps_own(struct service_maps *maps, uint32_t number, uint32_t service)
{
	WRITE(fake.backends[number].service, service);
}

void service_maps_set_flags(struct service_maps *maps, uint32_t number, uint8_t flags)
{
	WRITE(fake.backends[number].flags, flags);
}

void service_maps_set_generation(struct service_maps *maps, uint32_t number, uint32_t generation)
{
	WRITE(fake.backends[number].generation, generation);
}

void service_maps_set_count(struct service_maps *maps, uint32_t count)
{
	WRITE(fake.count, count);
}

static struct fake_entry *find(const struct frontend_key *key)
{
	for (size_t i = 0; i < FAKE_FRONTENDS_MAX; i++) {
		struct fake_entry *entry = &fake.frontends[i];

		if (entry->used && entry->key.port == key->port &&
		    entry->key.proto == key->proto && ip_addr_equal(&entry->key.addr, &key->addr))
			return entry;
	}
	return NULL;
}

/* A place for one more of that family. */
static struct fake_entry *find_free(const struct service_maps *maps, const struct ip_addr *addr)
{
	struct fake_entry *place = NULL;
	uint32_t used = 0;

	for (size_t i = 0; i < FAKE_FRONTENDS_MAX; i++) {
		if (!fake.frontends[i].used)
			place = &fake.frontends[i];
		else if (ip_addr_is_v4(&fake.frontends[i].key.addr) == ip_addr_is_v4(addr))
			used++;
	}
	return used < maps->frontend_max[!ip_addr_is_v4(addr)] ? place : NULL;
}

int service_maps_put(struct service_maps *maps, const struct frontend_key *key,
		     const struct frontend *value)
{
	struct fake_entry *entry = find(key) ?: find_free(maps, &key->addr);

	if (!may_write())
		return 0;
	if (fake.refuse && !--fake.refuse)
		return -ENOMEM;
	if (!entry)
		return -ENOSPC;
	*entry = (struct fake_entry){ true, *key, *value };
	wrote();
	return 0;
}

int service_maps_delete(struct service_maps *maps, const struct frontend_key *key)
{
	struct fake_entry *entry = find(key);

	if (!entry || !may_write())
		return 0;
	entry->used = false;
	wrote();
	return 0;
}

static struct fake_range *find_range(const struct range_key *key)
{
	for (size_t i = 0; i < FAKE_RANGES_MAX; i++) {
		struct fake_range *range = &fake.ranges[i];

		if (range->used && range->key.is_v4 == key->is_v4 &&
		    range->key.bits == key->bits && range->key.service == key->service &&
		    ip_addr_equal(&range->key.addr, &key->addr))
			return range;
	}
	return NULL;
}

static struct fake_range *find_free_range(const struct service_maps *maps, bool is_v4)
{
	struct fake_range *place = NULL;
	uint32_t used = 0;

	for (size_t i = 0; i < FAKE_RANGES_MAX; i++) {
		if (!fake.ranges[i].used)
			place = &fake.ranges[i];
		else if (fake.ranges[i].key.is_v4 == is_v4)
			used++;
	}
	return used < maps->range_max[!is_v4] ? place : NULL;
}

int service_maps_each_range(const struct service_maps *maps,
			    int (*fn)(const struct range_key *key, void *arg), void *arg)
{
	int r = 0;

	for (size_t i = 0; i < FAKE_RANGES_MAX && !r; i++)
		if (fake.ranges[i].used)
			r = fn(&fake.ranges[i].key, arg);
	return r;
}

int service_maps_put_range(struct service_maps *maps, const struct range_key *key)
{
	struct fake_range *range = find_range(key) ?: find_free_range(maps, key->is_v4);

	if (!may_write())
		return 0;
	if (fake.refuse && !--fake.refuse)
		return -ENOMEM;
	if (!range)
		return -ENOSPC;
	*range = (struct fake_range){ true, *key };
	wrote();
	return 0;
}

int service_maps_delete_range(struct service_maps *maps, const struct range_key *key)
{
	struct fake_range *range = find_range(key);

	if (!range || !may_write())
		return 0;
	range->used = false;
	wrote();
	return 0;
}

int service_maps_clear_hits(struct service_maps *maps, uint32_t number)
{
	return 0;
}

static const struct frontend *lookup(const struct ip_addr *addr, uint16_t port, uint8_t proto)
{
	const struct frontend_key key = { .addr = *addr, .port = htons(port), .proto = proto };
	const struct fake_entry *entry = find(&key);

	return entry ? &entry->value : NULL;
}

static const struct backend *backend_in(uint32_t slot, uint32_t service)
{
	const struct backend *backend;

	if (slot >= sizes.slot_max || fake.slots[slot] >= sizes.backend_max)
		return NULL;
	backend = &fake.backends[fake.slots[slot]];
	return backend->service == service ? backend : NULL;
}

static int compare_backends(const void *a, const void *b)
{
	return memcmp(*(const struct backend *const *)a, *(const struct backend *const *)b,
		      offsetof(struct backend, proto));
}

/* Of a Maglev table too: which ones, not how often. */
static void look_at_run(char ret[static FAKE_SIGHT_MAX], uint32_t service, uint64_t ref)
{
	const struct backend *seen[FAKE_RUN_MAX];
	uint32_t count = service_set_count(ref), found = 0;
	char text[ADDR_TEXT_MAX];
	size_t length = 0;

	while (found < count && found < FAKE_RUN_MAX) {
		seen[found] = backend_in(service_set_first(ref) + found, service);
		if (!seen[found])
			break;
		found++;
	}
	if (found < count) {
		strcpy(ret, "torn");
		return;
	}
	qsort(seen, count, sizeof(*seen), compare_backends);
	for (uint32_t i = 0; i < count; i++)
		if (!i || seen[i] != seen[i - 1])
			length += (size_t)snprintf(ret + length, FAKE_SIGHT_MAX - length,
						   "%s%s:%d", i ? " " : "",
						   addr_text(text, &seen[i]->addr),
						   ntohs(seen[i]->port));
}

/* The order is the datapath's: address, frontend, set, slot, record. */
void fake_look(char ret[static FAKE_SIGHT_MAX], const char *text, uint16_t port,
	       enum service_set set)
{
	const struct frontend *frontend, *address;
	struct ip_addr addr;
	uint64_t ref;

	addr_parse(&addr, text);
	address = lookup(&addr, 0, 0);
	frontend = address ? lookup(&addr, port, IPPROTO_TCP) : NULL;
	if (!frontend) {
		strcpy(ret, address && address->flags & FRONTEND_WHOLE ? "refused" : "none");
		return;
	}
	if (!frontend->service || frontend->service >= sizes.port_max) {
		strcpy(ret, "torn");
		return;
	}
	ref = fake.ports[frontend->service].sets[set];
	if (service_set_count(ref))
		look_at_run(ret, frontend->service, ref);
	else
		strcpy(ret, service_set_first(ref) == SERVICE_REFUSE ? "refused" : "silent");
}

/* As an LPM trie does: the number of the service port is the first part of the prefix. */
static bool range_contains(const struct range_key *key, uint32_t service,
			   const struct ip_addr *source)
{
	const struct prefix prefix = { .addr = key->addr,
				       .bits = (uint8_t)(key->bits - SERVICE_RANGE_BITS) };
	uint32_t differ = key->service ^ service;

	if (key->is_v4 != ip_addr_is_v4(source))
		return false;
	if (key->bits < SERVICE_RANGE_BITS)
		return !key->bits || !(differ >> (SERVICE_RANGE_BITS - key->bits));
	return !differ && prefix_contains(&prefix, source);
}

bool fake_lets_in(const char *source, const char *addr, uint16_t port)
{
	const struct frontend *frontend;
	struct ip_addr to, from;

	addr_parse(&to, addr);
	addr_parse(&from, source);
	frontend = lookup(&to, 0, 0) ? lookup(&to, port, IPPROTO_TCP) : NULL;
	if (!frontend || !(frontend->flags & FRONTEND_RANGES))
		return frontend;
	for (size_t i = 0; i < FAKE_RANGES_MAX; i++)
		if (fake.ranges[i].used &&
		    range_contains(&fake.ranges[i].key, frontend->service, &from))
			return true;
	return false;
}
