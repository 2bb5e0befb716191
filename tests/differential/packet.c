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
	uint8_t data[128];
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
	__be16 ports[2] = { htons(SOURCE_PORT), htons(probe->port) };

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

bool probe_passes(const struct world *world, const struct probe *probe)
{
	struct __sk_buff skb = {};
	uint8_t macs[12] = {}, out[256];
	struct frame frame = {};
	enum datapath_program program = place(&skb, macs, world, probe);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.data, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &skb, .ctx_size_in = sizeof(skb),
		    .repeat = 1);

	put(&frame, macs, sizeof(macs));
	put_ip(&frame, probe);
	put_transport(&frame, probe);
	opts.data_size_in = (uint32_t)frame.length;
	if (bpf_prog_test_run_opts(world->dp->programs[program], &opts))
		die("BPF_PROG_TEST_RUN", errno);
	if (opts.retval == TC_ACT_SHOT)
		return false;
	forget(world, probe);
	return true;
}
