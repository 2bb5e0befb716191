// SPDX-License-Identifier: Apache-2.0
/*
 * Who wants which (address, port, protocol), and who of them gets it.
 *
 * Nearly always one Service wants it. Others wait in a list of rivals, and only who
 * gets it or loses it is resolved again: 10,000 Services that want the same cost
 * each other nothing. External addresses are claimed once more as a whole (port and
 * protocol 0), because they may turn out to be somebody's.
 */
#include <errno.h>
#include <string.h>

#include "model/service_private.h"

struct claim {
	struct pool_link link;
	struct ip_addr addr; /* of a NodePort: unspecified, of the family */
	struct claimant winner;
	uint32_t rivals; /* number of the first one, 0: none */
	uint16_t port;
	uint8_t proto;
};

struct rival {
	struct pool_link link;
	struct claimant who;
	uint32_t next;
};

static uint32_t key_hash(const struct ip_addr *addr, uint16_t port, uint8_t proto)
{
	return pool_hash(pool_hash(0, addr, sizeof(*addr)),
			 &(uint32_t){ (uint32_t)port << 8 | proto }, sizeof(uint32_t));
}

static uint32_t claims_hash(const void *item)
{
	const struct claim *claim = item;

	return key_hash(&claim->addr, claim->port, claim->proto);
}

/* They are found through their claim only. */
static uint32_t rivals_hash(const void *item)
{
	const struct rival *rival = item;

	return rival->who.entry;
}

void claims_init(struct services *services)
{
	pool_init(&services->claims, sizeof(struct claim), claims_hash);
	pool_init(&services->externals, sizeof(struct claim), claims_hash);
	pool_init(&services->rivals, sizeof(struct rival), rivals_hash);
}

void claims_clear(struct services *services)
{
	pool_clear(&services->claims);
	pool_clear(&services->externals);
	pool_clear(&services->rivals);
}

void claims_done(struct services *services)
{
	pool_done(&services->claims);
	pool_done(&services->externals);
	pool_done(&services->rivals);
}

/* Whole addresses have a table of their own: every pod's address is looked for there. */
static struct pool *table_of(struct services *services, uint16_t port)
{
	return port ? &services->claims : &services->externals;
}

static struct claim *claim_at(const struct pool *table, uint32_t number)
{
	return pool_at(table, number);
}

static struct rival *rival_at(const struct services *services, uint32_t number)
{
	return pool_at(&services->rivals, number);
}

static uint32_t claim_find(const struct pool *table, const struct ip_addr *addr, uint16_t port,
			   uint8_t proto)
{
	uint32_t hash = key_hash(addr, port, proto);

	for (uint32_t i = pool_first(table, hash); i; i = pool_next(table, i)) {
		const struct claim *claim = claim_at(table, i);

		if (claim->port == port && claim->proto == proto &&
		    ip_addr_equal(&claim->addr, addr))
			return i;
	}
	return 0;
}

const struct claimant *claim_winner(const struct services *services, const struct ip_addr *addr,
				    uint16_t port, uint8_t proto)
{
	const struct pool *table = &services->claims;
	uint32_t number = claim_find(table, addr, port, proto);

	return number ? &claim_at(table, number)->winner : NULL;
}

/* A ClusterIP before all others, then as the kinds stand; then by names. */
static int compare(const struct services *services, const struct claimant *a,
		   const struct claimant *b)
{
	int r = (int)a->kind - (int)b->kind;

	if (!r && a->entry != b->entry)
		r = entry_compare(entry_at(services, a->entry), entry_at(services, b->entry));
	return r ?: (a->index > b->index) - (a->index < b->index);
}

static bool equal(const struct claimant *a, const struct claimant *b)
{
	return a->entry == b->entry && a->index == b->index && a->kind == b->kind;
}

/* Who has an address of this node takes its NodePort; whose that was resolves again. */
static void mark_node_port(struct services *services, const struct service_want *want)
{
	struct ip_addr any = any_address(ip_addr_is_v4(&want->addr));
	const struct claimant *winner;

	if (!takes_node_ports(want->kind) || !address_is_own(services, &want->addr))
		return;
	winner = claim_winner(services, &any, want->port, want->proto);
	if (winner)
		entry_mark(services, winner->entry);
}

static int add_rival(struct services *services, struct claim *claim, struct claimant who)
{
	struct rival rival = { .who = who, .next = claim->rivals };
	uint32_t number;

	if (compare(services, &who, &claim->winner) < 0)
		rival.who = claim->winner;
	number = pool_add(&services->rivals, &rival);
	if (!number)
		return -ENOMEM;
	claim->rivals = number;
	if (equal(&rival.who, &who))
		return 0;
	entry_mark(services, claim->winner.entry);
	claim->winner = who;
	return 0;
}

static int add(struct services *services, uint32_t entry, const struct service_want *want)
{
	struct claim claim = {
		.addr = want->addr,
		.winner = { .entry = entry, .index = want->index, .kind = want->kind },
		.port = want->port,
		.proto = want->proto,
	};
	struct pool *table = table_of(services, want->port);
	uint32_t number = claim_find(table, &want->addr, want->port, want->proto);

	mark_node_port(services, want);
	if (number)
		return add_rival(services, claim_at(table, number), claim.winner);
	return pool_add(table, &claim) ? 0 : -ENOMEM;
}

/* Take rival *@link out of the list. */
static void unlink_rival(struct services *services, uint32_t *link)
{
	uint32_t number = *link;

	*link = rival_at(services, number)->next;
	pool_remove(&services->rivals, number);
}

static uint32_t *best_rival(struct services *services, struct claim *claim)
{
	uint32_t *best = &claim->rivals;

	for (uint32_t *at = &claim->rivals; *at; at = &rival_at(services, *at)->next)
		if (compare(services, &rival_at(services, *at)->who,
			    &rival_at(services, *best)->who) < 0)
			best = at;
	return best;
}

static void withdraw(struct services *services, uint32_t entry, const struct service_want *want)
{
	struct claimant who = { .entry = entry, .index = want->index, .kind = want->kind };
	struct pool *table = table_of(services, want->port);
	uint32_t number = claim_find(table, &want->addr, want->port, want->proto), *at;
	struct claim *claim;

	if (!number)
		return;
	mark_node_port(services, want);
	claim = claim_at(table, number);
	if (!equal(&claim->winner, &who)) {
		at = &claim->rivals;
		while (*at && !equal(&rival_at(services, *at)->who, &who))
			at = &rival_at(services, *at)->next;
		if (*at)
			unlink_rival(services, at);
	} else if (claim->rivals) {
		at = best_rival(services, claim);
		claim->winner = rival_at(services, *at)->who;
		unlink_rival(services, at);
		entry_mark(services, claim->winner.entry);
	} else {
		pool_remove(table, number);
	}
}

/* External addresses as a whole, those of a family that the Service has. */
static bool whole_next(const struct service *service, size_t *at, struct service_want *want)
{
	*want = (struct service_want){};
	while (service_is_served(service) &&
	       service_external(service, *at, &want->addr, &want->kind)) {
		++*at;
		if (service_has_family(service, ip_addr_is_v4(&want->addr)))
			return true;
	}
	return false;
}

int claims_add(struct services *services, uint32_t entry, const struct service *service)
{
	struct want_walk walk = wants_of(service);
	struct service_want want;
	int r = cluster_ips_add(services, service);

	while (r >= 0 && want_next(&walk, &want))
		r = add(services, entry, &want);
	for (size_t at = 0; r >= 0 && whole_next(service, &at, &want);) {
		services->look |= !address_is_claimed(services, &want.addr);
		r = add(services, entry, &want);
	}
	return r;
}

void claims_remove(struct services *services, uint32_t entry, const struct service *service)
{
	struct want_walk walk = wants_of(service);
	struct service_want want;

	cluster_ips_remove(services, service);
	while (want_next(&walk, &want))
		withdraw(services, entry, &want);
	for (size_t at = 0; whole_next(service, &at, &want);)
		withdraw(services, entry, &want);
}

bool address_is_claimed(const struct services *services, const struct ip_addr *addr)
{
	return claim_find(&services->externals, addr, 0, 0);
}

void address_mark(struct services *services, const struct ip_addr *addr)
{
	const struct pool *table = &services->externals;
	uint32_t number = claim_find(table, addr, 0, 0);
	const struct claim *claim;

	if (!number)
		return;
	claim = claim_at(table, number);
	entry_mark(services, claim->winner.entry);
	for (uint32_t i = claim->rivals; i; i = rival_at(services, i)->next)
		entry_mark(services, rival_at(services, i)->who.entry);
}
