// SPDX-License-Identifier: Apache-2.0
/* Packets and the helpers over them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pkt_cls.h>
#include <sys/socket.h>

#include "hostsim/shim.h"

#include "bpf/engine.h"

struct sim sim;

bool sim_fails(const char *name)
{
	if (!sim.fail || strcmp(sim.fail, name) || sim.fail_after--)
		return false;
	sim.fail = NULL;
	return true;
}

static struct sim_skb *of(const struct __sk_buff *ctx)
{
	return (struct sim_skb *)((char *)ctx - offsetof(struct sim_skb, ctx));
}

static void *allocate(uint32_t len)
{
	void *ret = malloc(len ?: 1);

	if (!ret)
		abort();
	return ret;
}

/* The packet becomes @data, of which @linear bytes are its head. Old pointers go stale. */
static void set_bytes(struct sim_skb *skb, const uint8_t *data, uint32_t len, uint32_t linear)
{
	uint8_t *head = allocate(linear), *rest = allocate(len - linear);

	memcpy(head, data, linear);
	memcpy(rest, data + linear, len - linear);
	free(skb->head);
	free(skb->rest);
	skb->head = head;
	skb->rest = rest;
	skb->linear = linear;
	skb->ctx.len = len;
}

struct sim_skb *sim_skb_new(const void *data, uint32_t len, uint32_t linear)
{
	struct sim_skb *skb = calloc(1, sizeof(*skb));

	if (!skb)
		abort();
	set_bytes(skb, data, len, linear < len ? linear : len);
	return skb;
}

void sim_skb_free(struct sim_skb *skb)
{
	free(skb->head);
	free(skb->rest);
	free(skb);
}

void sim_skb_copy(void *ret, const struct sim_skb *skb)
{
	memcpy(ret, skb->head, skb->linear);
	memcpy((uint8_t *)ret + skb->linear, skb->rest, skb->ctx.len - skb->linear);
}

void *skb_data(const struct __sk_buff *skb)
{
	return of(skb)->head;
}

void *skb_data_end(const struct __sk_buff *skb)
{
	return of(skb)->head + of(skb)->linear;
}

static struct sim_skb *of_xdp(const struct xdp_md *xdp)
{
	return (struct sim_skb *)((char *)xdp - offsetof(struct sim_skb, xdp));
}

void *xdp_data(const struct xdp_md *xdp)
{
	return of_xdp(xdp)->head;
}

void *xdp_data_end(const struct xdp_md *xdp)
{
	return of_xdp(xdp)->head + of_xdp(xdp)->linear;
}

long bpf_xdp_load_bytes(struct xdp_md *xdp, uint32_t offset, void *to, uint32_t len)
{
	return bpf_skb_load_bytes(&of_xdp(xdp)->ctx, offset, to, len);
}

static bool is_inside(const struct __sk_buff *skb, uint32_t offset, uint32_t len)
{
	return offset <= skb->len && len <= skb->len - offset;
}

long bpf_skb_load_bytes(const struct __sk_buff *skb, uint32_t offset, void *to, uint32_t len)
{
	uint8_t *all;

	if (!is_inside(skb, offset, len)) {
		memset(to, 0, len);
		return -EFAULT;
	}
	all = allocate(skb->len);
	sim_skb_copy(all, of(skb));
	memcpy(to, all + offset, len);
	free(all);
	return 0;
}

/* Rewrites the packet: @len bytes in all, @linear of them in its head. */
static void rebuild(struct __sk_buff *skb, uint32_t len, uint32_t linear, uint32_t offset,
		    const void *from, uint32_t from_len)
{
	uint32_t room = len > skb->len ? len : skb->len;
	uint8_t *all = allocate(room);

	memset(all, 0, room);
	sim_skb_copy(all, of(skb));
	if (from_len)
		memcpy(all + offset, from, from_len);
	set_bytes(of(skb), all, len, linear < len ? linear : len);
	free(all);
}

static uint32_t head_at_least(const struct __sk_buff *skb, uint32_t len)
{
	return of(skb)->linear > len ? of(skb)->linear : len;
}

long bpf_skb_store_bytes(struct __sk_buff *skb, uint32_t offset, const void *from, uint32_t len,
			 uint64_t flags)
{
	if (sim_fails(__func__))
		return -ENOMEM;
	if (!is_inside(skb, offset, len))
		return -EFAULT;
	rebuild(skb, skb->len, head_at_least(skb, offset + len), offset, from, len);
	return 0;
}

long bpf_skb_pull_data(struct __sk_buff *skb, uint32_t len)
{
	if (sim_fails(__func__) || len > skb->len)
		return -ENOMEM;
	rebuild(skb, skb->len, head_at_least(skb, len), 0, NULL, 0);
	return 0;
}

long bpf_skb_change_tail(struct __sk_buff *skb, uint32_t len, uint64_t flags)
{
	if (sim_fails(__func__) || len < ETH_HLEN || len > 16384)
		return -EINVAL;
	rebuild(skb, len, head_at_least(skb, 0), 0, NULL, 0);
	return 0;
}

/* Bytes behind the header of the network layer go, as the kernel does it with a negative @diff. */
long bpf_skb_adjust_room(struct __sk_buff *skb, int32_t diff, uint32_t mode, uint64_t flags)
{
	uint32_t len = skb->len, cut = (uint32_t)-diff, head;
	uint8_t *all = allocate(len);
	bool fits;

	sim_skb_copy(all, of(skb));
	head = ETH_HLEN + (all[12] == 0x86 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	fits = !sim_fails(__func__) && mode == BPF_ADJ_ROOM_NET && diff < 0 && cut < len &&
	       len - cut >= head;
	if (fits) {
		memmove(all + cut, all, head);
		set_bytes(of(skb), all + cut, len - cut, len - cut);
	}
	free(all);
	return fits ? 0 : -ENOTSUP;
}

long bpf_skb_change_type(struct __sk_buff *skb, uint32_t type)
{
	if (sim_fails(__func__))
		return -EINVAL;
	skb->pkt_type = type;
	return 0;
}

long bpf_clone_redirect(struct __sk_buff *skb, uint32_t ifindex, uint64_t flags)
{
	if (sim_fails(__func__))
		return -ENOMEM;
	if (sim.clone)
		sim.clone(of(skb), ifindex, flags);
	/* The data is shared with the clone now, so the next write moves it. */
	rebuild(skb, skb->len, head_at_least(skb, 0), 0, NULL, 0);
	return 0;
}

long bpf_redirect(uint32_t ifindex, uint64_t flags)
{
	sim.redirect = ifindex;
	return TC_ACT_REDIRECT;
}

long bpf_redirect_peer(uint32_t ifindex, uint64_t flags)
{
	return bpf_redirect(ifindex, flags);
}

static bool is_to(const struct bpf_fib_lookup *route, enum who who)
{
	bool v6 = route->family == AF_INET6;
	struct ip_addr addr = who_addr(who, v6);

	return v6 ? !memcmp(&addr, route->ipv6_dst, sizeof(addr)) :
		    addr.words[3] == route->ipv4_dst;
}

/* The next hop, and the frame to it. */
static void hop_set(struct bpf_fib_lookup *route)
{
	struct ip_addr node = who_addr(NODE, route->family == AF_INET6);
	enum who who = NOBODY;

	if (is_to(route, POD_AWAY) && route->family == AF_INET6)
		memcpy(route->ipv6_dst, &node, sizeof(node));
	else if (is_to(route, POD_AWAY))
		route->ipv4_dst = node.words[3];
	while (who < WHO_MAX - 1 && !is_to(route, who))
		who++;
	who_mac(route->dmac, who);
	who_mac(route->smac, HOST);
}

long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *route, int size, uint32_t flags)
{
	if (sim_fails(__func__))
		return -EINVAL;
	for (enum who pod = POD_A; pod <= POD_C; pod++)
		if (is_to(route, pod))
			return BPF_FIB_LKUP_RET_NOT_FWDED;
	if (is_to(route, HOST))
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	if (is_to(route, LOST))
		return BPF_FIB_LKUP_RET_UNREACHABLE;
	if (route->tot_len > sim.mtu) {
		route->mtu_result = (uint16_t)sim.mtu;
		return BPF_FIB_LKUP_RET_FRAG_NEEDED;
	}
	route->ifindex = sim.uplink;
	hop_set(route);
	return BPF_FIB_LKUP_RET_SUCCESS;
}

long bpf_skb_get_tunnel_key(struct __sk_buff *skb, struct bpf_tunnel_key *key, uint32_t size,
			    uint64_t flags)
{
	if (!sim.tunnelled || size != sizeof(*key))
		return -EINVAL;
	if ((flags ^ sim.tunnel_flags) & BPF_F_TUNINFO_IPV6)
		return -EPROTO;
	*key = sim.tunnel;
	return 0;
}

long bpf_skb_set_tunnel_key(struct __sk_buff *skb, const struct bpf_tunnel_key *key, uint32_t size,
			    uint64_t flags)
{
	if (sim_fails(__func__) || size != sizeof(*key))
		return -EINVAL;
	sim.tunnelled = true;
	sim.tunnel = *key;
	sim.tunnel_flags = flags;
	return 0;
}

long bpf_redirect_neigh(uint32_t ifindex, const struct bpf_redir_neigh *hop, int size,
			uint64_t flags)
{
	return bpf_redirect(ifindex, flags);
}

uint64_t bpf_jiffies64(void)
{
	return sim.jiffies;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The difference from @from to @to, or @to is one already when the size is 0. */
static uint64_t sum_difference(uint64_t from, uint64_t to, uint64_t size)
{
	if (size == 0)
		return to;
	return size == 2 ? (uint16_t)~from + (to & 0xffff) : (uint32_t)~from + (to & 0xffffffff);
}

long bpf_l4_csum_replace(struct __sk_buff *skb, uint32_t offset, uint64_t from, uint64_t to,
			 uint64_t flags)
{
	bool zero_is_none = flags & BPF_F_MARK_MANGLED_0;
	uint16_t sum;

	if (sim_fails(__func__))
		return -ENOMEM;
	if (offset & 1 || !is_inside(skb, offset, sizeof(sum)))
		return -EFAULT;
	bpf_skb_load_bytes(skb, offset, &sum, sizeof(sum));
	if (zero_is_none && !sum)
		return 0;
	sum = (uint16_t)~sum_fold((uint16_t)~sum +
				  sum_difference(from, to, flags & BPF_F_HDR_FIELD_MASK));
	if (zero_is_none && !sum)
		sum = 0xffff;
	rebuild(skb, skb->len, head_at_least(skb, offset + sizeof(sum)), offset, &sum, sizeof(sum));
	return 0;
}

int64_t bpf_csum_update(struct __sk_buff *skb, uint32_t csum)
{
	sim.csum += csum;
	return csum;
}

static int any_socket;

static struct bpf_sock *socket_of(const struct bpf_sock_tuple *tuple, uint32_t size)
{
	__be16 port = size == sizeof(tuple->ipv4) ? tuple->ipv4.dport : tuple->ipv6.dport;

	return sim.socket_port && port == bpf_htons(sim.socket_port) ? (void *)&any_socket : NULL;
}

struct bpf_sock *bpf_skc_lookup_tcp(struct __sk_buff *skb, const struct bpf_sock_tuple *tuple,
				    uint32_t size, uint64_t netns, uint64_t flags)
{
	return socket_of(tuple, size);
}

struct bpf_sock *bpf_sk_lookup_udp(struct __sk_buff *skb, const struct bpf_sock_tuple *tuple,
				   uint32_t size, uint64_t netns, uint64_t flags)
{
	return socket_of(tuple, size);
}

long bpf_sk_release(struct bpf_sock *sock)
{
	if (sock != (void *)&any_socket)
		abort();
	return 0;
}

int64_t bpf_csum_diff(const void *from, uint32_t from_size, const void *to, uint32_t to_size,
		      uint32_t seed)
{
	uint64_t sum = seed;
	uint32_t word;

	if ((from_size | to_size) % sizeof(word))
		return -EINVAL;
	for (uint32_t i = 0; i < from_size; i += sizeof(word)) {
		memcpy(&word, (const uint8_t *)from + i, sizeof(word));
		sum += (uint32_t)~word;
	}
	for (uint32_t i = 0; i < to_size; i += sizeof(word)) {
		memcpy(&word, (const uint8_t *)to + i, sizeof(word));
		sum += word;
	}
	return sum_fold(sum);
}

uint32_t bpf_get_prandom_u32(void)
{
	/* xorshift32; its state is never 0. */
	sim.random = sim.random ?: 2463534242;
	sim.random ^= sim.random << 13;
	sim.random ^= sim.random >> 17;
	sim.random ^= sim.random << 5;
	return sim.random;
}

long bpf_loop(uint32_t count, void *callback, void *ctx, uint64_t flags)
{
	long (*call)(uint32_t index, void *ctx) = callback;
	uint32_t i;

	if (count > 1 << 23)
		return -E2BIG;
	for (i = 0; i < count; i++)
		if (call(i, ctx))
			return i + 1;
	return i;
}
