// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_maps.h"

#include <arpa/inet.h>
#include <string.h>

#include "bpf/fixture.h"
#include "weir/service.h"

#define VALUE_MAX 2048
#define POKE_AT 4 /* the record's bytes from here on go into the value */

union map_key {
	uint32_t index;
	__be32 addr4;
	struct ip_addr addr6;
	struct policy_class_key class;
	struct policy_port_key port;
	struct policy_cidr4_key cidr4;
	struct policy_cidr6_key cidr6;
	struct policy_bits_key row;
	struct frontend4_key frontend4;
	struct frontend6_key frontend6;
	uint8_t any[64];
};

/* An entry of the map that is there: the @nth. */
static bool existing(union map_key *key, const char *map, uint8_t nth)
{
	int r = engine_next(map, NULL, key);

	for (; !r && nth % 8; nth--) {
		union map_key next;

		r = engine_next(map, key, &next);
		*key = next;
	}
	return !r;
}

static uint32_t prefix_length(uint8_t choice, uint32_t bits)
{
	return choice % 2 ? bits : choice % (bits + 1);
}

static const struct target {
	const char *map;
	size_t size; /* of the value; 0: only entries that are there */
} targets[] = {
	{ "state", sizeof(struct node_state) }, { "endpoint", sizeof(struct endpoint) },
	{ "ruleset", sizeof(struct ruleset) },	{ "policy_bits", sizeof(struct policy_bits) },
	{ "policy_class", sizeof(uint64_t) },	{ "policy_port", sizeof(uint64_t) },
	{ "policy_cidr4", sizeof(uint64_t) },	{ "policy_cidr6", sizeof(uint64_t) },
	{ "peer4", sizeof(struct peer) },	{ "peer6", sizeof(struct peer) },
	{ "frontend4", sizeof(struct frontend) }, { "frontend6", sizeof(struct frontend) },
	{ "service_port", sizeof(struct service_port) }, { "backend", sizeof(struct backend) },
	{ "backend_slot", sizeof(uint32_t) }, { "affinity4", 0 }, { "affinity6", 0 },
	{ "ct4", 0 }, { "ct4_new", 0 }, { "ct6", 0 }, { "ct6_new", 0 }, { "frag", 0 }, { "held", 0 },
};

/* The same for services: which few numbers there are is in services.c. */
static bool choose_service_key(union map_key *key, const char *map, const struct record *r)
{
	bool port = r->arg[2] & 1;
	enum who vip = r->arg[2] & 2 ? VIP : r->arg[3] % WHO_MAX;

	if (!strcmp(map, "frontend4"))
		key->frontend4 = (struct frontend4_key){ who_addr(vip, false).words[3],
							 htons(port ? 80 : 0), port ? 17 : 0 };
	else if (!strcmp(map, "frontend6"))
		key->frontend6 = (struct frontend6_key){ who_addr(vip, true), htons(port ? 80 : 0),
							 port ? 17 : 0 };
	else if (!strcmp(map, "service_port"))
		key->index = r->arg[2] % 16;
	else if (!strcmp(map, "backend"))
		key->index = r->arg[2] % 64;
	else if (!strcmp(map, "backend_slot"))
		key->index = r->arg[2];
	else
		return false;
	return true;
}

/* A key that programs will ask for, from three bytes. */
static bool choose_key(union map_key *key, const struct target *target, const struct record *r)
{
	uint32_t set = r->arg[2] % 16;
	enum who who = r->arg[3] % WHO_MAX;

	memset(key, 0, sizeof(*key));
	if (!target->size)
		return existing(key, target->map, r->arg[2]);
	if (choose_service_key(key, target->map, r))
		return true;
	if (!strcmp(target->map, "endpoint"))
		key->index = ifindex_of(POD_A + r->arg[2] % 3) & 4095;
	else if (!strcmp(target->map, "ruleset"))
		key->index = set;
	else if (!strcmp(target->map, "policy_bits"))
		key->row = (struct policy_bits_key){ set % 8, r->arg[3] % 4 };
	else if (!strcmp(target->map, "policy_class"))
		key->class = (struct policy_class_key){ set, class_of(who) };
	else if (!strcmp(target->map, "policy_port"))
		key->port = (struct policy_port_key){ prefix_length(r->arg[3], 64), htonl(set),
						      .proto = 17, .port = htons(53) };
	else if (!strcmp(target->map, "policy_cidr4"))
		key->cidr4 = (struct policy_cidr4_key){ prefix_length(r->arg[3], 64), htonl(set),
							who_addr(who, false).words[3] };
	else if (!strcmp(target->map, "policy_cidr6"))
		key->cidr6 = (struct policy_cidr6_key){ prefix_length(r->arg[3], 160), htonl(set),
							who_addr(who, true) };
	else if (!strcmp(target->map, "peer4"))
		key->addr4 = who_addr(who, false).words[3];
	else if (!strcmp(target->map, "peer6"))
		key->addr6 = who_addr(who, true);
	return true;
}

static size_t value_size(const struct target *target)
{
	if (target->size)
		return target->size;
	if (!strcmp(target->map, "frag"))
		return sizeof(struct frag_value);
	if (!strcmp(target->map, "held"))
		return sizeof(struct held);
	if (!strncmp(target->map, "affinity", strlen("affinity")))
		return sizeof(struct affinity);
	return target->map[2] == '4' ? sizeof(struct ct4_value) : sizeof(struct ct6_value);
}

void maps_poke(const struct record *r)
{
	const struct target *target = &targets[r->arg[1] % (sizeof(targets) / sizeof(*targets))];
	uint8_t value[VALUE_MAX] = {};
	size_t size = value_size(target), at;
	union map_key key;

	if (!choose_key(&key, target, r))
		return;
	engine_lookup(target->map, &key, value);
	at = (size_t)r->arg[0] % 128 * 8 % size;
	for (size_t i = POKE_AT; i < sizeof(r->arg) && at < size; i++)
		value[at++] = r->arg[i];
	engine_update(target->map, &key, value);
}
