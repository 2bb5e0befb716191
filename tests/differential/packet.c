// SPDX-License-Identifier: Apache-2.0
#include "packet.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

#include "datapath/private.h"
#include "weir/conntrack.h"

#define SOURCE_PORT 40001
#define ETH_LEN 14
#define TRANSPORT_LEN 24

struct frame {
	uint8_t data[256];
	size_t length;
};

static void put(struct frame *frame, const void *bytes, size_t length)
{
	memcpy(frame->data + frame->length, bytes, length);
	frame->length += length;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* The agent's programs look at no checksum. */
static void put_transport(struct frame *frame, const struct probe *probe)
{
	uint8_t header[TRANSPORT_LEN] = {};
	__be16 ports[2] = { htons(probe->source_port ?: SOURCE_PORT), htons(probe->port) };

	if (has_ports(probe->proto))
		memcpy(header, ports, sizeof(ports));
	if (probe->proto == IPPROTO_TCP) {
		header[12] = 5 << 4;
		header[13] = 0x02; /* SYN */
	} else if (probe->proto == IPPROTO_UDP) {
		header[5] = TRANSPORT_LEN;
	} else if (probe->proto == IPPROTO_SCTP) {
		header[12] = 1; /* INIT */
		header[15] = TRANSPORT_LEN - 12;
	} else if (probe->proto == IPPROTO_ICMP || probe->proto == IPPROTO_ICMPV6) {
		header[0] = probe->proto == IPPROTO_ICMP ? 8 : 128; /* echo */
		memcpy(header + 4, ports, sizeof(*ports));
	}
	put(frame, header, sizeof(header));
}

static void put_ip(struct frame *frame, const struct probe *probe)
{
	uint8_t ip4[12] = { 0x45, 0, 0, 20 + TRANSPORT_LEN, 0, 0, 0, 0, 64, probe->proto };
	uint8_t ip6[8] = { 0x60, 0, 0, 0, 0, TRANSPORT_LEN, probe->proto, 64 };

	if (ip_addr_is_v4(&probe->src)) {
		put(frame, "\x08\x00", 2);
		put(frame, ip4, sizeof(ip4));
		put(frame, &probe->src.words[3], 4);
		put(frame, &probe->dst.words[3], 4);
	} else {
		put(frame, "\x86\xdd", 2);
		put(frame, ip6, sizeof(ip6));
		put(frame, &probe->src, 16);
		put(frame, &probe->dst, 16);
	}
}

/* A flow that passed is known in both directions and would answer the next question. */
static void forget(const struct world *world, const struct probe *probe)
{
	bool echo = probe->proto == IPPROTO_ICMP || probe->proto == IPPROTO_ICMPV6;
	uint16_t mine = has_ports(probe->proto) || echo ? SOURCE_PORT : 0;
	uint16_t theirs = has_ports(probe->proto) ? probe->port : mine;
	int order = memcmp(&probe->src, &probe->dst, sizeof(probe->src));
	bool low_is_dst = order ? order > 0 : mine > theirs;
	const struct ip_addr *low = low_is_dst ? &probe->dst : &probe->src;
	const struct ip_addr *high = low_is_dst ? &probe->src : &probe->dst;
	__be16 low_port = htons(low_is_dst ? theirs : mine);
	__be16 high_port = htons(low_is_dst ? mine : theirs);
	struct ct4_key key4 = { .addr = { low->words[3], high->words[3] },
				.port = { low_port, high_port }, .proto = probe->proto };
	struct ct6_key key6 = { .addr = { *low, *high }, .port = { low_port, high_port },
				.proto = probe->proto };

	if (ip_addr_is_v4(low))
		bpf_map_delete_elem(datapath_map_fd(world->dp, MAP_CT4_NEW), &key4);
	else
		bpf_map_delete_elem(datapath_map_fd(world->dp, MAP_CT6_NEW), &key6);
}

/* Which program meets the packet first, and where. */
static enum datapath_program place(struct __sk_buff *skb, uint8_t macs[12],
				   const struct world *world, const struct probe *probe)
{
	int from = world_find(world, &probe->src), to = world_find(world, &probe->dst);

	if (from >= 0) {
		skb->ifindex = world_ifindex((unsigned int)from);
		world_mac(macs, (unsigned int)from, true);
		world_mac(macs + 6, (unsigned int)from, false);
		return PROGRAM_FROM_POD;
	}
	if (to < 0)
		die("a probe between strangers", EINVAL);
	if (probe->from_host || probe->forwarded) {
		skb->ifindex = world_ifindex((unsigned int)to);
		skb->ingress_ifindex = probe->from_host ? 0 : world_uplink();
		return PROGRAM_TO_POD;
	}
	skb->ifindex = world_uplink();
	return PROGRAM_FROM_WIRE;
}

/* What the program says, and in @out the packet as it leaves it. */
static uint32_t run(const struct world *world, const struct probe *probe, struct frame *out)
{
	struct __sk_buff skb = {};
	struct frame frame = {};
	uint8_t macs[12] = {};
	enum datapath_program program = place(&skb, macs, world, probe);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data, .data_out = out->data,
		    .data_size_out = sizeof(out->data), .ctx_in = &skb, .ctx_size_in = sizeof(skb),
		    .repeat = 1);

	put(&frame, macs, sizeof(macs));
	put_ip(&frame, probe);
	put_transport(&frame, probe);
	opts.data_size_in = (uint32_t)frame.length;
	if (bpf_prog_test_run_opts(world->dp->programs[program], &opts))
		die("BPF_PROG_TEST_RUN", errno);
	out->length = opts.data_size_out;
	return opts.retval;
}

bool probe_passes(const struct world *world, const struct probe *probe)
{
	struct frame out;

	if (run(world, probe, &out) == TC_ACT_SHOT)
		return false;
	forget(world, probe);
	return true;
}

/* Protocol and destination; returns where the transport header begins. */
static size_t read_ip(const struct frame *frame, uint8_t *proto, struct ip_addr *dst)
{
	const uint8_t *ip = frame->data + ETH_LEN;
	__be32 v4;

	if (frame->data[12] == 0x86) {
		*proto = ip[6];
		memcpy(dst, ip + 24, 16);
		return ETH_LEN + 40;
	}
	*proto = ip[9];
	memcpy(&v4, ip + 16, sizeof(v4));
	ip_addr_set_v4(dst, v4);
	return ETH_LEN + 20;
}

static bool is_refusal(const struct frame *frame, size_t at, uint8_t proto)
{
	const uint8_t *header = frame->data + at;

	switch (proto) {
	case IPPROTO_TCP:
		return header[13] & 0x04; /* RST */
	case IPPROTO_ICMP:
		return header[0] == 3 && header[1] == 3;
	case IPPROTO_ICMPV6:
		return header[0] == 1 && header[1] == 4;
	}
	return false;
}

enum landing probe_lands(struct ip_addr *addr, uint16_t *port, const struct world *world,
			 const struct probe *probe)
{
	struct frame out;
	uint8_t proto;
	__be16 dport;
	size_t at;

	if (run(world, probe, &out) == TC_ACT_SHOT)
		return LANDING_NOWHERE;
	at = read_ip(&out, &proto, addr);
	if (ip_addr_equal(addr, &probe->src) && is_refusal(&out, at, proto))
		return LANDING_REFUSED;
	memcpy(&dport, out.data + at + 2, sizeof(dport));
	*port = ntohs(dport);
	return LANDING_THERE;
}
