// SPDX-License-Identifier: Apache-2.0
#include "control/view.h"

#include <arpa/inet.h>

#include "base/addr.h"

json_t *view_proto(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return json_string("tcp");
	case IPPROTO_UDP:
		return json_string("udp");
	case IPPROTO_SCTP:
		return json_string("sctp");
	case IPPROTO_ICMP:
		return json_string("icmp");
	case IPPROTO_ICMPV6:
		return json_string("icmpv6");
	}
	return json_sprintf("%u", proto);
}

struct ct6_key view_flow_key(const struct ct4_key *key)
{
	struct ct6_key wide = { .proto = key->proto };

	for (int end = 0; end < CT_END_MAX; end++) {
		ip_addr_set_v4(&wide.addr[end], key->addr[end]);
		wide.port[end] = key->port[end];
	}
	return wide;
}

static json_t *view_nat_end(const struct ip_addr *address, __be16 port)
{
	char addr[ADDR_TEXT_MAX];

	return json_pack("{s:s,s:i}", "address", addr_text(addr, address), "port", ntohs(port));
}

static json_t *view_nat(const struct ct6_nat *nat)
{
	return json_pack("{s:o,s:o}", "opener", view_nat_end(&nat->src, nat->sport), "answerer",
			 view_nat_end(&nat->dst, nat->dport));
}

static json_t *view_end(const struct ct6_key *key, const struct ct_entry *entry, int end)
{
	char addr[ADDR_TEXT_MAX];

	return json_pack("{s:s,s:i,s:I}", "address", addr_text(addr, &key->addr[end]), "port",
			 ntohs(key->port[end]), "endpoint", (json_int_t)entry->ifindex[end]);
}

static const char *flow_state(const struct ct_entry *entry)
{
	if (entry->flags & CT_CLOSING)
		return "closing";
	return entry->flags & CT_ANSWERED ? "answered" : "new";
}

/* Rounded up; 0 for a flow that is dead but still in the table. */
static json_int_t expires_s(const struct ct_entry *entry, const struct view_clock *clock)
{
	int32_t left = (int32_t)(entry->expires - clock->now);

	return left > 0 ? ((json_int_t)left + clock->hz - 1) / clock->hz : 0;
}

json_t *view_flow(const struct ct6_key *key, const struct ct_entry *entry,
		  const struct ct6_nat *nat, const struct view_clock *clock)
{
	int opener = entry->opener == CT_HIGH ? CT_HIGH : CT_LOW;
	int answerer = opener == CT_HIGH ? CT_LOW : CT_HIGH;
	bool becomes = entry->flags & CT_SERVICE && !ct_is_outside(entry->flags);

	return json_pack("{s:i,s:o,s:o,s:o,s:s,s:I,s:I,s:[I,I],s:[I,I],s:o*,s:o*}",
			 "family", ip_addr_is_v4(&key->addr[CT_LOW]) ? 4 : 6,
			 "protocol", view_proto(key->proto),
			 "opener", view_end(key, entry, opener),
			 "answerer", view_end(key, entry, answerer),
			 "state", flow_state(entry),
			 "expiresSeconds", expires_s(entry, clock),
			 "generation", (json_int_t)entry->generation,
			 "packets", (json_int_t)entry->packets[opener],
			 (json_int_t)entry->packets[answerer],
			 "bytes", (json_int_t)entry->bytes[opener],
			 (json_int_t)entry->bytes[answerer],
			 "becomes", becomes ? view_nat(nat) : NULL,
			 "was", entry->flags & CT_TRANSLATED ? view_nat(nat) : NULL);
}
