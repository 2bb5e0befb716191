// SPDX-License-Identifier: Apache-2.0
/*
 * Direct server return: what goes on to another node as it came, what that node makes of it,
 * and what is translated all the same.
 */
#include <arpa/inet.h>
#include <string.h>

#include "engine_main.h"
#include "masqueraded.h"
#include "ruleset.h"
#include "services.h"

#define WEB 1
#define LAST (DIRECT_HOPS) /* hops that a packet has left when it was sent on */

static void web(enum who vip, uint16_t port, enum who who, uint32_t flags)
{
	frontend_put(vip, port, 6, WEB, flags);
	frontend_put(vip, port, 17, WEB, flags);
	frontend_put(vip, port, 132, WEB, flags);
	backend_put(1, WEB, who, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_empty(WEB, SERVICE_LOCAL, SERVICE_SILENT);
}

static void balancer_away(bool v6)
{
	web(VIP, 80, POD_AWAY, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void node_port_away(bool v6)
{
	web(HOST, 80, POD_AWAY, FRONTEND_EXTERNAL);
}

/* Others choose from the pod of the other node and from one here, in this order. */
static void balancer_and_masquerade(bool v6)
{
	balancer_away(v6);
	masquerade_set(MASQUERADE_ON, HOST);
}

static void balancer_both(bool v6)
{
	balancer_away(v6);
	backend_put(2, WEB, POD_B, 8080, BACKEND_IN_CLUSTER | BACKEND_IN_LOCAL);
	set_put(WEB, SERVICE_LOCAL, 2, 1);
}

static void node_port_both(bool v6)
{
	balancer_both(v6);
	frontend_put(HOST, 80, 17, WEB, FRONTEND_EXTERNAL);
	frontend_put(HOST, 80, 6, WEB, FRONTEND_EXTERNAL);
}

static void balancer_here(bool v6)
{
	web(VIP, 80, POD_B, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void balancer_outside(bool v6)
{
	web(VIP, 80, WORLD_2, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void balancer_at_other_node(bool v6)
{
	web(VIP, 80, NODE, FRONTEND_EXTERNAL | FRONTEND_WHOLE);
}

static void affinity(bool v6)
{
	balancer_away(v6);
	affinity_set(WEB, 100);
}

static void ranges(bool v6)
{
	web(VIP, 80, POD_AWAY, FRONTEND_EXTERNAL | FRONTEND_WHOLE | FRONTEND_RANGES);
	range_put(WEB, WORLD_2, 32, 128);
}

static void ranges_both(bool v6)
{
	ranges(v6);
	backend_put(2, WEB, POD_B, 8080, BACKEND_IN_LOCAL);
	set_put(WEB, SERVICE_LOCAL, 2, 1);
}

static void only_local(bool v6)
{
	web(VIP, 80, POD_AWAY, FRONTEND_EXTERNAL | FRONTEND_WHOLE | FRONTEND_LOCAL);
}

/* POD_AWAY is not chosen any more, but serves until its connections end. */
static void others_get_b(bool v6)
{
	backend_put(2, WEB, POD_B, 8080, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 2, 1);
}

static void backend_ends(bool v6)
{
	others_get_b(v6);
	backend_end(1);
}

static void backend_and_pod_end(bool v6)
{
	backend_ends(v6);
	peer_clear(POD_AWAY);
}

static void the_gateway_is_no_node(bool v6)
{
	balancer_away(v6);
	peer_clear(NODE);
}

static void service_ends(bool v6)
{
	frontend_clear(VIP, 80, 17);
	the_generation_turns(v6);
	the_generation_turns(v6);
}

/* Only the client itself may reach the pod here. */
static void b_hears_world_only(bool v6)
{
	static const struct rules rules = {
		.flags = RULESET_ISOLATED, .tier_end = { 0, 1, 1 }, .count = 1,
		.rules = { { .cidr4 = "198.51.100.0/24", .cidr6 = "2001:db8:ffff::/48",
			     .proto = 17, .port = 8080 } } };

	balancer_both(v6);
	ruleset_write(1, &rules);
	endpoint_ruleset(POD_B, 1, POLICY_INGRESS, 1);
}

static void b_hears_nobody_else(bool v6)
{
	balancer_both(v6);
	b_hears_nobody(v6);
}

#define PTR(...) (&(const struct packet)__VA_ARGS__)
#define PACKET(src_, dst_, sport_, dport_, ...) \
	{ .src = src_, .dst = dst_, .sport = sport_, .dport = dport_, .kind = __VA_ARGS__ }
#define ASKS(...) PACKET(WORLD, VIP, 4000, 80, __VA_ARGS__)
/* It leaves as it came, but for its hops. */
#define SENT_ON(via, event, ...) { via, ASKS(__VA_ARGS__), .before = event, \
	.fate = TO_WORLD, .next = NODE, \
	.becomes = PTR(ASKS(__VA_ARGS__, .hops = LAST + 1)) }
/* It is this node's own, as without direct return. */
#define TRANSLATED(event, who, ...) { FROM_WIRE, ASKS(__VA_ARGS__), .before = event, \
	.fate = TO_WORLD, .becomes = PTR(PACKET(HOST, who, SOURCE_PORT, 8080, __VA_ARGS__)) }
#define AT_B(event, ...) { FROM_WIRE, ASKS(__VA_ARGS__), .before = event, \
	.becomes = PTR(PACKET(WORLD, POD_B, 4000, 8080, __VA_ARGS__)) }
#define LEFT(event, ...) { EDGE, ASKS(__VA_ARGS__), .before = event, .fate = TO_STACK }
#define ON_WIRE(...) SENT_ON(FROM_WIRE, __VA_ARGS__)
#define ON_EDGE(...) SENT_ON(EDGE, __VA_ARGS__)
#define TCP(flags_) PACKET_TCP, .flags = flags_
#define UDP PACKET_UDP, .payload = 9
#define WITH_HOPS(via, event, hops_) { via, ASKS(UDP, .hops = hops_), .before = event, \
	.fate = TO_WORLD, .next = NODE, .becomes = PTR(ASKS(UDP, .hops = LAST + 1)) }
#define EACH_WAY(name, event, ...) \
	{ name ", TC", BOTH, { ON_WIRE(event, __VA_ARGS__), ON_WIRE(NULL, __VA_ARGS__) } }, \
	{ name ", XDP", BOTH, { ON_EDGE(event, __VA_ARGS__), ON_EDGE(NULL, __VA_ARGS__) } }

static const struct scene sent_on[] = {
	EACH_WAY("UDP", balancer_away, UDP),
	EACH_WAY("TCP opens", balancer_away, TCP(SYN)),
	EACH_WAY("the middle of a connection", balancer_away, TCP(ACK)),
	EACH_WAY("its end", balancer_away, TCP(FIN | ACK)),
	{ "as many hops as there are", BOTH, {
		WITH_HOPS(FROM_WIRE, balancer_away, 255), WITH_HOPS(EDGE, NULL, 255) } },
	{ "as few as there may be", BOTH, {
		WITH_HOPS(FROM_WIRE, balancer_away, LAST + 1), WITH_HOPS(EDGE, NULL, LAST + 1) } },
	{ "a connection", BOTH, {
		ON_EDGE(balancer_away, TCP(SYN)), ON_WIRE(NULL, TCP(ACK)),
		ON_EDGE(NULL, TCP(ACK), .payload = 800), ON_WIRE(NULL, TCP(FIN | ACK)),
		ON_EDGE(NULL, TCP(ACK)), ON_EDGE(NULL, TCP(RST)) } },
	{ "it stays with a backend that others do not get any more", BOTH, {
		ON_EDGE(balancer_away, TCP(SYN)), ON_EDGE(others_get_b, TCP(ACK)),
		ON_WIRE(NULL, TCP(ACK)) } },
	{ "TCP stays while the pod is there", BOTH, {
		ON_EDGE(balancer_away, TCP(SYN)), ON_EDGE(backend_ends, TCP(ACK)),
		LEFT(NULL, TCP(SYN)), AT_B(NULL, TCP(SYN)) } },
	{ "and not longer", BOTH, {
		ON_EDGE(balancer_away, TCP(SYN)), LEFT(backend_and_pod_end, TCP(ACK)),
		AT_B(NULL, TCP(ACK)) } },
	{ "UDP leaves a backend that ends", BOTH, {
		ON_EDGE(balancer_away, UDP), LEFT(backend_ends, UDP), AT_B(NULL, UDP),
		LEFT(NULL, UDP) } },
	{ "UDP stays in another generation of policy", BOTH, {
		ON_EDGE(balancer_away, UDP), ON_EDGE(the_generation_turns, UDP),
		ON_WIRE(the_generation_turns, UDP) } },
	{ "and ends with its service", BOTH, {
		ON_EDGE(balancer_away, UDP), LEFT(service_ends, UDP),
		{ FROM_WIRE, ASKS(UDP), DROP_SERVICE_NO_PORT, .rejected = true } } },
	{ "what one end has closed opens anew", BOTH, {
		ON_EDGE(balancer_away, TCP(SYN)), ON_EDGE(NULL, TCP(FIN | ACK)),
		ON_EDGE(others_get_b, TCP(ACK)), LEFT(NULL, TCP(SYN)), AT_B(NULL, TCP(SYN)) } },
	{ "a NodePort", BOTH, {
		{ EDGE, { PACKET_UDP, WORLD, HOST, 4000, 80 }, .before = node_port_away,
		  .fate = TO_WORLD, .next = NODE,
		  .becomes = PTR({ PACKET_UDP, WORLD, HOST, 4000, 80, .hops = LAST + 1 }) } } },
	{ "fragments", BOTH, {
		ON_WIRE(balancer_away, PACKET_UDP, .id = 7, .more = true, .payload = 64),
		ON_WIRE(NULL, PACKET_UDP, .id = 7, .offset = 72, .payload = 64) } },
};

#define FEW UDP, .hops = LAST
static const struct scene translated[] = {
	{ "few hops left: it may have been sent on before", BOTH, {
		LEFT(balancer_away, FEW), TRANSLATED(NULL, POD_AWAY, FEW), LEFT(NULL, UDP),
		TRANSLATED(NULL, POD_AWAY, UDP) } },
	{ "the same, of a connection that went directly", BOTH, {
		ON_WIRE(balancer_away, UDP), LEFT(NULL, FEW), TRANSLATED(NULL, POD_AWAY, FEW),
		TRANSLATED(NULL, POD_AWAY, UDP) } },
	{ "SCTP", BOTH, { TRANSLATED(balancer_away, POD_AWAY, PACKET_SCTP, .flags = 1) } },
	{ "a backend outside", BOTH, {
		LEFT(balancer_outside, UDP), TRANSLATED(NULL, WORLD_2, UDP) } },
	{ "another node itself", BOTH, {
		LEFT(balancer_at_other_node, UDP), TRANSLATED(NULL, NODE, UDP) } },
	{ "a router between", BOTH, {
		LEFT(the_gateway_is_no_node, UDP), TRANSLATED(NULL, POD_AWAY, UDP) } },
	{ "affinity", BOTH, { LEFT(affinity, UDP), TRANSLATED(NULL, POD_AWAY, UDP) } },
	{ "a backend here", BOTH, { LEFT(balancer_here, UDP), AT_B(NULL, UDP) } },
	{ "extension headers", ONLY_V6, {
		LEFT(balancer_away, UDP, .extensions = { 60 }) } },
	{ "options", ONLY_V4, {
		{ FROM_WIRE, ASKS(UDP, .options = 1), DROP_NO_ROUTE, .rejected = true,
		  .before = balancer_away } } },
};

static const struct scene refused[] = {
	{ "not in the source ranges", BOTH, {
		LEFT(ranges, UDP), { FROM_WIRE, ASKS(UDP), DROP_SERVICE_SOURCE } } },
	{ "policy Local without a backend here", BOTH, {
		LEFT(only_local, UDP), { FROM_WIRE, ASKS(UDP), DROP_SERVICE_NOT_LOCAL } } },
	{ "too long for the way", BOTH, {
		LEFT(balancer_away, PACKET_UDP, .payload = 1600),
		{ FROM_WIRE, ASKS(PACKET_UDP, .payload = 1600), DROP_TOO_LONG,
		  .rejected = true } } },
	{ "this node's own address", BOTH, {
		{ EDGE, { PACKET_UDP, HOST, VIP, 4000, 80 }, .before = balancer_away,
		  .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_UDP, HOST, VIP, 4000, 80 }, DROP_POD_FROM_WIRE } } },
	{ "a pod's of this node", BOTH, {
		{ EDGE, { PACKET_UDP, POD_A, VIP, 4000, 80 }, .before = balancer_away,
		  .fate = TO_STACK },
		{ FROM_WIRE, { PACKET_UDP, POD_A, VIP, 4000, 80 }, DROP_POD_FROM_WIRE } } },
};

/* At the node that gets it. Anybody can write such a packet: it can do no more than others. */
#define AT_NODE(...) PACKET(WORLD, NODE, 4000, 80, __VA_ARGS__, .to_mac = HOST)
static const struct scene received[] = {
	{ "a backend here is chosen before others", BOTH, {
		LEFT(balancer_both, FEW), AT_B(NULL, FEW), AT_B(NULL, FEW), AT_B(NULL, UDP),
		{ FROM_POD, { PACKET_UDP, POD_B, WORLD, 8080, 4000 }, .fate = TO_STACK,
		  .marked = true },
		{ TO_WIRE, { PACKET_UDP, POD_B, WORLD, 8080, 4000 }, .fate = TO_STACK,
		  .marked = true, .becomes = PTR({ PACKET_UDP, VIP, WORLD, 80, 4000 }) },
		AT_B(NULL, FEW) } },
	{ "a NodePort of the other node", BOTH, {
		{ FROM_WIRE, AT_NODE(UDP, .hops = LAST), .before = node_port_both,
		  .becomes = PTR({ PACKET_UDP, WORLD, POD_B, 4000, 8080, .payload = 9,
				   .hops = LAST }) },
		{ FROM_POD, { PACKET_UDP, POD_B, WORLD, 8080, 4000 }, .fate = TO_STACK,
		  .marked = true },
		{ TO_WIRE, { PACKET_UDP, POD_B, WORLD, 8080, 4000 }, .fate = TO_STACK,
		  .marked = true, .becomes = PTR({ PACKET_UDP, NODE, WORLD, 80, 4000 }) } } },
	{ "which was not sent on is that node's", BOTH, {
		{ FROM_WIRE, AT_NODE(UDP), .before = node_port_both, .fate = TO_STACK } } },
	{ "and another port of it too", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, NODE, 4000, 81, .hops = LAST, .to_mac = HOST },
		  .before = node_port_both, .fate = TO_STACK } } },
	{ "and an address that is no node's", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD, WORLD_2, 4000, 80, .hops = LAST },
		  .before = node_port_both, .fate = TO_STACK } } },
	{ "policy judges the client itself", BOTH, { AT_B(b_hears_world_only, FEW) } },
	{ "and refuses others", BOTH, {
		{ FROM_WIRE, { PACKET_UDP, WORLD_2, VIP, 4000, 80, .hops = LAST },
		  DROP_POLICY_INGRESS, .before = b_hears_world_only } } },
	{ "and everybody", BOTH, {
		{ FROM_WIRE, ASKS(FEW), DROP_POLICY_INGRESS, .before = b_hears_nobody_else } } },
	{ "source ranges are asked for again", BOTH, {
		{ FROM_WIRE, ASKS(FEW), DROP_SERVICE_SOURCE, .before = ranges_both } } },
};

#define ERROR_ABOUT_ANSWER(...) { PACKET_ERROR, WORLD_2, VIP, \
	.quote = PTR({ PACKET_UDP, VIP, WORLD, 80, 4000 }), __VA_ARGS__ }
static const struct scene errors[] = {
	{ "about an answer of another node", BOTH, {
		ON_WIRE(balancer_away, UDP),
		{ FROM_WIRE, ERROR_ABOUT_ANSWER(), .fate = TO_WORLD, .next = NODE,
		  .becomes = PTR(ERROR_ABOUT_ANSWER(.hops = LAST + 1)) } } },
	{ "of a connection that is not known", BOTH, {
		{ FROM_WIRE, ERROR_ABOUT_ANSWER(), .before = balancer_away, .fate = TO_WORLD,
		  .next = NODE, .becomes = PTR(ERROR_ABOUT_ANSWER(.hops = LAST + 1)) } } },
	{ "about one that is translated here", BOTH, {
		TRANSLATED(affinity, POD_AWAY, UDP),
		{ FROM_WIRE, { PACKET_ERROR, WORLD_2, VIP,
			       .quote = PTR({ PACKET_UDP, VIP, WORLD, 80, 4000 }) },
		  .fate = TO_WORLD,
		  .becomes = PTR({ PACKET_ERROR, WORLD_2, POD_AWAY,
				   .quote = PTR({ PACKET_UDP, POD_AWAY, HOST, 8080,
						  SOURCE_PORT }) }) } } },
};

START_TEST(another_node_gets_it_as_it_came)
{
	PLAY(sent_on);
}
END_TEST

START_TEST(what_does_not_fit_is_translated)
{
	PLAY(translated);
}
END_TEST

START_TEST(who_may_not_is_refused)
{
	PLAY(refused);
}
END_TEST

START_TEST(the_node_that_gets_it_serves_it)
{
	PLAY(received);
}
END_TEST

START_TEST(errors_go_to_whoever_answers)
{
	PLAY(errors);
}
END_TEST

static const struct step steps[] = { ON_EDGE(balancer_away, TCP(SYN)), ON_EDGE(NULL, TCP(ACK)) };

/* Nothing is left of it but the choice, and a flood of it leaves answered connections alone. */
START_TEST(the_choice_is_remembered_among_those_without_answer)
{
	static const struct packet asked = ASKS(TCP(ACK));
	struct ct_entry entry;

	world_reset();
	for (int i = 0; i < 2; i++)
		step_play(&steps[i], _i, "the connection");
	ck_assert(ct_get("_new", &entry, &asked, _i));
	ck_assert(!ct_get("", &entry, &asked, _i));
	ck_assert_uint_eq(entry.packets[entry.opener], 2);
	ck_assert_uint_eq(ct_count(map_of("ct", _i, "_new")), 1);
}
END_TEST

static const struct scene masqueraded[] = {
	{ "UDP", BOTH, {
		MASQ_LEAVES(balancer_and_masquerade, UDP),
		MASQ_LEFT(UDP), MASQ_COMES(UDP), MASQ_LEFT(UDP), MASQ_COMES(UDP) } },
	{ "TCP", BOTH, {
		MASQ_LEAVES(balancer_and_masquerade, TCP(SYN)),
		MASQ_LEFT(TCP(SYN | ACK)), MASQ_COMES(TCP(SYN | ACK)),
		MASQ_LEAVES(NULL, TCP(ACK)), MASQ_LEFT(TCP(ACK)), MASQ_COMES(TCP(ACK)) } },
};

START_TEST(the_answer_to_a_masqueraded_connection_stays_here)
{
	PLAY(masqueraded);
}
END_TEST

static const bool families[] = { false, true };

int main(void)
{
	const struct check_row tests[] = {
		SCENES(another_node_gets_it_as_it_came, sent_on),
		SCENES(what_does_not_fit_is_translated, translated),
		SCENES(who_may_not_is_refused, refused),
		SCENES(the_node_that_gets_it_serves_it, received),
		SCENES(errors_go_to_whoever_answers, errors),
		SCENES(the_answer_to_a_masqueraded_connection_stays_here, masqueraded),
		CHECK_LOOP(the_choice_is_remembered_among_those_without_answer, families),
	};
	struct node_config config = engine_config;

	config.direct = 1;
	return engine_main("direct", &config, tests, CHECK_COUNT(tests));
}
