/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lib/kernel.h finds on the host in place of the kernel: BPF helpers over a
 * packet and maps in ordinary memory. Every packet head and every map value is
 * an allocation of its own, and each helper that may move packet data in the
 * kernel moves it here, so that a sanitizer sees any use of a stale pointer.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#undef __always_inline
#define __always_inline inline __attribute__((always_inline, unused))
#define __noinline __attribute__((noinline, unused))

/* Everything with a section is in several objects, or must not clash with libc. */
#define SEC(name) __attribute__((weak))
#define CONFIG __attribute__((weak))
#define UNROLL

#define bpf_htons(x) __builtin_bswap16(x)
#define bpf_ntohs(x) __builtin_bswap16(x)
#define bpf_htonl(x) __builtin_bswap32(x)
#define bpf_ntohl(x) __builtin_bswap32(x)
#define bpf_be64_to_cpu(x) __builtin_bswap64(x)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the shim swaps always");

struct sim_map {
	const char *name;
	enum bpf_map_type type;
	uint32_t key_size, value_size, max_entries;
	uint32_t limit; /* in place of @max_entries when it is not 0 */
	struct sim_element *elements; /* most recently used first */
	uint32_t count;
	void **slots; /* arrays only: values, made when first asked for */
};

/* All maps are in a section of pointers, for sim_map_find(). */
#define MAP(name_, type_, key_, value_, entries_, flags_)                                   \
	__attribute__((weak)) struct sim_map name_ = {                                      \
		.name = #name_, .type = BPF_MAP_TYPE_##type_, .key_size = sizeof(key_),     \
		.value_size = sizeof(value_), .max_entries = entries_ };                    \
	static struct sim_map *const sim_map_##name_                                        \
		__attribute__((section("sim_maps"), used)) = &name_
#define MAP_PRIVATE MAP

struct sim_map *sim_map_find(const char *name);
int sim_map_next(struct sim_map *map, const void *key, void *next);
/* A look-up from outside the programs: it is no use of the element. */
const void *sim_map_peek(struct sim_map *map, const void *key);

/* Look-ups of the programs so far. */
struct sim_lookups {
	unsigned int hashes, tries, arrays;
};

extern struct sim_lookups sim_lookups;

void *bpf_map_lookup_elem(struct sim_map *map, const void *key);
long bpf_map_update_elem(struct sim_map *map, const void *key, const void *value, uint64_t flags);
long bpf_map_delete_elem(struct sim_map *map, const void *key);

/* A packet: the programs see @ctx; its head is linear, the rest is not. */
struct sim_skb {
	struct __sk_buff ctx;
	struct xdp_md xdp; /* in place of @ctx, for programs of XDP */
	uint8_t *head;
	uint32_t linear;
	uint8_t *rest;
};

/* What the programs did beside returning a value, and how the world treats them. */
struct sim {
	uint64_t jiffies;
	uint32_t random; /* state of what the programs take for chance */
	uint32_t redirect; /* last interface redirected to */
	uint32_t uplink; /* the interface of all routes, */
	uint32_t mtu; /* and what it takes */
	/* The tunnel that the packet came in by, or was given: its far end and number. */
	bool tunnelled;
	struct bpf_tunnel_key tunnel;
	uint64_t tunnel_flags; /* of the helpers */
	uint16_t socket_port; /* the node has a socket of each kind here, host order; 0: none */
	const char *fail; /* the helper of this name fails once, */
	unsigned int fail_after; /* after so many calls that do not */
	/* After so many look-ups in it another CPU has moved all of one map to the other. */
	struct sim_map *move_from, *move_to;
	unsigned int move_after;
	bool moved;
	/* What another CPU does before the next write to this map. */
	struct sim_map *race_for;
	void (*race)(void);
	uint64_t csum; /* what the programs say that the sum over the packet has changed by */
	void (*clone)(const struct sim_skb *skb, uint32_t ifindex, uint64_t flags);
};

extern struct sim sim;

/* It is this helper's turn to fail. */
bool sim_fails(const char *helper);

struct sim_skb *sim_skb_new(const void *data, uint32_t len, uint32_t linear);
void sim_skb_free(struct sim_skb *skb);
void sim_skb_copy(void *ret, const struct sim_skb *skb);

void *skb_data(const struct __sk_buff *skb);
void *skb_data_end(const struct __sk_buff *skb);

void *xdp_data(const struct xdp_md *xdp);
void *xdp_data_end(const struct xdp_md *xdp);

long bpf_xdp_load_bytes(struct xdp_md *xdp, uint32_t offset, void *to, uint32_t len);
long bpf_skb_load_bytes(const struct __sk_buff *skb, uint32_t offset, void *to, uint32_t len);
long bpf_skb_store_bytes(struct __sk_buff *skb, uint32_t offset, const void *from, uint32_t len,
			 uint64_t flags);
long bpf_skb_pull_data(struct __sk_buff *skb, uint32_t len);
long bpf_skb_change_tail(struct __sk_buff *skb, uint32_t len, uint64_t flags);
#define BPF_ADJ_ROOM_NET 0
long bpf_skb_adjust_room(struct __sk_buff *skb, int32_t diff, uint32_t mode, uint64_t flags);
long bpf_skb_change_type(struct __sk_buff *skb, uint32_t type);
long bpf_clone_redirect(struct __sk_buff *skb, uint32_t ifindex, uint64_t flags);
long bpf_redirect(uint32_t ifindex, uint64_t flags);
long bpf_redirect_peer(uint32_t ifindex, uint64_t flags);
/*
 * The node's routes: the tests' world has one to everybody but LOST and this node, by NODE to
 * its pod, and all neighbours are known.
 */
long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *route, int size, uint32_t flags);
long bpf_redirect_neigh(uint32_t ifindex, const struct bpf_redir_neigh *hop, int size,
			uint64_t flags);
long bpf_skb_get_tunnel_key(struct __sk_buff *skb, struct bpf_tunnel_key *key, uint32_t size,
			    uint64_t flags);
long bpf_skb_set_tunnel_key(struct __sk_buff *skb, const struct bpf_tunnel_key *key, uint32_t size,
			    uint64_t flags);
uint64_t bpf_jiffies64(void);
/* As of a packet whose checksum is complete (CHECKSUM_NONE). */
long bpf_l4_csum_replace(struct __sk_buff *skb, uint32_t offset, uint64_t from, uint64_t to,
			 uint64_t flags);
int64_t bpf_csum_update(struct __sk_buff *skb, uint32_t csum);
/* What @to adds to @seed and @from takes away. */
int64_t bpf_csum_diff(const void *from, uint32_t from_size, const void *to, uint32_t to_size,
		      uint32_t seed);
/* The node's sockets: none but what @sim.socket_port says. */
struct bpf_sock *bpf_skc_lookup_tcp(struct __sk_buff *skb, const struct bpf_sock_tuple *tuple,
				    uint32_t size, uint64_t netns, uint64_t flags);
struct bpf_sock *bpf_sk_lookup_udp(struct __sk_buff *skb, const struct bpf_sock_tuple *tuple,
				   uint32_t size, uint64_t netns, uint64_t flags);
long bpf_sk_release(struct bpf_sock *sock);
uint32_t bpf_get_prandom_u32(void);
long bpf_loop(uint32_t count, void *callback, void *ctx, uint64_t flags);
