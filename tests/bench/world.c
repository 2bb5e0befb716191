// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "weir/conntrack.h"
#include "weir/endpoint.h"
#include "weir/maps.h"
#include "weir/peer.h"
#include "weir/policy.h"
#include "weir/state.h"

#define SERVER_PORT 80

static const char *const addr4[] = { "10.1.0.2", "10.1.0.3" };
static const char *const addr6[] = { "fd01::2", "fd01::3" };
static const uint8_t host_mac[ETH_ALEN] = { 0x0a, 0x77, 0x65, 0x69, 0x72, 1 };

void die(const char *what, int err)
{
	fprintf(stderr, "bench-packet: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

int map_fd(struct bpf_object *obj, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(obj, name);

	if (fd < 0)
		die(name, fd);
	return fd;
}

int prog_fd(struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);

	if (!prog)
		die(name, ENOENT);
	return bpf_program__fd(prog);
}

static void put(struct bpf_object *obj, const char *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map_fd(obj, map), key, value, BPF_ANY))
		die(map, errno);
}

static void pod_mac(uint8_t mac[ETH_ALEN], int pod)
{
	const uint8_t base[ETH_ALEN] = { 0x0e, 0, 0, 0, 0, (uint8_t)(pod + 1) };

	memcpy(mac, base, ETH_ALEN);
}

static void put_peer(struct world *world, const char *text, bool v6, uint32_t class,
		     uint32_t ifindex)
{
	struct peer peer = { .class = { class, class }, .ifindex = ifindex,
			     .kind = ifindex ? PEER_LOCAL_POD : PEER_REMOTE_POD };
	struct ip_addr key = {};

	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, &key) != 1)
		die(text, EINVAL);
	put(world->pod, v6 ? "peer6" : "peer4", &key, &peer);
}

/* One rule: peers of class 1 may use TCP port 80. */
static void put_ruleset(struct world *world, uint32_t set)
{
	struct ruleset header = { .allow = 1, .words = 1, .flags = RULESET_ISOLATED,
				  .tier_end = { 0, 1, 1 } };
	struct policy_class_key class = { .set = set, .class = 1 };
	struct policy_port_key port = { .prefixlen = POLICY_PORT_FULL_BITS, .set = htonl(set),
					.proto = IPPROTO_TCP, .port = htons(SERVER_PORT) };
	uint64_t bits = 1;

	put(world->pod, "policy_class", &class, &bits);
	put(world->pod, "policy_port", &port, &bits);
	put(world->pod, "ruleset", &set, &header);
}

static void put_endpoint(struct world *world, int pod)
{
	struct endpoint ep = { .ifindex = world->ifindex[pod], .flags = ENDPOINT_READY, .mtu = 1500,
			       .class = { 1, 1 } };
	uint32_t slot = ep.ifindex & (ENDPOINT_SLOTS - 1);
	uint32_t ingress = 1 + (uint32_t)pod * 2, egress = ingress + 1;

	pod_mac(ep.mac, pod);
	memcpy(ep.host_mac, host_mac, ETH_ALEN);
	inet_pton(AF_INET, addr4[pod], &ep.addr4);
	inet_pton(AF_INET6, addr6[pod], &ep.addr6);
	for (int half = 0; half < 2; half++) {
		ep.ruleset[half][POLICY_INGRESS] = ingress;
		ep.ruleset[half][POLICY_EGRESS] = egress;
	}
	put_ruleset(world, ingress);
	put_ruleset(world, egress);
	put_peer(world, addr4[pod], false, 1, ep.ifindex);
	put_peer(world, addr6[pod], true, 1, ep.ifindex);
	put(world->pod, "endpoint", &slot, &ep);
}

void world_start(struct world *world, struct bpf_object *pod, struct bpf_object *floor)
{
	struct node_state state = { .generation = 1 };
	uint32_t zero = 0;

	world->pod = pod;
	world->floor = floor;
	if (unshare(CLONE_NEWNET))
		die("unshare", errno);
	if (system("ip link add a0 type veth peer name a1 && ip link add b0 type veth peer name b1 && "
		   "ip link set a0 up && ip link set b0 up"))
		die("ip link add", EIO);
	world->ifindex[0] = if_nametoindex("a0");
	world->ifindex[1] = if_nametoindex("b0");
	put(pod, "state", &zero, &state);
	put_endpoint(world, 0);
	put_endpoint(world, 1);
}

void world_grow(struct world *world)
{
	uint64_t bits = 1;

	for (uint32_t i = 0; i < 100000; i++) {
		struct peer peer = { .class = { 2 + i % 1000, 2 + i % 1000 },
				     .kind = PEER_REMOTE_POD };
		__be32 addr = htonl((20u << 24) + i);

		put(world->pod, "peer4", &addr, &peer);
	}
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t set = 1 + i % 4;
		struct policy_class_key class = { .set = set, .class = 2 + i };
		struct policy_port_key port = { .prefixlen = POLICY_PORT_FULL_BITS,
						.set = htonl(set), .proto = IPPROTO_TCP,
						.port = htons((uint16_t)(1000 + i)) };

		put(world->pod, "policy_class", &class, &bits);
		put(world->pod, "policy_port", &port, &bits);
	}
}

static void build_l4(struct tcphdr *tcp, int from, uint16_t client_port, uint8_t flags)
{
	uint16_t source = from ? SERVER_PORT : client_port;
	uint16_t dest = from ? client_port : SERVER_PORT;

	tcp->source = htons(source);
	tcp->dest = htons(dest);
	tcp->doff = 5;
	((uint8_t *)tcp)[13] = flags;
}

void frame_build(struct bench_frame *frame, bool v6, int from, uint16_t client_port, uint8_t flags)
{
	uint8_t *data = (uint8_t *)frame->words;
	struct ethhdr *eth = (struct ethhdr *)data;
	struct iphdr *ip = (struct iphdr *)(eth + 1);
	struct ipv6hdr *ip6 = (struct ipv6hdr *)(eth + 1);
	size_t l3 = sizeof(frame->words) - sizeof(*eth);

	memset(frame, 0, sizeof(*frame));
	memcpy(eth->h_dest, host_mac, ETH_ALEN);
	pod_mac(eth->h_source, from);
	eth->h_proto = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (v6) {
		ip6->version = 6;
		ip6->hop_limit = 64;
		ip6->nexthdr = IPPROTO_TCP;
		ip6->payload_len = htons((uint16_t)(l3 - sizeof(*ip6)));
		inet_pton(AF_INET6, addr6[from], &ip6->saddr);
		inet_pton(AF_INET6, addr6[!from], &ip6->daddr);
		build_l4((struct tcphdr *)(ip6 + 1), from, client_port, flags);
		return;
	}
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->tot_len = htons((uint16_t)l3);
	inet_pton(AF_INET, addr4[from], &ip->saddr);
	inet_pton(AF_INET, addr4[!from], &ip->daddr);
	build_l4((struct tcphdr *)(ip + 1), from, client_port, flags);
}

uint16_t frame_client_port_at(bool v6, int from)
{
	return (uint16_t)(sizeof(struct ethhdr) + (v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) +
			  (from ? 2 : 0));
}

static void flush_map(int fd)
{
	static uint8_t keys[16384 * sizeof(struct ct6_key)];
	static uint8_t values[16384 * sizeof(struct ct_entry)];
	uint32_t batch, count;
	void *in = NULL;
	int r;

	do {
		count = 16384;
		r = bpf_map_lookup_and_delete_batch(fd, in, &batch, keys, values, &count, NULL);
		in = &batch;
	} while (!r);
	if (errno != ENOENT)
		die("flush", errno);
}

void world_flush(struct world *world)
{
	flush_map(map_fd(world->pod, "ct4"));
	flush_map(map_fd(world->pod, "ct4_new"));
	flush_map(map_fd(world->pod, "ct6"));
	flush_map(map_fd(world->pod, "ct6_new"));
	flush_map(map_fd(world->floor, "floor_lru"));
}
