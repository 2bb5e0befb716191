// SPDX-License-Identifier: Apache-2.0
#include "ruleset.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX (18 * POLICY_CHUNK_WORDS) /* 73,728 groups */

struct bits {
	uint64_t words[WORDS_MAX];
};

struct cidr {
	uint8_t bytes[16];
	unsigned int prefix;
};

static void bits_set(struct bits *bits, uint32_t group)
{
	bits->words[group / 64] |= 1ULL << (group % 64);
}

static void put(const char *map, const void *key, const void *value)
{
	ck_assert_msg(!engine_update(map, key, value), "cannot write map %s", map);
}

/* The value of a bit set in the tables: the bits, or the row that holds them. */
static uint64_t bits_store(const struct bits *bits, uint32_t words)
{
	static const struct policy_bits none;
	static uint32_t row;
	uint32_t chunks = 0;

	if (words == 1)
		return bits->words[0];
	row++;
	for (uint32_t chunk = 0; chunk * POLICY_CHUNK_WORDS < words; chunk++) {
		const uint64_t *part = &bits->words[chunk * POLICY_CHUNK_WORDS];
		struct policy_bits_key key = { .row = row, .chunk = chunk };

		if (!memcmp(part, &none, sizeof(none)))
			continue;
		put("policy_bits", &key, part);
		chunks |= 1U << chunk;
	}
	return chunks ? policy_row(row, chunks) : 0;
}

static struct cidr cidr_parse(const char *text, bool v6)
{
	struct cidr cidr = {};
	char addr[64];

	ck_assert_int_eq(sscanf(text, "%63[^/]/%u", addr, &cidr.prefix), 2);
	ck_assert_int_eq(inet_pton(v6 ? AF_INET6 : AF_INET, addr, cidr.bytes), 1);
	return cidr;
}

static bool cidr_covers(const struct cidr *outer, const struct cidr *inner)
{
	if (outer->prefix > inner->prefix)
		return false;
	for (unsigned int i = 0; i < outer->prefix; i++)
		if ((outer->bytes[i / 8] ^ inner->bytes[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static bool rule_covers_cidr(const struct rule *rule, const struct cidr *cidr, bool v6)
{
	const char *text = v6 ? rule->cidr6 : rule->cidr4;
	const char *except = v6 ? rule->except6 : rule->except4;
	struct cidr outer;

	if (!text)
		return false;
	outer = cidr_parse(text, v6);
	if (!cidr_covers(&outer, cidr))
		return false;
	if (!except)
		return true;
	outer = cidr_parse(except, v6);
	return !cidr_covers(&outer, cidr);
}

static void cidr_put(uint32_t set, const struct cidr *cidr, bool v6, uint64_t value)
{
	struct policy_cidr6_key key6 = { .prefixlen = 32 + cidr->prefix, .set = htonl(set) };
	struct policy_cidr4_key key4 = { .prefixlen = 32 + cidr->prefix, .set = htonl(set) };

	memcpy(&key6.addr, cidr->bytes, 16);
	memcpy(&key4.addr, cidr->bytes, 4);
	put(v6 ? "policy_cidr6" : "policy_cidr4", v6 ? (void *)&key6 : &key4, &value);
}

static void cidr_write(uint32_t set, const struct rules *rules, uint32_t words, const char *text,
		       bool v6)
{
	struct bits bits = {};
	struct cidr cidr;

	if (!text)
		return;
	cidr = cidr_parse(text, v6);
	for (uint32_t i = 0; i < rules->count; i++)
		if (rule_covers_cidr(&rules->rules[i], &cidr, v6))
			bits_set(&bits, rules->rules[i].group);
	cidr_put(set, &cidr, v6, bits_store(&bits, words));
}

static unsigned int port_prefix(const struct rule *rule)
{
	if (!rule->proto)
		return POLICY_PORT_SET_BITS;
	if (!rule->port)
		return POLICY_PORT_PROTO_BITS;
	return POLICY_PORT_PROTO_BITS + (rule->port_bits ?: 16);
}

static bool rule_covers_port(const struct rule *outer, const struct rule *inner)
{
	unsigned int bits = port_prefix(outer);

	if (bits > port_prefix(inner) || (outer->proto && outer->proto != inner->proto))
		return false;
	if (bits <= POLICY_PORT_PROTO_BITS)
		return true;
	return !((outer->port ^ inner->port) >> (POLICY_PORT_FULL_BITS - bits));
}

static void port_write(uint32_t set, const struct rules *rules, uint32_t words,
		       const struct rule *rule)
{
	struct policy_port_key key = { .prefixlen = port_prefix(rule), .set = htonl(set),
				       .proto = rule->proto, .port = htons(rule->port) };
	struct bits bits = {};
	uint64_t value;

	for (uint32_t i = 0; i < rules->count; i++)
		if (rule_covers_port(&rules->rules[i], rule))
			bits_set(&bits, rules->rules[i].group);
	value = bits_store(&bits, words);
	put("policy_port", &key, &value);
}

static void class_write(uint32_t set, const struct rules *rules, uint32_t words, enum who who)
{
	struct policy_class_key key = { .set = set, .class = class_of(who) };
	struct bits bits = {};
	uint64_t value;

	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->rules[i].class == who)
			bits_set(&bits, rules->rules[i].group);
	value = bits_store(&bits, words);
	put("policy_class", &key, &value);
}

static struct ruleset header_make(const struct rules *rules, uint32_t words)
{
	struct bits any = {}, allow = {}, pass = {};
	struct ruleset header = { .words = words, .flags = rules->flags };

	memcpy(header.tier_end, rules->tier_end, sizeof(header.tier_end));
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rules[i];

		if (!rule->class && !rule->cidr4 && !rule->cidr6)
			bits_set(&any, rule->group);
		if (rule->action == ALLOW)
			bits_set(&allow, rule->group);
		if (rule->action == PASS)
			bits_set(&pass, rule->group);
		header.flags |= rule->cidr4 ? RULESET_CIDR4 : 0;
		header.flags |= rule->cidr6 ? RULESET_CIDR6 : 0;
	}
	header.any_peer = bits_store(&any, words);
	header.allow = bits_store(&allow, words);
	header.pass = bits_store(&pass, words);
	return header;
}

void ruleset_write(uint32_t set, const struct rules *rules)
{
	uint32_t words = (rules->tier_end[TIER_MAX - 1] + 63) / 64 ?: 1;
	struct ruleset header = header_make(rules, words);

	ck_assert_uint_le(words, WORDS_MAX);
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rules[i];

		if (rule->class)
			class_write(set, rules, words, rule->class);
		port_write(set, rules, words, rule);
		cidr_write(set, rules, words, rule->cidr4, false);
		cidr_write(set, rules, words, rule->except4, false);
		cidr_write(set, rules, words, rule->cidr6, true);
		cidr_write(set, rules, words, rule->except6, true);
	}
	put("ruleset", &set, &header);
}
