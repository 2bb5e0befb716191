// SPDX-License-Identifier: Apache-2.0
/* Services without a backend: who asks is told, or not. */
#include <arpa/inet.h>
#include <string.h>

#include "engine_main.h"
#include "services.h"

#define WEB 1

static void web(uint32_t flags, enum service_empty cluster, enum service_empty local)
{
	frontend_put(VIP, 80, 6, WEB, flags);
	frontend_put(VIP, 80, 17, WEB, flags);
	frontend_put(VIP, 80, 132, WEB, flags);
	set_empty(WEB, SERVICE_CLUSTER, cluster);
	set_empty(WEB, SERVICE_LOCAL, local);
}

static void web_is_empty(bool v6)
{
	web(FRONTEND_WHOLE, SERVICE_REFUSE, SERVICE_REFUSE);
}

static void node_port_is_empty(bool v6)
{
	web(0, SERVICE_REFUSE, SERVICE_REFUSE);
}

static void web_is_local_and_elsewhere(bool v6)
{
	web(FRONTEND_WHOLE | FRONTEND_LOCAL, SERVICE_REFUSE, SERVICE_SILENT);
}

static void web_was_there(bool v6)
{
	web_is_empty(v6);
	services_set(0);
}

static const uint8_t *ip_of(const struct frame *frame)
{
	return frame->data + 14;
}

static uint32_t word(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

static uint16_t half(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* From the service to POD_A, on POD_A's own link, with the protocol. */
static const uint8_t *answer_of(const struct frame *out, bool v6, uint8_t proto, size_t length)
{
	struct ip_addr vip = who_addr(VIP, v6), pod = who_addr(POD_A, v6);
	size_t size = v6 ? 16 : 4, head = v6 ? 40 : 20;
	uint8_t mac[6];

	who_mac(mac, POD_A);
	ck_assert_mem_eq(out->data, mac, 6);
	who_mac(mac, VIP);
	ck_assert_mem_eq(out->data + 6, mac, 6);
	ck_assert_uint_eq(out->len, 14 + head + length);
	ck_assert_uint_eq(ip_of(out)[v6 ? 6 : 9], proto);
	ck_assert_uint_eq(ip_of(out)[v6 ? 7 : 8], 64);
	ck_assert_uint_eq(half(ip_of(out) + (v6 ? 4 : 2)), length + (v6 ? 0 : head));
	ck_assert_mem_eq(ip_of(out) + (v6 ? 8 : 12), vip.bytes + 16 - size, size);
	ck_assert_mem_eq(ip_of(out) + (v6 ? 24 : 16), pod.bytes + 16 - size, size);
	return ip_of(out) + head;
}

static void expect_reset(const struct frame *out, bool v6, uint32_t seq, uint32_t ack,
			 uint8_t flags)
{
	const uint8_t *tcp = answer_of(out, v6, 6, 20);

	ck_assert_uint_eq(half(tcp), 80);
	ck_assert_uint_eq(half(tcp + 2), 4000);
	ck_assert_uint_eq(word(tcp + 4), seq);
	ck_assert_uint_eq(word(tcp + 8), ack);
	ck_assert_uint_eq(tcp[12], 5 << 4);
	ck_assert_uint_eq(tcp[13], flags);
	ck_assert_uint_eq(half(tcp + 14), 0);
}

/* The packets' sequence number is 1, their acknowledgement 2 (packet.c). */
static void syn_is_reset(bool v6, const struct frame *out)
{
	expect_reset(out, v6, 0, 2, RST | ACK);
}

static void syn_with_data_is_reset(bool v6, const struct frame *out)
{
	expect_reset(out, v6, 0, 2 + 100, RST | ACK);
}

static void ack_is_reset(bool v6, const struct frame *out)
{
	expect_reset(out, v6, 2, 0, RST);
}

/* Port unreachable with as much of the packet as there is room for. */
static void expect_unreachable(const struct packet *packet, const struct frame *out, bool v6)
{
	struct frame in;
	const uint8_t *icmp;
	size_t quoted;

	packet_build(&in, packet, v6);
	quoted = in.len - 14 < 504 ? in.len - 14 : 504;
	icmp = answer_of(out, v6, v6 ? 58 : 1, 8 + quoted);
	ck_assert_uint_eq(icmp[0], v6 ? 1 : 3);
	ck_assert_uint_eq(icmp[1], v6 ? 4 : 3);
	ck_assert_uint_eq(word(icmp + 4), 0);
	ck_assert_mem_eq(icmp + 8, in.data + 14, quoted);
}

static const struct packet
	small = { PACKET_UDP, POD_A, VIP, 4000, 80, .payload = 5 },
	large = { PACKET_UDP, POD_A, VIP, 4000, 80, .payload = 1300 },
	other_port = { PACKET_UDP, POD_A, VIP, 4000, 81, .payload = 20 },
	sctp = { PACKET_SCTP, POD_A, VIP, 4000, 80, 1 },
	first = { PACKET_UDP, POD_A, VIP, 4000, 80, .id = 9, .more = true, .payload = 64 };

static void small_is_unreachable(bool v6, const struct frame *out)
{
	expect_unreachable(&small, out, v6);
}

static void large_is_unreachable(bool v6, const struct frame *out)
{
	expect_unreachable(&large, out, v6);
}

static void other_is_unreachable(bool v6, const struct frame *out)
{
	expect_unreachable(&other_port, out, v6);
}

static void sctp_is_unreachable(bool v6, const struct frame *out)
{
	expect_unreachable(&sctp, out, v6);
}

static void first_is_unreachable(bool v6, const struct frame *out)
{
	expect_unreachable(&first, out, v6);
}

#define TO_WEB(bits, ...) { PACKET_TCP, POD_A, VIP, 4000, 80, bits, __VA_ARGS__ }

static const struct scene rejected[] = {
	{ "TCP SYN", BOTH, {
		{ FROM_POD, TO_WEB(SYN), DROP_SERVICE_NO_ENDPOINT, .before = web_is_empty,
		  .rejected = true, .after = syn_is_reset } } },
	{ "TCP SYN with data", BOTH, {
		{ FROM_POD, TO_WEB(SYN, .payload = 100), DROP_SERVICE_NO_ENDPOINT,
		  .before = web_is_empty, .rejected = true, .after = syn_with_data_is_reset } } },
	{ "TCP SYN behind extension headers", ONLY_V6, {
		{ FROM_POD, TO_WEB(SYN, .extensions = { 60 }), DROP_SERVICE_NO_ENDPOINT,
		  .before = web_is_empty, .rejected = true, .after = syn_is_reset } } },
	{ "TCP in the middle", BOTH, {
		{ FROM_POD, TO_WEB(ACK, .payload = 40), DROP_SERVICE_BACKEND_GONE,
		  .before = web_is_empty, .rejected = true, .after = ack_is_reset } } },
	{ "UDP", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80, .payload = 5 },
		  DROP_SERVICE_NO_ENDPOINT, .before = web_is_empty, .rejected = true,
		  .after = small_is_unreachable } } },
	{ "UDP, too much to quote", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80, .payload = 1300 },
		  DROP_SERVICE_NO_ENDPOINT, .before = web_is_empty, .rejected = true,
		  .after = large_is_unreachable } } },
	{ "SCTP", BOTH, {
		{ FROM_POD, { PACKET_SCTP, POD_A, VIP, 4000, 80, 1 }, DROP_SERVICE_NO_ENDPOINT,
		  .before = web_is_empty, .rejected = true, .after = sctp_is_unreachable } } },
	{ "no such port", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 81, .payload = 20 },
		  DROP_SERVICE_NO_PORT, .before = web_is_empty, .rejected = true,
		  .after = other_is_unreachable } } },
	{ "a first fragment", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80, .id = 9, .more = true,
			      .payload = 64 }, DROP_SERVICE_NO_ENDPOINT, .before = web_is_empty,
		  .rejected = true, .after = first_is_unreachable } } },
};

static const struct scene dropped[] = {
	{ "a later fragment", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80, .id = 9, .more = true,
			      .payload = 64 }, DROP_SERVICE_NO_ENDPOINT, .before = web_is_empty,
		  .rejected = true },
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 80, .id = 9, .offset = 72,
			      .payload = 64 }, DROP_SERVICE_NO_ENDPOINT } } },
	{ "policy Local, endpoints elsewhere", BOTH, {
		{ FROM_POD, TO_WEB(SYN), DROP_SERVICE_NOT_LOCAL,
		  .before = web_is_local_and_elsewhere } } },
	{ "echo", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, VIP, 7 }, DROP_SERVICE_NO_PORT,
		  .before = web_is_empty } } },
	{ "another protocol", BOTH, {
		{ FROM_POD, { PACKET_PROTO, POD_A, VIP, .type = 47, .payload = 8 },
		  DROP_SERVICE_NO_PORT, .before = web_is_empty } } },
	{ "a reset in the middle", BOTH, {
		{ FROM_POD, TO_WEB(RST), DROP_CT_INVALID, .before = web_is_empty } } },
};

static const struct scene untouched[] = {
	{ "another port of the node's address", BOTH, {
		{ FROM_POD, { PACKET_UDP, POD_A, VIP, 4000, 81 }, .fate = TO_STACK,
		  .before = node_port_is_empty } } },
	{ "echo to the node's address", BOTH, {
		{ FROM_POD, { PACKET_ECHO, POD_A, VIP, 7 }, .fate = TO_STACK,
		  .before = node_port_is_empty } } },
	{ "no services at all", BOTH, {
		{ FROM_POD, TO_WEB(SYN), .fate = TO_STACK, .before = web_was_there } } },
};

START_TEST(who_asks_in_vain_is_told)
{
	PLAY(rejected);
}
END_TEST

START_TEST(who_must_not_be_told_is_not)
{
	PLAY(dropped);
}
END_TEST

START_TEST(what_is_no_services_passes)
{
	PLAY(untouched);
}
END_TEST

START_TEST(refusals_leave_no_connection)
{
	const struct step syn = { FROM_POD, TO_WEB(SYN), DROP_SERVICE_NO_ENDPOINT,
				  .rejected = true };

	world_reset();
	web_is_empty(_i);
	step_play(&syn, _i, "a SYN");
	ck_assert_uint_eq(ct_count("ct4") + ct_count("ct6") + ct_count("ct4_new") +
			  ct_count("ct6_new"), 0);
}
END_TEST

static const bool families[] = { false, true };

ENGINE_MAIN("service_refused", SCENES(who_asks_in_vain_is_told, rejected),
	    SCENES(who_must_not_be_told_is_not, dropped),
	    SCENES(what_is_no_services_passes, untouched),
	    CHECK_LOOP(refusals_leave_no_connection, families))
