// SPDX-License-Identifier: Apache-2.0
/* Services for the outside: who may, which backends, which source; and who is refused how. */
#include "engine_main.h"
#include "ruleset.h"
#include "services.h"

#define WEB 1

/* Backend 1 is anybody's, backend 2 is POD_C, and what is Local has only that one. */
static void web(enum who vip, uint16_t port, enum who who, uint32_t flags)
{
	frontend_put(vip, port, 6, WEB, flags);
	frontend_put(vip, port, 17, WEB, flags);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	backend_put(2, WEB, POD_C, 8080, BACKEND_IN_LOCAL);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_put(WEB, SERVICE_LOCAL, 2, 1);
}

static void balancer(bool v6)
{
	web(VIP, 80, POD_B, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void balancer_away(bool v6)
{
	web(VIP, 80, POD_AWAY, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void cluster_ip(bool v6)
{
	web(VIP, 80, POD_B, FRONTEND_WHOLE);
}

static void cluster_ip_is_local(bool v6)
{
	web(VIP, 80, POD_B, FRONTEND_WHOLE | FRONTEND_LOCAL);
}

static void external_is_local(bool v6)
{
	web(VIP, 80, POD_B, FRONTEND_EXTERNAL | FRONTEND_LOCAL);
}

static void node_port(bool v6)
{
	web(HOST, 30080, POD_B, FRONTEND_EXTERNAL);
}

static void node_port_is_local(bool v6)
{
	web(HOST, 30080, POD_B, FRONTEND_EXTERNAL | FRONTEND_LOCAL);
}

static void nobody_is_local(bool v6)
{
	external_is_local(v6);
	set_empty(WEB, SERVICE_LOCAL, SERVICE_SILENT);
}

static void nobody_is_anywhere(bool v6)
{
	external_is_local(v6);
	set_empty(WEB, SERVICE_LOCAL, SERVICE_REFUSE);
}

/* WORLD's network may, and nobody else; another service's ranges have everybody. */
static void balancer_with_ranges(bool v6)
{
	web(VIP, 80, POD_B, FRONTEND_EXTERNAL | FRONTEND_WHOLE | FRONTEND_RANGES);
	range_put(WEB, WORLD, 24, 48);
	range_put(2, WORLD_2, 0, 0);
}

/* Other frontends of the service have no ranges. */
static void ranges_elsewhere(bool v6)
{
	balancer_with_ranges(v6);
	node_port(v6);
}

static void b_hears_world(bool v6)
{
	static const struct rules rules = {
		.flags = RULESET_ISOLATED, .tier_end = { 0, 1, 1 }, .count = 1,
		.rules = { { .cidr4 = "198.51.100.0/24", .cidr6 = "2001:db8:ffff::/48",
			     .proto = 6, .port = 8080 } } };

	node_port(v6);
	ruleset_write(1, &rules);
	endpoint_ruleset(POD_B, 1, POLICY_INGRESS, 1);
}

static void node_without_address(bool v6)
{
	balancer_away(v6);
	node_addresses_set(NOBODY);
}

/* Not the service's alone, so others may have its other ports. */
static void external_address(bool v6)
{
	web(VIP, 80, POD_B, FRONTEND_EXTERNAL);
}

static void two_services(bool v6)
{
	cluster_ip(v6);
	frontend_put(VIP_2, 53, 17, WEB, FRONTEND_EXTERNAL);
}

static void address_is_being_written(bool v6)
{
	balancer_away(v6);
	node_address_turn(1);
}

static void no_policy_yet(bool v6)
{
	balancer(v6);
	no_policy_was_loaded(v6);
}

static void no_services(bool v6)
{
	balancer(v6);
	services_set(0);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define ASKS(who, ...) { FROM_WIRE, { PACKET_TCP, who, VIP, 4000, 80, SYN }, __VA_ARGS__ }
#define GOT(from, by) .becomes = PTR({ PACKET_TCP, from, by, 4000, 8080, SYN })
#define AT_NODE(who, port, ...)                                                             \
	{ FROM_WIRE, { PACKET_TCP, who, HOST, 4000, port, SYN }, __VA_ARGS__ }

static const struct scene sets[] = {
	{ "load balancer address", BOTH, { ASKS(WORLD, .before = balancer, GOT(WORLD, POD_B)) } },
	{ "ClusterIP", BOTH, { ASKS(WORLD, .before = cluster_ip, GOT(WORLD, POD_B)) } },
	{ "ClusterIP, policy Local", BOTH, {
		ASKS(WORLD, .before = cluster_ip_is_local, GOT(WORLD, POD_C)) } },
	{ "external address, policy Local", BOTH, {
		ASKS(WORLD, .before = external_is_local, GOT(WORLD, POD_C)) } },
	{ "external address, policy Local, a pod of another node", BOTH, {
		ASKS(POD_AWAY, .before = external_is_local, GOT(POD_AWAY, POD_B)) } },
	{ "NodePort, policy Local", BOTH, {
		AT_NODE(WORLD, 30080, .before = node_port_is_local, GOT(WORLD, POD_C)) } },
	{ "NodePort, policy Local, a pod of this node", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, HOST, 4000, 30080, SYN },
		  .before = node_port_is_local, GOT(POD_A, POD_B) } } },
	{ "another node", BOTH, {
		AT_NODE(NODE, 30080, .before = node_port, GOT(NODE, POD_B)) } },
};

static const struct scene refused[] = {
	{ "policy Local, all are elsewhere", BOTH, {
		ASKS(WORLD, DROP_SERVICE_NOT_LOCAL, .before = nobody_is_local) } },
	{ "policy Local, there is none at all", BOTH, {
		ASKS(WORLD, DROP_SERVICE_NO_ENDPOINT, .before = nobody_is_anywhere,
		     .rejected = true) } },
	{ "a port that is no service's", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 81, SYN }, DROP_SERVICE_NO_PORT,
		  .before = balancer, .rejected = true },
		{ FROM_WIRE, { PACKET_UDP, WORLD, VIP, 4000, 81 }, DROP_SERVICE_NO_PORT,
		  .rejected = true },
		{ FROM_WIRE, { PACKET_ECHO, WORLD, VIP, 4000 }, DROP_SERVICE_NO_PORT } } },
	{ "the middle of a connection that nobody knows, to a ClusterIP", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, ACK },
		  DROP_SERVICE_BACKEND_GONE, .before = cluster_ip, .rejected = true } } },
	{ "the end of a connection that nobody knows", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, FIN | ACK }, DROP_CT_INVALID,
		  .before = balancer },
		{ FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 81, RST }, DROP_CT_INVALID },
		{ FROM_WIRE, { PACKET_ECHO_REPLY, WORLD, VIP, 4000 }, DROP_CT_INVALID } } },
	{ "what cannot be followed", ONLY_V6, {
		{ FROM_WIRE, { PACKET_PROTO, WORLD, VIP, .type = 51, .payload = 24 },
		  DROP_EXTENSION_HEADER, .before = balancer } } },
	{ "outside the source ranges", BOTH, {
		ASKS(WORLD, .before = balancer_with_ranges, GOT(WORLD, POD_B)),
		ASKS(WORLD_2, DROP_SERVICE_SOURCE),
		{ FROM_POD, { PACKET_TCP, POD_A, VIP, 4000, 80, SYN }, DROP_SERVICE_SOURCE } } },
	{ "by an address that has no ranges", BOTH, {
		AT_NODE(WORLD_2, 30080, .before = ranges_elsewhere, GOT(WORLD_2, POD_B)) } },
	{ "the pod's policy sees the client", BOTH, {
		AT_NODE(WORLD, 30080, .before = b_hears_world, GOT(WORLD, POD_B)),
		AT_NODE(WORLD_2, 30080, DROP_POLICY_INGRESS) } },
	{ "an address of this node", BOTH, {
		ASKS(HOST, DROP_POD_FROM_WIRE, .before = balancer) } },
	{ "an address of a pod of this node", BOTH, {
		ASKS(POD_A, DROP_POD_FROM_WIRE, .before = balancer) } },
	{ "an address of a service", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, VIP, VIP, 80, 80 }, DROP_SERVICE_SOURCE,
		  .before = two_services },
		{ FROM_WIRE, { PACKET_UDP, VIP, VIP, 4000, 80 }, DROP_SERVICE_SOURCE },
		{ FROM_WIRE, { PACKET_UDP, VIP_2, VIP, 53, 80 }, DROP_SERVICE_SOURCE },
		{ FROM_WIRE, { PACKET_UDP, VIP_2, VIP, 4000, 80 },
		  .becomes = PTR({ PACKET_UDP, VIP_2, POD_B, 4000, 8080 }) } } },
	{ "a query to an address of services", BOTH, {
		{ FROM_WIRE, { PACKET_ICMP, WORLD, VIP, .type = 200 }, DROP_SERVICE_NO_PORT,
		  .before = cluster_ip },
		{ FROM_WIRE, { PACKET_ICMP, WORLD, VIP, .type = 200 }, DROP_SERVICE_NO_PORT,
		  .before = external_address } } },
	{ "an error about nothing to an address of services", BOTH, {
		{ FROM_WIRE, { PACKET_ERROR, WORLD, VIP,
			       .quote = PTR({ PACKET_UDP, VIP, WORLD, 80, 4000 }) },
		  DROP_ICMP_UNRELATED, .before = cluster_ip },
		{ FROM_WIRE, { PACKET_ERROR, WORLD, VIP,
			       .quote = PTR({ PACKET_UDP, VIP, WORLD, 80, 4000 }) },
		  DROP_ICMP_UNRELATED, .before = external_address } } },
	{ "another port of an address of services", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, VIP, 4000, 81 }, DROP_SERVICE_NO_PORT,
		  .before = external_address },
		{ FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 81, ACK }, DROP_SERVICE_NO_PORT },
		{ FROM_WIRE, { PACKET_ECHO, WORLD, VIP, 4000 }, DROP_SERVICE_NO_PORT } } },
	{ "an address of the node that is half written", ONLY_V6, {
		ASKS(WORLD, DROP_NO_ROUTE, .before = address_is_being_written,
		     .rejected = true) } },
	{ "a node without an address", BOTH, {
		ASKS(WORLD, DROP_NO_ROUTE, .before = node_without_address, .rejected = true) } },
};

static void another_proxy_has_it(bool v6)
{
	external_address(v6);
	frontend_put(VIP, FRONTEND_OTHERS_PORT, FRONTEND_OTHERS_PROTO, 1, FRONTEND_EXTERNAL);
}

static const struct scene alone[] = {
	{ "an address that another proxy has", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, VIP, 4000, 81 }, .before = another_proxy_has_it,
		  .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_ECHO, WORLD, VIP, 4000 }, .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_ICMP, WORLD, VIP, .type = 200 }, .fate = TO_STACK } } },
	{ "a port of the node's own", BOTH, {
		AT_NODE(WORLD, 22, .before = node_port, .fate = TO_STACK),
		{ TO_WIRE, { PACKET_TCP, HOST, WORLD, 22, 4000, SYN | ACK }, .from_socket = true,
		  .fate = TO_STACK } } },
	{ "the end of a connection that nobody knows, at a port of the node", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, HOST, 4000, 30080, FIN | ACK },
		  .before = node_port, .fate = TO_STACK } } },
	{ "a port of another protocol", BOTH, {
		{ FROM_WIRE, { PACKET_SCTP, WORLD, HOST, 4000, 30080, .flags = 1 },
		  .before = node_port, .fate = TO_STACK } } },
	{ "echo", BOTH, {
		{ FROM_WIRE, { PACKET_ECHO, WORLD, HOST, 4000 }, .before = node_port,
		  .fate = TO_STACK } } },
	{ "what the node cannot follow", ONLY_V6, {
		{ FROM_WIRE, { PACKET_PROTO, WORLD, HOST, .type = 51, .payload = 24 },
		  .before = node_port, .fate = TO_STACK } } },
	{ "another node's, though the address is this one's as well", BOTH, {
		{ FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, SYN, .to_mac = POD_C },
		  .before = balancer, .fate = TO_STACK } } },
	{ "a query, and an error about nothing, to a node with NodePorts", BOTH, {
		{ FROM_WIRE, { PACKET_ICMP, WORLD, HOST, .type = 200 }, .before = node_port,
		  .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_ERROR, WORLD, HOST,
			       .quote = PTR({ PACKET_UDP, HOST, WORLD, 22, 4000 }) },
		  .fate = TO_STACK } } },
	{ "a frame to everybody", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, VIP, 4000, 80, .to_mac = ALL_NODES },
		  .before = balancer, .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_UDP, WORLD, HOST, 4000, 30080, .to_mac = ALL_NODES },
		  .before = node_port, .fate = TO_STACK } } },
	{ "what a pod sends to the outside", BOTH, {
		{ TO_WIRE, { PACKET_UDP, POD_B, WORLD, 8080, 4000 }, .before = node_port,
		  .fate = TO_STACK },
		{ TO_WIRE, { PACKET_UDP, POD_B, WORLD, 8080, 4000 }, .marked = true,
		  .fate = TO_STACK } } },
	{ "before any policy", BOTH, {
		ASKS(WORLD, .before = no_policy_yet, .fate = TO_STACK) } },
	{ "without services", BOTH, { ASKS(WORLD, .before = no_services, .fate = TO_STACK) } },
};

static void clients_are_remembered(bool v6)
{
	balancer_away(v6);
	affinity_set(WEB, 100);
}

static void others_get_c(bool v6)
{
	backend_put(2, WEB, POD_C, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 2, 1);
}

static void b_hears_nobody_from_now_on(bool v6)
{
	b_hears_nobody(v6);
	the_generation_turns(v6);
}

static void backend_ends(bool v6)
{
	others_get_c(v6);
	backend_put(1, WEB, POD_AWAY, 8080, 0);
	backend_end(1);
}

#define UDP_ASKS(who, ...) { FROM_WIRE, { PACKET_UDP, who, VIP, 4000, 80 }, __VA_ARGS__ }
#define UDP_GOT(from, by) .becomes = PTR({ PACKET_UDP, from, by, 4000, 8080 })
#define UDP_AWAY .fate = TO_WORLD, \
	.becomes = PTR({ PACKET_UDP, HOST, POD_AWAY, SOURCE_PORT, 8080 })
#define AWAY(flags_) .fate = TO_WORLD, \
	.becomes = PTR({ PACKET_TCP, HOST, POD_AWAY, SOURCE_PORT, 8080, flags_ })
#define MORE(...) { FROM_WIRE, { PACKET_TCP, WORLD, VIP, 4000, 80, ACK }, __VA_ARGS__ }

static const struct scene life[] = {
	{ "affinity is the client's, not the node's", BOTH, {
		UDP_ASKS(WORLD, .before = clients_are_remembered, UDP_AWAY),
		UDP_ASKS(WORLD_2, .before = others_get_c, UDP_GOT(WORLD_2, POD_C)),
		ASKS(WORLD, AWAY(SYN)) } },
	{ "a backend that ends: UDP gets another one", BOTH, {
		UDP_ASKS(WORLD, .before = balancer_away, UDP_AWAY),
		UDP_ASKS(WORLD, .before = backend_ends, UDP_GOT(WORLD, POD_C)) } },
	{ "a backend that ends: TCP goes on", BOTH, {
		ASKS(WORLD, .before = balancer_away, AWAY(SYN)),
		MORE(.before = backend_ends, AWAY(ACK)) } },
	{ "policy changes: it is judged again", BOTH, {
		ASKS(WORLD, .before = balancer, GOT(WORLD, POD_B)),
		MORE(DROP_POLICY_INGRESS, .before = b_hears_nobody_from_now_on) } },
	{ "the generation turns", BOTH, {
		ASKS(WORLD, .before = balancer_away, AWAY(SYN)),
		{ FROM_WIRE, { PACKET_TCP, POD_AWAY, HOST, 8080, SOURCE_PORT, SYN | ACK },
		  .before = the_generation_turns, .fate = TO_WORLD,
		  .becomes = PTR({ PACKET_TCP, VIP, WORLD, 80, 4000, SYN | ACK }) },
		MORE(AWAY(ACK)), MORE(.before = the_generation_turns, AWAY(ACK)) } },
};

START_TEST(the_traffic_policy_says_which_backends)
{
	PLAY(sets);
}
END_TEST

START_TEST(who_may_not_is_refused)
{
	PLAY(refused);
}
END_TEST

START_TEST(what_is_no_services_is_left_alone)
{
	PLAY(alone);
}
END_TEST

START_TEST(connections_remember_their_backend)
{
	PLAY(life);
}
END_TEST

ENGINE_MAIN("uplink_choice", SCENES(the_traffic_policy_says_which_backends, sets),
	    SCENES(who_may_not_is_refused, refused),
	    SCENES(what_is_no_services_is_left_alone, alone),
	    SCENES(connections_remember_their_backend, life))
