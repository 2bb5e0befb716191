// SPDX-License-Identifier: Apache-2.0
/*
 * Real frames from pod to pod: live frames of one CPU leave a pod through its veth,
 * pass whatever the host side does with them, and are counted and dropped where they
 * come into the other pod. The ways (way.h) take turns, the median of the rounds counts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "figure.h"
#include "frames.h"
#include "frames.skel.h"
#include "way.h"

#define ROUNDS_MAX 16
#define SERVER_PORT 5300
#define CLIENT_PORT 1024 /* the first */
#define MANY_FLOWS 64000
#define OPEN_CHUNK 1024u /* flows opened before they are answered */
#define ARRIVE_MS 200
#define BUDGET 0.75 /* of plain routing */

struct sender {
	struct way *way;
	struct frames *skel;
};

struct load {
	bool v6;
	uint32_t flows;
	uint32_t frames;
};

static uint32_t index_of(const char *ifname)
{
	uint32_t ifindex = if_nametoindex(ifname);

	if (!ifindex)
		die(ifname, errno);
	return ifindex;
}

static void attach_tc(const struct bpf_program *program, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(program));
	int r = bpf_tc_hook_create(&hook);

	if (!r || r == -EEXIST)
		r = bpf_tc_attach(&hook, &opts);
	if (r < 0)
		die("bpf_tc_attach", r);
}

static void attach_accept(const struct sender *sender, const struct end *end)
{
	enter(end->netns);
	attach_tc(sender->skel->progs.sink, index_of(end->ifname));
	enter(end->host_netns);
	if (bpf_xdp_attach((int)index_of(end->host_ifname),
			   bpf_program__fd(sender->skel->progs.accept), 0, NULL) < 0)
		die("bpf_xdp_attach", errno);
}

/* The minimal program, for frames from the first end to the second. */
static void attach_forward(const struct sender *sender, const struct end *from,
			   const struct end *end)
{
	struct forward to = {};
	uint32_t zero = 0;

	attach_tc(sender->skel->progs.forward, index_of(from->host_ifname));
	memcpy(to.mac_to, end->mac, ETH_ALEN);
	memcpy(to.mac_from, end->host_mac, ETH_ALEN);
	to.ifindex = index_of(end->host_ifname);
	if (bpf_map__update_elem(sender->skel->maps.forward_to, &zero, sizeof(zero), &to,
				 sizeof(to), 0))
		die("forward_to", errno);
}

static void sender_open(struct sender *sender, struct way *way)
{
	sender->way = way;
	sender->skel = frames__open_and_load();
	if (!sender->skel)
		die("frames.bpf.o", errno);
	attach_accept(sender, &way->ends[0]);
	attach_accept(sender, &way->ends[1]);
	if (way->forward)
		attach_forward(sender, &way->ends[0], &way->ends[1]);
}

static void build_udp(struct traffic *t, struct udphdr *udp, bool from_server, size_t length)
{
	udp->source = htons(from_server ? SERVER_PORT : 0);
	udp->dest = htons(from_server ? 0 : SERVER_PORT);
	udp->len = htons((uint16_t)length);
	t->port_at = (uint32_t)((uint8_t *)udp - (uint8_t *)t->words) + (from_server ? 2 : 0);
}

static uint16_t ip_checksum(const struct iphdr *ip)
{
	const uint16_t *words = (const uint16_t *)ip;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(*ip) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

/* The frame from end @from of the way; the client is end 0. */
static void build_frame(struct traffic *t, const struct way *way, int from, bool v6)
{
	const struct end *src = &way->ends[from], *dst = &way->ends[!from];
	struct ethhdr *eth = (struct ethhdr *)t->words;
	struct iphdr *ip = (struct iphdr *)(eth + 1);
	struct ipv6hdr *ip6 = (struct ipv6hdr *)(eth + 1);
	size_t length = FRAME_BYTES - sizeof(*eth);

	memset(t, 0, sizeof(*t));
	memcpy(eth->h_source, src->mac, ETH_ALEN);
	memcpy(eth->h_dest, src->host_mac, ETH_ALEN);
	if (v6) {
		eth->h_proto = htons(ETH_P_IPV6);
		ip6->version = 6;
		ip6->hop_limit = 64;
		ip6->nexthdr = IPPROTO_UDP;
		ip6->payload_len = htons((uint16_t)(length - sizeof(*ip6)));
		inet_pton(AF_INET6, src->ips[1], &ip6->saddr);
		inet_pton(AF_INET6, dst->ips[1], &ip6->daddr);
		build_udp(t, (struct udphdr *)(ip6 + 1), from, length - sizeof(*ip6));
		return;
	}
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->tot_len = htons((uint16_t)length);
	inet_pton(AF_INET, src->ips[0], &ip->saddr);
	inet_pton(AF_INET, dst->ips[0], &ip->daddr);
	ip->check = ip_checksum(ip);
	build_udp(t, (struct udphdr *)(ip + 1), from, length - sizeof(*ip));
}

static uint64_t arrived(const struct sender *sender)
{
	uint32_t zero = 0;
	uint64_t count;

	if (bpf_map__lookup_elem(sender->skel->maps.arrived, &zero, sizeof(zero), &count,
				 sizeof(count), 0))
		die("arrived", errno);
	return count;
}

/* Waits for the last frames, which are on their way still. */
static uint64_t arrived_since(const struct sender *sender, uint64_t before, uint32_t wanted)
{
	int64_t until = clock_ns() + ARRIVE_MS * 1000000ll;
	uint64_t count;

	while ((count = arrived(sender) - before) < wanted && clock_ns() < until)
		usleep(1000);
	return count;
}

/* Sends frames; nanoseconds for each that arrived. */
static double send_frames(const struct sender *sender, int from, const struct load *load,
			  uint32_t first)
{
	uint64_t before = arrived(sender), count;
	const struct way *way = sender->way;
	struct traffic t;
	uint32_t zero = 0;
	int64_t start;

	enter(way->ends[from].netns);
	build_frame(&t, way, from, load->v6);
	t.out_ifindex = index_of(way->ends[from].ifname);
	t.port_first = first;
	t.port_count = load->flows;
	if (bpf_map__update_elem(sender->skel->maps.traffic, &zero, sizeof(zero), &t, sizeof(t), 0))
		die("traffic", errno);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = t.words, .data_size_in = sizeof(t.words),
		    .repeat = (int)load->frames, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	start = clock_ns();
	if (bpf_prog_test_run_opts(bpf_program__fd(sender->skel->progs.generate), &opts))
		die("BPF_F_TEST_XDP_LIVE_FRAMES", errno);
	start = clock_ns() - start;
	count = arrived_since(sender, before, load->frames);
	if (count < load->frames / 100 * 99)
		fprintf(stderr, "%s: %llu of %u frames arrived\n", way->name,
			(unsigned long long)count, load->frames);
	return count ? (double)start / (double)count : 0;
}

/* Opens the flows and answers them, so that they are established wherever that matters. */
static void establish(const struct sender *sender, const struct load *load)
{
	for (uint32_t done = 0; done < load->flows; done += OPEN_CHUNK) {
		uint32_t left = load->flows - done;
		struct load chunk = { .v6 = load->v6, .flows = left < OPEN_CHUNK ? left : OPEN_CHUNK };

		chunk.frames = chunk.flows;
		send_frames(sender, 0, &chunk, CLIENT_PORT + done);
		if (!sender->way->forward)
			send_frames(sender, 1, &chunk, CLIENT_PORT + done);
	}
}

static void report(const struct way *way, const struct way *plain, double *cost, double *base,
		   const struct load *load, int rounds)
{
	char name[128];

	snprintf(name, sizeof(name), "%s, pod to pod, %s, %s", way->name,
		 load->v6 ? "IPv6" : "IPv4", load->flows == 1 ? "1 flow" : "64k flows");
	figure_add(&(struct figure){
		.name = name,
		.value = quantile(cost, (size_t)rounds, 0.5),
		.unit = "ns",
		.floor_name = plain->name,
		.floor = quantile(base, (size_t)rounds, 0.5),
		.ratio_most = way->forward ? 0 : BUDGET,
	});
}

static void measure(const struct sender *senders, size_t count, const struct load *load, int rounds)
{
	static double cost[WAYS_MAX][ROUNDS_MAX];

	for (size_t i = 0; i < count; i++)
		establish(&senders[i], load);
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			cost[i][round] = send_frames(&senders[i], 0, load, CLIENT_PORT);
	for (size_t i = 0; i < count; i++)
		if (i != WAY_PLAIN && !(senders[i].way->forward && load->v6))
			report(senders[i].way, senders[WAY_PLAIN].way, cost[i], cost[WAY_PLAIN],
			       load, rounds);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "--quick");
	struct sender senders[WAYS_MAX] = {};
	struct way ways[WAYS_MAX] = {};
	size_t count = ways_read(ways);

	run_undisturbed(0);
	for (size_t i = 0; i < count; i++)
		sender_open(&senders[i], &ways[i]);
	for (int v6 = 0; v6 < 2; v6++) {
		for (int many = 0; many < 2; many++) {
			struct load load = { .v6 = v6, .flows = many ? MANY_FLOWS : 1,
					     .frames = quick ? 2000 : 400000 };

			if (quick && many)
				load.flows = OPEN_CHUNK;
			measure(senders, count, &load, quick ? 1 : 9);
		}
	}
	figures_print();
	for (size_t i = 0; i < count; i++)
		frames__destroy(senders[i].skel);
	ways_free(ways, count);
	return 0;
}
