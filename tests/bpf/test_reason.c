// SPDX-License-Identifier: Apache-2.0
/*
 * Every reason to drop has a packet that is dropped for it, or a reason why none
 * can be made here.
 */
#include "engine_main.h"
#include "services.h"

static const struct packet other = { PACKET_UDP, POD_A, WORLD, 4001, 53 };

static void a_has_no_rule_set(bool v6)
{
	endpoint_ruleset(POD_A, 1, POLICY_EGRESS, 14);
}

static void all_is_masqueraded(bool v6)
{
	masquerade_set(MASQUERADE_ON, HOST);
}

static void web_is_empty(bool v6)
{
	frontend_put(VIP, 80, 6, 1, FRONTEND_WHOLE);
	set_empty(1, SERVICE_CLUSTER, SERVICE_REFUSE);
}

static void web_is_elsewhere(bool v6)
{
	frontend_put(VIP, 80, 6, 1, FRONTEND_WHOLE | FRONTEND_LOCAL);
	set_empty(1, SERVICE_LOCAL, SERVICE_SILENT);
}

static void web_at(enum who who)
{
	frontend_put(VIP, 80, 6, 1, FRONTEND_WHOLE | FRONTEND_EXTERNAL);
	backend_put(1, 1, who, 8080, BACKEND_IN_CLUSTER);
	set_put(1, SERVICE_CLUSTER, 1, 1);
}

static void web_is_lost(bool v6)
{
	web_at(LOST);
}

static void web_is_outside(bool v6)
{
	web_at(WORLD_2);
}

static void web_has_ranges(bool v6)
{
	frontend_put(VIP, 80, 6, 1, FRONTEND_WHOLE | FRONTEND_EXTERNAL | FRONTEND_RANGES);
}

static void vip_is_nobodys(bool v6)
{
	service_cidr_set(VIP, 8);
}

#define TO_WEB { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }

static const struct {
	const char *out_of_reach; /* why there is no packet for it */
	struct step step;
} reasons[DROP_REASON_MAX] = {
	[DROP_NONE] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 } } },
	[DROP_SHORT_HEADER] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, 1, 2, .payload = 40,
						    .cut = 1 } } },
	[DROP_BAD_HEADER] = { NULL, { FROM_POD, { PACKET_TCP, POD_A, POD_B, 1, 2, SYN | FIN } } },
	[DROP_UNKNOWN_L3] = { NULL, { FROM_POD, { PACKET_ETHER, POD_A, POD_B, 0x88cc,
						  .payload = 46 } } },
	[DROP_NO_ENDPOINT] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 },
				       .before = a_is_gone } },
	[DROP_NOT_READY] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 },
				     .before = b_is_not_ready } },
	[DROP_SOURCE_MAC] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53,
						  .mac = POD_C } } },
	[DROP_SOURCE_ADDRESS] = { NULL, { FROM_POD, { PACKET_UDP, WORLD, POD_B, 4000, 53,
						      .mac = POD_A }, .at = POD_A } },
	[DROP_ROGUE_CONTROL] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, ALL_NODES, 67, 68 } } },
	[DROP_ARP_SPOOF] = { NULL, { FROM_POD, { PACKET_ADVERT, POD_A, ALL_NODES,
						 .target = POD_B } } },
	[DROP_POLICY_EGRESS] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 },
					 .before = a_sends_to_nobody } },
	[DROP_POLICY_INGRESS] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 },
					  .before = b_hears_nobody } },
	[DROP_POLICY_LOOKUP] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, 4000, 53 },
					 .before = a_has_no_rule_set } },
	[DROP_CT_INVALID] = { NULL, { FROM_POD, { PACKET_TCP, POD_A, POD_B, 1, 2, SYN | ACK } } },
	[DROP_CT_FULL] = { "the table of new connections evicts; a failure is injected on the host" },
	[DROP_FRAGMENT_UNKNOWN] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, .id = 9,
							.offset = 64, .payload = 2100 } } },
	[DROP_ICMP_UNRELATED] = { NULL, { FROM_POD, { PACKET_ERROR, POD_A, POD_B,
						      .quote = &other } } },
	[DROP_MULTICAST] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, ALL_NODES, 4000, 53 },
				     .before = a_sends_to_nobody } },
	[DROP_EXTENSION_HEADER] = { NULL, { FROM_POD, { PACKET_PROTO, POD_A, POD_B, .type = 51,
							.payload = 24 } } },
	[DROP_POD_FROM_WIRE] = { NULL, { FROM_WIRE, { PACKET_UDP, POD_A, POD_B, 4000, 53 } } },
	[DROP_FRAGMENT_HELD] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, POD_B, .id = 9,
						     .offset = 64, .payload = 8 } } },
	[DROP_SERVICE_NO_ENDPOINT] = { NULL, { FROM_POD, TO_WEB, .before = web_is_empty,
					       .rejected = true } },
	[DROP_SERVICE_NO_PORT] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 },
					   .before = web_is_empty, .rejected = true } },
	[DROP_SERVICE_NOT_LOCAL] = { NULL, { FROM_POD, TO_WEB, .before = web_is_elsewhere } },
	[DROP_SERVICE_BACKEND_GONE] = { NULL, { FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, ACK },
						.before = web_is_empty, .rejected = true } },
	[DROP_SERVICE_PORTS] = { "needs all ports taken; test_service_time.c takes them on the host" },
	[DROP_SERVICE_SOURCE] = { NULL, { FROM_POD, TO_WEB, .before = web_has_ranges } },
	[DROP_NO_ROUTE] = { NULL, { FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, SYN },
				    .before = web_is_lost, .rejected = true } },
	[DROP_HOPS] = { NULL, { FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, SYN, .hops = 1 },
				.before = web_is_outside, .rejected = true } },
	[DROP_TOO_LONG] = { NULL, { FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, SYN,
						 .payload = 1500 },
				    .before = web_is_outside, .rejected = true } },
	[DROP_SERVICE_CHECKSUM] = { "needs a backend as well; in test_service_choice.c" },
	[DROP_TUNNEL_SOURCE] = { "needs nodes with tunnels; in test_tunnel.c" },
	[DROP_SERVICE_PORT_LOST] = { "of a connection and no packet; in test_uplink_ports.c" },
	[DROP_SERVICE_NO_ADDRESS] = { NULL, { FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80 },
					      .before = vip_is_nobodys } },
	[DROP_NO_TUNNEL] = { "needs nodes with tunnels; in test_tunnel.c" },
	[DROP_MASQUERADE_PORTS] = { "needs a connection that has the port; in test_masquerade.c" },
	[DROP_MASQUERADE_ADDRESS] = { "needs a connection; in test_masquerade.c" },
	[DROP_MASQUERADE_PROTOCOL] = { NULL, { FROM_POD, { PACKET_PROTO, POD_A, WORLD, .type = 47,
							   .payload = 20 },
					       .before = all_is_masqueraded } },
	[DROP_INTERNAL] = { "only when a helper fails, which is injected on the host" },
};

static bool is_of_family(int reason, bool v6)
{
	if (reason == DROP_ROGUE_CONTROL)
		return !v6;
	return reason != DROP_EXTENSION_HEADER || v6;
}

START_TEST(every_reason_has_a_packet)
{
	int reason = _i / 2;
	bool v6 = _i % 2;
	struct step step = reasons[reason].step;

	if (reasons[reason].out_of_reach || !is_of_family(reason, v6))
		return;
	ck_assert_msg(step.packet.src, "reason %d has no packet", reason);
	step.why = (enum drop_reason)reason;
	world_reset();
	step_play(&step, v6, "the packet");
}
END_TEST

ENGINE_MAIN("reason", SCENES(every_reason_has_a_packet, reasons))
