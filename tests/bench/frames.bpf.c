// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Live frames and their ends.
 *
 * generate	writes the frame anew, because a page comes back as the receiver left
 *		it, and sends it out of the pod's interface (BPF_F_TEST_XDP_LIVE_FRAMES)
 * accept	XDP on the host side: a veth takes frames only where there is one
 * sink		TC ingress of the receiving pod, counts what arrives
 * forward	TC ingress of the host side: what a stateful datapath can hope for, one
 *		LRU hit and bpf_redirect_peer
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frames.h"
#include "weir/conntrack.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct traffic);
	__uint(max_entries, 1);
} traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} arrived SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct forward);
	__uint(max_entries, 1);
} forward_to SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct ct4_key);
	__type(value, struct ct4_value);
	__uint(max_entries, 131072);
} known SEC(".maps");

SEC("xdp")
int generate(struct xdp_md *xdp)
{
	__u64 *data = (void *)(long)xdp->data;
	void *end = (void *)(long)xdp->data_end;
	struct traffic *t;
	__u32 zero = 0;
	__be16 *port;

	t = bpf_map_lookup_elem(&traffic, &zero);
	if (!t || (void *)(data + FRAME_WORDS) > end)
		return XDP_ABORTED;
#pragma unroll
	for (int i = 0; i < FRAME_WORDS; i++)
		data[i] = t->words[i];
	port = (void *)data + (t->port_at & (FRAME_BYTES - 1));
	if ((void *)(port + 1) > end)
		return XDP_ABORTED;
	*port = bpf_htons((__u16)(t->port_first + t->next++ % t->port_count));
	return (int)bpf_redirect(t->out_ifindex, 0);
}

SEC("xdp")
int accept(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("tc")
int sink(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *count;

	/* The generator's own, not what the stack has to say by itself. */
	if (skb->len != FRAME_BYTES)
		return TC_ACT_OK;
	count = bpf_map_lookup_elem(&arrived, &zero);
	if (count)
		++*count;
	return TC_ACT_SHOT;
}

SEC("tc")
int forward(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct udphdr *udp = data + sizeof(*eth) + sizeof(*ip);
	struct ct4_value *known_flow, fresh = {};
	struct ct4_key key = {};
	struct forward *to;
	__u32 zero = 0;

	if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	key.addr[0] = ip->saddr;
	key.addr[1] = ip->daddr;
	key.port[0] = udp->source;
	key.port[1] = udp->dest;
	key.proto = ip->protocol;
	known_flow = bpf_map_lookup_elem(&known, &key);
	if (known_flow)
		known_flow->entry.packets[0]++;
	else
		bpf_map_update_elem(&known, &key, &fresh, BPF_ANY);
	to = bpf_map_lookup_elem(&forward_to, &zero);
	if (!to)
		return TC_ACT_SHOT;
	__builtin_memcpy(eth->h_dest, to->mac_to, ETH_ALEN);
	__builtin_memcpy(eth->h_source, to->mac_from, ETH_ALEN);
	return (int)bpf_redirect_peer(to->ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
