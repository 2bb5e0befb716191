/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole frames from a description: Ethernet, IPv4 or IPv6, transport, with
 * correct checksums. Descriptions are short enough to stand in tables, and one
 * serves both families: addresses are people (enum who), not numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/types.h"

#define FRAME_MAX 4096

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len;
	size_t l4; /* offset of the transport header, or of the fragment's payload */
};

/* Everybody who appears in the tests; each has an address of either family. */
enum who {
	NOBODY, /* unspecified address */
	POD_A,
	POD_B,
	POD_C, /* another plugin's link: chained */
	POD_AWAY, /* pod of another node */
	HOST, /* this node */
	NODE, /* another node */
	WORLD,
	WORLD_2,
	GATEWAY,
	LOCAL_A, /* link-local address of POD_A; IPv4: 169.254.0.0/16 */
	LOCAL_B,
	LOCAL_GATEWAY, /* link-local address of the host side */
	ALL_NODES, /* multicast; its MAC address is the one for broadcast */
	MAPPED, /* ::ffff:10.1.0.3 as an IPv6 address */
	VIP, /* addresses of services */
	VIP_2,
	LOOPBACK,
	LOST, /* nobody knows the way there */
	WHO_MAX,
};

enum packet_kind {
	PACKET_TCP,
	PACKET_UDP,
	PACKET_SCTP,
	PACKET_ECHO,
	PACKET_ECHO_REPLY,
	PACKET_ICMP, /* @type of the family's ICMP */
	PACKET_ERROR, /* destination unreachable about @quote; @type overrides */
	PACKET_SOLICIT, /* neighbour solicitation, or ARP request, for @target */
	PACKET_ADVERT, /* neighbour advertisement, or ARP reply, of @target */
	PACKET_PROTO, /* IP protocol @type */
	PACKET_ETHER, /* ethertype @sport, no IP */
};

enum tcp_bits {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	ACK = 0x10,
};

struct packet {
	enum packet_kind kind;
	enum who src, dst;
	uint16_t sport, dport; /* host order; echo: @sport is the identifier */
	uint8_t flags; /* TCP; SCTP: type of the first chunk; neighbour advertisement: 0 is 0x60 */
	uint8_t type, code;
	uint8_t hops; /* 0: 64, neighbour discovery: 255 */
	enum who mac; /* source MAC of somebody else; NOBODY: of @src */
	enum who to_mac; /* destination MAC of somebody else; NOBODY: of @dst */
	uint8_t options; /* IPv4: so many words of them, all No Operation */
	enum who target;
	const struct packet *quote;
	/* A fragment when @id: of a datagram, from byte @offset, @more to come. */
	uint32_t id;
	uint16_t offset;
	bool more;
	uint8_t extensions[8]; /* IPv6 headers in between, by number, ended by 0 */
	uint16_t payload; /* bytes after the transport header */
	bool crc; /* SCTP: with its checksum, and not left to the device */
	/* Damage, done last. */
	uint16_t cut; /* bytes off the end */
	int16_t poke_at; /* this byte becomes @poke; negative: counted from the transport header */
	uint8_t poke;
};

/* poke_at of byte @n of the transport header. */
#define AT_L4(n) (-1 - (n))

void packet_build(struct frame *ret, const struct packet *packet, bool v6);

/* Its transport protocol, IPPROTO_*. */
uint8_t packet_proto(const struct packet *packet, bool v6);

/* Address and MAC of somebody. IPv4 addresses are v4-mapped. */
struct ip_addr who_addr(enum who who, bool v6);
void who_mac(uint8_t ret[6], enum who who);

/* Internet checksum of the frame's parts as they are now; true: all correct. */
bool frame_checksums_fit(const struct frame *frame);
