// SPDX-License-Identifier: Apache-2.0
#include "packet_rules.h"

#include <netinet/in.h>

#include "ruleset.h"

void rules_make(uint32_t set, enum who peer, uint32_t first, uint32_t groups)
{
	struct rules rules = {
		.flags = RULESET_ISOLATED,
		.tier_end = { 0, groups, groups },
		.rules = {
			{ .class = peer, .proto = IPPROTO_TCP, .port = 80 },
			{ .class = peer, .proto = IPPROTO_TCP, .port = 443 },
			{ .class = peer, .proto = IPPROTO_UDP, .port = 53 },
			{ .class = peer, .proto = IPPROTO_SCTP, .port = 132 },
			{ .class = peer, .proto = IPPROTO_ICMP },
			{ .class = peer, .proto = IPPROTO_ICMPV6 },
			{ .cidr4 = "198.51.100.0/24", .cidr6 = "2001:db8:ffff::/48",
			  .proto = IPPROTO_TCP, .port = 80 },
			{ .class = HOST, .proto = IPPROTO_TCP, .port = 80 },
		},
		.count = RULES_MAX,
	};

	for (uint32_t i = 0; i < rules.count; i++)
		rules.rules[i].group = first + i;
	ruleset_write(set, &rules);
}

void rules_bind(uint32_t ingress, uint32_t egress)
{
	for (uint32_t half = 0; half < 2; half++) {
		endpoint_ruleset(POD_A, half, POLICY_INGRESS, ingress);
		endpoint_ruleset(POD_A, half, POLICY_EGRESS, egress);
		endpoint_ruleset(POD_B, half, POLICY_INGRESS, ingress);
		endpoint_ruleset(POD_B, half, POLICY_EGRESS, egress);
	}
}

void rules_start(void)
{
	world_reset();
	rules_make(SET_INGRESS, POD_A, 0, RULES_MAX);
	rules_make(SET_EGRESS, POD_B, 0, RULES_MAX);
	rules_bind(SET_INGRESS, SET_EGRESS);
}
