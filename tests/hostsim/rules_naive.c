// SPDX-License-Identifier: Apache-2.0
#include "hostsim/rules_naive.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool cidr_has(const char *text, const struct ip_addr *addr)
{
	bool v6 = !ip_addr_is_v4(addr);
	const uint8_t *bytes = addr->bytes + (v6 ? 0 : 12);
	uint8_t net[16];
	char base[64];
	unsigned int bits;

	if (sscanf(text, "%63[^/]/%u", base, &bits) != 2 ||
	    inet_pton(v6 ? AF_INET6 : AF_INET, base, net) != 1)
		return false;
	for (unsigned int i = 0; i < bits; i++)
		if ((net[i / 8] ^ bytes[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool peer_matches(const struct rule *rule, enum who peer, const struct ip_addr *addr)
{
	bool v6 = !ip_addr_is_v4(addr);
	const char *cidr = v6 ? rule->cidr6 : rule->cidr4;
	const char *except = v6 ? rule->except6 : rule->except4;

	if (rule->class)
		return rule->class == peer;
	if (!rule->cidr4 && !rule->cidr6)
		return true;
	return cidr && cidr_has(cidr, addr) && !(except && cidr_has(except, addr));
}

static bool port_matches(const struct rule *rule, uint8_t proto, uint16_t port)
{
	unsigned int bits = rule->port_bits ?: 16;

	if (!rule->proto)
		return true;
	return rule->proto == proto && (!rule->port || rule->port >> (16 - bits) == port >> (16 - bits));
}

/* The action of a group when the group matches; -1 otherwise. */
static int group_says(const struct rules *rules, uint32_t group, enum who peer,
		      const struct ip_addr *addr, uint8_t proto, uint16_t port)
{
	bool peer_fits = false, port_fits = false;
	int action = -1;

	for (uint32_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rules[i];

		if (rule->group != group)
			continue;
		action = (int)rule->action;
		peer_fits |= peer_matches(rule, peer, addr);
		port_fits |= port_matches(rule, proto, port);
	}
	return peer_fits && port_fits ? action : -1;
}

bool rules_allow(const struct rules *rules, enum who peer, const struct ip_addr *addr,
		 uint8_t proto, uint16_t port)
{
	uint32_t group = 0;

	for (int tier = 0; tier < TIER_MAX; tier++) {
		int says = -1;

		for (; group < rules->tier_end[tier] && says < 0; group++)
			says = group_says(rules, group, peer, addr, proto, port);
		if (says == ALLOW || says == DENY)
			return says == ALLOW;
		if (says < 0 && tier == TIER_NETWORK_POLICY && rules->flags & RULESET_ISOLATED)
			return false;
		group = rules->tier_end[tier];
	}
	return true;
}
