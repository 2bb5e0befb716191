// SPDX-License-Identifier: Apache-2.0
#include "hostsim/frame_read.h"

#include <netinet/in.h>
#include <string.h>

#define ETH_BYTES 14
#define EXTENSIONS_MAX 16

/* Bytes [@at, @end) of a frame; reading beyond the end gives zeros and says so. */
struct view {
	const uint8_t *data;
	size_t at, end;
	bool broken;
};

static uint8_t peek8(struct view *view, size_t offset)
{
	if (view->at + offset >= view->end) {
		view->broken = true;
		return 0;
	}
	return view->data[view->at + offset];
}

static uint16_t peek16(struct view *view, size_t offset)
{
	return (uint16_t)(peek8(view, offset) << 8 | peek8(view, offset + 1));
}

static uint32_t peek32(struct view *view, size_t offset)
{
	return (uint32_t)peek16(view, offset) << 16 | peek16(view, offset + 2);
}

static struct ip_addr peek_addr(struct view *view, size_t offset, bool v6)
{
	struct ip_addr addr = {};
	size_t len = v6 ? 16 : 4;

	if (!v6)
		ip_addr_set_v4(&addr, 0);
	for (size_t i = 0; i < len; i++)
		addr.bytes[16 - len + i] = peek8(view, offset + i);
	return addr;
}

bool tuple_equal(const struct tuple *a, const struct tuple *b)
{
	return ip_addr_equal(&a->src, &b->src) && ip_addr_equal(&a->dst, &b->dst) &&
	       a->proto == b->proto && a->sport == b->sport && a->dport == b->dport;
}

struct tuple tuple_reverse(const struct tuple *tuple)
{
	return (struct tuple){ tuple->dst, tuple->src, tuple->proto, tuple->dport, tuple->sport };
}

bool addr_is_group(const struct ip_addr *addr)
{
	if (!ip_addr_is_v4(addr))
		return addr->bytes[0] == 0xff;
	return addr->bytes[12] >> 4 == 0xe || addr->words[3] == 0xffffffff;
}

static bool is_icmp(bool v6, uint8_t proto)
{
	return proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

bool reading_is_error(const struct reading *reading)
{
	uint8_t type = reading->icmp_type;

	if (!is_icmp(reading->v6, reading->tuple.proto))
		return false;
	if (reading->v6)
		return type < 128;
	return (type >= 3 && type <= 5) || type == 11 || type == 12;
}

static bool is_echo(bool v6, uint8_t type)
{
	return v6 ? type == 128 || type == 129 : type == 0 || type == 8;
}

/* Ports, as far as the protocol has any. */
static void read_ports(struct tuple *tuple, struct view *view, bool v6)
{
	switch (tuple->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		tuple->sport = peek16(view, 0);
		tuple->dport = peek16(view, 2);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (is_icmp(v6, tuple->proto) && is_echo(v6, peek8(view, 0)))
			tuple->sport = tuple->dport = peek16(view, 4);
		break;
	}
}

static enum reading_role role_of_tcp(uint8_t flags)
{
	if ((flags & (SYN | ACK | RST | FIN)) == SYN)
		return ROLE_OPENS;
	return flags & (SYN | RST | FIN) ? ROLE_ANSWERS : ROLE_MIDDLE;
}

static enum reading_role role_of_sctp(uint8_t chunk)
{
	if (chunk == 1)
		return ROLE_OPENS;
	/* INIT ACK, ABORT, SHUTDOWN ACK, SHUTDOWN COMPLETE */
	return chunk == 2 || chunk == 6 || chunk == 8 || chunk == 14 ? ROLE_ANSWERS : ROLE_MIDDLE;
}

enum reading_role reading_role(const struct reading *reading, uint8_t proto)
{
	if (reading->part == PART_LATER) {
		if (is_icmp(reading->v6, proto))
			return ROLE_ANSWERS;
		return proto == IPPROTO_TCP || proto == IPPROTO_SCTP ? ROLE_MIDDLE : ROLE_EITHER;
	}
	if (proto == IPPROTO_TCP)
		return role_of_tcp(reading->tcp_flags);
	if (proto == IPPROTO_SCTP)
		return role_of_sctp(reading->sctp_chunk);
	if (!is_icmp(reading->v6, proto))
		return ROLE_EITHER;
	if (!is_echo(reading->v6, reading->icmp_type))
		return ROLE_QUERY;
	return reading->icmp_type == (reading->v6 ? 128 : 8) ? ROLE_OPENS : ROLE_ANSWERS;
}

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS;
}

struct fragment {
	uint16_t offset; /* in 8 bytes */
	bool more;
	bool is;
	uint32_t id;
};

/* From the IPv6 header's next to the transport protocol. */
static uint8_t skip_extensions(struct view *view, uint8_t proto, struct fragment *fragment)
{
	for (int i = 0; i < EXTENSIONS_MAX && !view->broken; i++) {
		uint8_t next;

		if (!is_extension(proto) && proto != IPPROTO_FRAGMENT)
			return proto;
		next = peek8(view, 0);
		if (is_extension(proto)) {
			view->at += (size_t)peek8(view, 1) * 8 + 8;
		} else {
			uint16_t word = peek16(view, 2);

			fragment->is = fragment->is || word & 0xfff9;
			fragment->offset = word >> 3;
			fragment->more = word & 1;
			fragment->id = peek32(view, 4);
			view->at += 8;
			if (fragment->offset)
				return next;
		}
		proto = next;
	}
	return proto;
}

/* Addresses and protocol; @view moves to the transport header. */
static void read_ip(struct tuple *tuple, struct view *view, bool v6, struct fragment *fragment)
{
	uint16_t word;

	tuple->src = peek_addr(view, v6 ? 8 : 12, v6);
	tuple->dst = peek_addr(view, v6 ? 24 : 16, v6);
	if (v6) {
		uint8_t next = peek8(view, 6);

		view->at += 40;
		tuple->proto = skip_extensions(view, next, fragment);
		return;
	}
	word = peek16(view, 6);
	*fragment = (struct fragment){ word & 0x1fff, word & 0x2000, word & 0x3fff,
				       peek16(view, 4) };
	tuple->proto = peek8(view, 9);
	view->at += (size_t)(peek8(view, 0) & 15) * 4;
}

/* The packet that an error quotes: nobody promises more than the ports. */
static void read_quote(struct reading *reading, struct view view)
{
	struct fragment fragment = {};

	view.at += 8;
	if (peek8(&view, 0) >> 4 != (reading->v6 ? 6 : 4))
		return;
	read_ip(&reading->quote, &view, reading->v6, &fragment);
	if (fragment.offset)
		return;
	read_ports(&reading->quote, &view, reading->v6);
	/* An ICMP quote's identifier names its flow, whatever the type. */
	if (is_icmp(reading->v6, reading->quote.proto))
		reading->quote.sport = reading->quote.dport = peek16(&view, 4);
	reading->has_quote = !view.broken;
}

/* Of the transport header, as far as it is known here. */
static size_t header_length(bool v6, uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return 16;
	case IPPROTO_UDP:
		return 8;
	default:
		return is_icmp(v6, proto) ? 8 : 0;
	}
}

static void read_transport(struct reading *reading, struct view *view)
{
	uint8_t proto = reading->tuple.proto;

	reading->complete = !view->broken &&
			    view->at + header_length(reading->v6, proto) <= view->end;
	if (!reading->complete)
		return;
	read_ports(&reading->tuple, view, reading->v6);
	if (proto == IPPROTO_TCP)
		reading->tcp_flags = peek8(view, 13);
	if (proto == IPPROTO_SCTP)
		reading->sctp_chunk = peek8(view, 12);
	if (!is_icmp(reading->v6, proto))
		return;
	reading->icmp_type = peek8(view, 0);
	if (reading_is_error(reading))
		read_quote(reading, *view);
}

static void read_packet(struct reading *reading, struct view *view, bool segmented)
{
	struct fragment fragment = {};
	size_t length;

	if (peek8(view, 0) >> 4 != (reading->v6 ? 6 : 4) ||
	    (!reading->v6 && (peek8(view, 0) & 15) < 5))
		return;
	length = peek16(view, reading->v6 ? 4 : 2);
	if (!length && segmented)
		length = view->end - view->at;
	else if (reading->v6)
		length += 40;
	if (view->broken || length > view->end - view->at ||
	    (!reading->v6 && length < (size_t)(peek8(view, 0) & 15) * 4))
		return;
	view->end = view->at + length;
	reading->length = (uint32_t)length;
	reading->hops = peek8(view, reading->v6 ? 7 : 8);
	read_ip(&reading->tuple, view, reading->v6, &fragment);
	if (view->broken)
		return;
	reading->kind = READ_IP;
	if (fragment.is)
		reading->part = fragment.offset ? PART_LATER : PART_FIRST;
	reading->id = fragment.id;
	if (reading->part != PART_LATER)
		read_transport(reading, view);
}

void frame_read(struct reading *ret, const struct frame *frame, bool segmented)
{
	struct view view = { frame->data, 0, frame->len, false };
	uint16_t type = peek16(&view, 12);

	*ret = (struct reading){ .v6 = type == 0x86dd };
	view.at = ETH_BYTES;
	if (type == 0x0806)
		ret->kind = READ_ARP;
	else if (type == 0x0800 || type == 0x86dd)
		read_packet(ret, &view, segmented);
}
