// SPDX-License-Identifier: Apache-2.0
#include "image_ask.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "weir/verdict.h"

/* The searches are plain so that nothing has to be sorted; the order has its own test. */
#define FIND(items, count, condition)                                    \
	do {                                                             \
		for (size_t i_ = 0; i_ < (count); i_++) {                \
			__typeof__(&(items)[0]) item = &(items)[i_];     \
			if (condition)                                   \
				return item;                             \
		}                                                        \
		return NULL;                                             \
	} while (0)

const struct image_ruleset *ask_ruleset(const struct image *image, uint32_t id)
{
	FIND(image->rulesets, image->ruleset_count, item->id == id);
}

const struct image_binding *ask_binding(const struct image *image, uint32_t ifindex)
{
	FIND(image->bindings, image->binding_count, item->ifindex == ifindex);
}

const struct image_peer *ask_peer(const struct image *image, const struct ip_addr *addr)
{
	FIND(image->peers, image->peer_count, ip_addr_equal(&item->addr, addr));
}

const struct image_class *ask_class(const struct image *image, uint32_t id)
{
	FIND(image->classes, image->class_count, item->id == id);
}

const struct policy_bits *ask_row(const struct image *image, uint32_t row, uint32_t chunk)
{
	const struct image_row *found = NULL;

	for (size_t i = 0; i < image->row_count && !found; i++)
		if (image->rows[i].row == row && image->rows[i].chunk == chunk)
			found = &image->rows[i];
	return found ? &found->bits : NULL;
}

static uint64_t class_bits(const struct image_ruleset *set, uint32_t class)
{
	for (size_t i = 0; class && i < set->class_count; i++)
		if (set->classes[i].class == class)
			return set->classes[i].bits;
	return 0;
}

static bool port_key_covers(const struct policy_port_key *key, uint8_t proto, uint16_t port)
{
	unsigned int bits = key->prefixlen - POLICY_PORT_SET_BITS;

	if (bits >= 8 && key->proto != proto)
		return false;
	return bits <= 16 || !((ntohs(key->port) ^ port) >> (32 - bits));
}

static uint64_t port_bits(const struct image_ruleset *set, uint8_t proto, uint16_t port)
{
	const struct image_port_bits *best = NULL;

	for (size_t i = 0; i < set->port_count; i++) {
		const struct image_port_bits *item = &set->ports[i];

		if (ntohl(item->key.set) != set->id)
			abort();
		if (port_key_covers(&item->key, proto, port) &&
		    (!best || item->key.prefixlen > best->key.prefixlen))
			best = item;
	}
	return best ? best->bits : 0;
}

static uint64_t cidr_bits(const struct image_ruleset *set, const struct ip_addr *addr)
{
	uint32_t flag = ip_addr_is_v4(addr) ? RULESET_CIDR4 : RULESET_CIDR6;
	const struct image_cidr_bits *best = NULL;

	for (size_t i = 0; i < set->cidr_count && (set->header.flags & flag); i++) {
		const struct image_cidr_bits *item = &set->cidrs[i];

		if (prefix_contains(&item->prefix, addr) &&
		    (!best || item->prefix.bits > best->prefix.bits))
			best = item;
	}
	return best ? best->bits : 0;
}

static uint64_t row_word(const struct image *image, uint64_t row, uint32_t word)
{
	uint32_t chunk = word / POLICY_CHUNK_WORDS;
	const struct policy_bits *bits = ask_row(image, policy_row_number(row), chunk);

	if (policy_row_has(row, chunk) != !!bits)
		abort();
	return bits ? bits->words[word % POLICY_CHUNK_WORDS] : 0;
}

static enum verdict wide(const struct image *image, const struct image_ruleset *set, uint64_t class,
			 uint64_t cidr, uint64_t ports)
{
	struct verdict_state state = {};
	enum verdict verdict = VERDICT_NEXT;

	for (uint32_t word = 0; word < set->header.words && verdict == VERDICT_NEXT; word++) {
		uint64_t peers = row_word(image, set->header.any_peer, word) |
				 row_word(image, class, word) | row_word(image, cidr, word);

		verdict = verdict_word(&state, &set->header, word * 64,
				       peers & row_word(image, ports, word),
				       row_word(image, set->header.allow, word),
				       row_word(image, set->header.pass, word));
	}
	return verdict;
}

bool ask_allows(const struct image *image, enum policy_dir dir, uint32_t ifindex,
		const struct naive_packet *packet)
{
	const struct image_binding *binding = ask_binding(image, ifindex);
	const struct ip_addr *other = dir == POLICY_INGRESS ? &packet->src : &packet->dst;
	const struct image_peer *peer = ask_peer(image, other);
	const struct image_ruleset *set;
	uint64_t class, cidr, ports;
	struct verdict_state state = {};
	enum verdict verdict;

	if (!binding)
		abort();
	if (!binding->ruleset[dir])
		return true;
	set = ask_ruleset(image, binding->ruleset[dir]);
	if (!set || set->dir != dir)
		abort();
	class = class_bits(set, peer ? peer->class : 0);
	cidr = cidr_bits(set, other);
	ports = port_bits(set, packet->proto, packet->port);
	if (set->header.words == 1)
		verdict = verdict_inline(&state, &set->header, class | cidr, ports);
	else
		verdict = wide(image, set, class, cidr, ports);
	if (verdict == VERDICT_NEXT)
		abort();
	return verdict == VERDICT_ALLOW;
}
