// SPDX-License-Identifier: Apache-2.0
#include "packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define ETH_LEN 14
#define IP4_LEN 20
#define IP6_LEN 40

static const struct {
	const char *v4, *v6;
	uint8_t mac; /* last byte */
} people[WHO_MAX] = {
	[NOBODY] = { "0.0.0.0", "::", 0x00 },
	[POD_A] = { "10.1.0.2", "fd01::2", 0x02 },
	[POD_B] = { "10.1.0.3", "fd01::3", 0x03 },
	[POD_C] = { "10.1.0.4", "fd01::4", 0x04 },
	[POD_AWAY] = { "10.2.0.2", "fd02::2", 0x01 },
	[HOST] = { "192.0.2.1", "2001:db8::1", 0x01 },
	[NODE] = { "192.0.2.2", "2001:db8::2", 0x0a },
	[WORLD] = { "198.51.100.7", "2001:db8:ffff::7", 0x01 },
	[WORLD_2] = { "203.0.113.9", "2001:db8:fffe::9", 0x01 },
	[GATEWAY] = { "10.1.0.1", "fd01::1", 0x01 },
	[LOCAL_A] = { "169.254.0.2", "fe80::c00:ff:fe00:2", 0x02 },
	[LOCAL_B] = { "169.254.0.3", "fe80::c00:ff:fe00:3", 0x03 },
	[LOCAL_GATEWAY] = { "169.254.0.1", "fe80::c00:ff:fe00:1", 0x01 },
	[ALL_NODES] = { "224.0.0.1", "ff02::1", 0xff },
	[MAPPED] = { "10.1.0.3", "::ffff:10.1.0.3", 0x03 },
	[VIP] = { "10.96.0.1", "fd96::1", 0x01 },
	[VIP_2] = { "10.96.0.2", "fd96::2", 0x01 },
	[LOOPBACK] = { "127.0.0.1", "::1", 0x01 },
	[LOST] = { "100.64.0.9", "2001:db8:dead::9", 0x01 },
};

struct ip_addr who_addr(enum who who, bool v6)
{
	struct ip_addr addr = {};

	if (v6)
		inet_pton(AF_INET6, people[who].v6, &addr);
	else
		ip_addr_set_v4(&addr, inet_addr(people[who].v4));
	return addr;
}

void who_mac(uint8_t ret[6], enum who who)
{
	const uint8_t mac[6] = { 0x0e, 0, 0, 0, 0, people[who].mac };

	if (who == ALL_NODES)
		memset(ret, 0xff, 6);
	else
		memcpy(ret, mac, 6);
}

static void *put(struct frame *frame, size_t len)
{
	void *at = frame->data + frame->len;

	if (frame->len + len > FRAME_MAX)
		abort();
	frame->len += len;
	return at;
}

static void put_bytes(struct frame *frame, const void *bytes, size_t len)
{
	memcpy(put(frame, len), bytes, len);
}

static void put8(struct frame *frame, uint8_t value)
{
	put_bytes(frame, &value, sizeof(value));
}

static void put16(struct frame *frame, uint16_t value)
{
	value = htons(value);
	put_bytes(frame, &value, sizeof(value));
}

static void put32(struct frame *frame, uint32_t value)
{
	value = htonl(value);
	put_bytes(frame, &value, sizeof(value));
}

static void put_mac(struct frame *frame, enum who who)
{
	who_mac(put(frame, 6), who);
}

static void put_addr(struct frame *frame, enum who who, bool v6)
{
	struct ip_addr addr = who_addr(who, v6);

	if (v6)
		put_bytes(frame, &addr, 16);
	else
		put_bytes(frame, &addr.words[3], 4);
}

static void put_payload(struct frame *frame, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put8(frame, (uint8_t)i);
}

static uint32_t sum_add(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static bool frame_is_v6(const struct frame *frame)
{
	return frame->data[12] == 0x86;
}

/* Sum over the transport header and payload with the pseudo header of @proto. */
static uint32_t sum_transport(const struct frame *frame, uint8_t proto)
{
	bool v6 = frame_is_v6(frame);
	size_t len = frame->len - frame->l4;
	uint32_t sum;

	if (proto == IPPROTO_ICMP)
		return sum_add(0, frame->data + frame->l4, len);
	sum = sum_add(0, frame->data + ETH_LEN + (v6 ? 8 : 12), v6 ? 32 : 8);
	sum += (uint32_t)len + proto;
	return sum_add(sum, frame->data + frame->l4, len);
}

uint8_t packet_proto(const struct packet *packet, bool v6)
{
	switch (packet->kind) {
	case PACKET_TCP:
		return IPPROTO_TCP;
	case PACKET_UDP:
		return IPPROTO_UDP;
	case PACKET_SCTP:
		return IPPROTO_SCTP;
	case PACKET_PROTO:
		return packet->type;
	default:
		return v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	}
}

/* Where the checksum of the protocol stands; 0: it has none that we fill. */
static size_t checksum_at(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

static void put_tcp(struct frame *frame, const struct packet *packet)
{
	put16(frame, packet->sport);
	put16(frame, packet->dport);
	put32(frame, 1);
	put32(frame, 2);
	put8(frame, 5 << 4);
	put8(frame, packet->flags);
	put16(frame, 0xffff);
	put32(frame, 0);
}

static void put_udp(struct frame *frame, const struct packet *packet)
{
	put16(frame, packet->sport);
	put16(frame, packet->dport);
	put16(frame, (uint16_t)(8 + packet->payload));
	put16(frame, 0);
}

static void put_sctp(struct frame *frame, const struct packet *packet)
{
	put16(frame, packet->sport);
	put16(frame, packet->dport);
	put32(frame, 7);
	put32(frame, 0);
	put8(frame, packet->flags);
	put8(frame, 0);
	put16(frame, (uint16_t)(4 + packet->payload));
}

static void put_icmp(struct frame *frame, uint8_t type, uint8_t code, uint16_t id)
{
	put8(frame, type);
	put8(frame, code);
	put16(frame, 0);
	put16(frame, id);
	put16(frame, 1);
}

static void put_error(struct frame *frame, const struct packet *packet, bool v6)
{
	struct frame quote;

	put_icmp(frame, packet->type ?: v6 ? 1 : 3, packet->code, 0);
	packet_build(&quote, packet->quote, v6);
	put_bytes(frame, quote.data + ETH_LEN, quote.len - ETH_LEN);
}

static void put_neighbour(struct frame *frame, const struct packet *packet)
{
	bool advert = packet->kind == PACKET_ADVERT;

	put8(frame, advert ? 136 : 135);
	put8(frame, packet->code);
	put16(frame, 0);
	put32(frame, advert ? (uint32_t)(packet->flags ?: 0x60) << 24 : 0);
	put_addr(frame, packet->target, true);
	put8(frame, advert ? 2 : 1);
	put8(frame, 1);
	put_mac(frame, packet->mac ?: packet->src);
}

static void put_transport(struct frame *frame, const struct packet *packet, bool v6)
{
	switch (packet->kind) {
	case PACKET_TCP:
		return put_tcp(frame, packet);
	case PACKET_UDP:
		return put_udp(frame, packet);
	case PACKET_SCTP:
		return put_sctp(frame, packet);
	case PACKET_ECHO:
		return put_icmp(frame, v6 ? 128 : 8, 0, packet->sport);
	case PACKET_ECHO_REPLY:
		return put_icmp(frame, v6 ? 129 : 0, 0, packet->sport);
	case PACKET_ICMP:
		return put_icmp(frame, packet->type, packet->code, packet->sport);
	case PACKET_ERROR:
		return put_error(frame, packet, v6);
	case PACKET_SOLICIT:
	case PACKET_ADVERT:
		return put_neighbour(frame, packet);
	default:
		return;
	}
}

/* Extension headers in order; @next is what follows the last. */
static void put_extensions(struct frame *frame, const struct packet *packet, uint8_t next)
{
	for (size_t i = 0; i < sizeof(packet->extensions) && packet->extensions[i]; i++) {
		uint8_t header = packet->extensions[i];
		uint8_t after = i + 1 < sizeof(packet->extensions) ? packet->extensions[i + 1] : 0;

		put8(frame, after ?: packet->id ? IPPROTO_FRAGMENT : next);
		put8(frame, 0);
		/* Options: one PadN over the rest. Routing: type 0 with no segments left. */
		put16(frame, header == IPPROTO_ROUTING ? 0 : 0x0104);
		put32(frame, 0);
	}
	if (!packet->id)
		return;
	put8(frame, next);
	put8(frame, 0);
	put16(frame, (uint16_t)(packet->offset | packet->more));
	put32(frame, packet->id);
}

static void put_ip6(struct frame *frame, const struct packet *packet, uint8_t proto, uint8_t hops)
{
	put32(frame, 6u << 28);
	put16(frame, 0);
	put8(frame, packet->extensions[0] ?: packet->id ? IPPROTO_FRAGMENT : proto);
	put8(frame, hops);
	put_addr(frame, packet->src, true);
	put_addr(frame, packet->dst, true);
	put_extensions(frame, packet, proto);
}

static void put_ip4(struct frame *frame, const struct packet *packet, uint8_t proto, uint8_t hops)
{
	put16(frame, (uint16_t)(0x4500 + (packet->options << 8)));
	put16(frame, 0);
	put16(frame, (uint16_t)packet->id);
	put16(frame, (uint16_t)(packet->offset / 8 | (packet->more ? 0x2000 : 0)));
	put8(frame, hops);
	put8(frame, proto);
	put16(frame, 0);
	put_addr(frame, packet->src, false);
	put_addr(frame, packet->dst, false);
	for (int i = 0; i < packet->options; i++)
		put32(frame, 0x01010101);
}

static void patch16(struct frame *frame, size_t at, uint16_t value)
{
	value = htons(value);
	memcpy(frame->data + at, &value, sizeof(value));
}

/* CRC32c, bit by bit, as it stands in a packet: lowest byte first. */
static uint32_t crc32c(const uint8_t *bytes, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void fill_crc(struct frame *frame)
{
	uint32_t crc = crc32c(frame->data + frame->l4, frame->len - frame->l4);

	for (int i = 0; i < 4; i++)
		frame->data[frame->l4 + 8 + (size_t)i] = (uint8_t)(crc >> 8 * i);
}

static void fill_lengths(struct frame *frame, bool v6)
{
	if (v6) {
		patch16(frame, ETH_LEN + 4, (uint16_t)(frame->len - ETH_LEN - IP6_LEN));
		return;
	}
	patch16(frame, ETH_LEN + 2, (uint16_t)(frame->len - ETH_LEN));
	patch16(frame, ETH_LEN + 10,
		sum_fold(sum_add(0, frame->data + ETH_LEN, (frame->data[ETH_LEN] & 0xfu) * 4)));
}

static void put_ip(struct frame *frame, const struct packet *packet, bool v6)
{
	bool neighbour = packet->kind == PACKET_SOLICIT || packet->kind == PACKET_ADVERT;
	uint8_t proto = packet_proto(packet, v6), hops = packet->hops ?: neighbour ? 255 : 64;

	if (v6)
		put_ip6(frame, packet, proto, hops);
	else
		put_ip4(frame, packet, proto, hops);
	frame->l4 = frame->len;
	if (!packet->offset)
		put_transport(frame, packet, v6);
	put_payload(frame, packet->payload);
	if (!packet->id && checksum_at(proto))
		patch16(frame, frame->l4 + checksum_at(proto),
			sum_fold(sum_transport(frame, proto)));
	if (packet->crc)
		fill_crc(frame);
	fill_lengths(frame, v6);
}

static void put_arp(struct frame *frame, const struct packet *packet)
{
	bool reply = packet->kind == PACKET_ADVERT;

	put16(frame, 1);
	put16(frame, 0x0800);
	put16(frame, 0x0604);
	put16(frame, reply ? 2 : 1);
	put_mac(frame, packet->mac ?: packet->src);
	/* An advertisement says whose address @target is; a request asks for it. */
	put_addr(frame, reply ? packet->target : packet->src, false);
	put_mac(frame, reply ? packet->dst : NOBODY);
	put_addr(frame, reply ? packet->dst : packet->target, false);
}

static bool is_arp(const struct packet *packet, bool v6)
{
	return !v6 && (packet->kind == PACKET_SOLICIT || packet->kind == PACKET_ADVERT);
}

static void damage(struct frame *frame, const struct packet *packet)
{
	size_t at = (size_t)packet->poke_at;

	if (packet->poke_at < 0)
		at = frame->l4 + (size_t)(-1 - packet->poke_at);
	if (packet->poke_at)
		frame->data[at] = packet->poke;
	frame->len -= packet->cut;
}

void packet_build(struct frame *ret, const struct packet *packet, bool v6)
{
	memset(ret, 0, sizeof(*ret));
	put_mac(ret, packet->to_mac ?: packet->dst);
	put_mac(ret, packet->mac ?: packet->src);
	if (packet->kind == PACKET_ETHER) {
		put16(ret, packet->sport);
		put_payload(ret, packet->payload);
	} else if (is_arp(packet, v6)) {
		put16(ret, 0x0806);
		put_arp(ret, packet);
	} else {
		put16(ret, v6 ? 0x86dd : 0x0800);
		put_ip(ret, packet, v6);
	}
	damage(ret, packet);
}

bool frame_checksums_fit(const struct frame *frame)
{
	struct frame whole = *frame;
	uint8_t proto;

	if (frame_is_v6(frame)) {
		whole.l4 = ETH_LEN + IP6_LEN;
		proto = frame->data[ETH_LEN + 6];
	} else {
		whole.l4 = ETH_LEN + IP4_LEN;
		proto = frame->data[ETH_LEN + 9];
		if (sum_fold(sum_add(0, frame->data + ETH_LEN, IP4_LEN)))
			return false;
	}
	return !checksum_at(proto) || !sum_fold(sum_transport(&whole, proto));
}
