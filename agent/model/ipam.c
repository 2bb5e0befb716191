// SPDX-License-Identifier: Apache-2.0
#include "model/ipam.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "base/cleanup.h"

#define WORD_BITS 64
#define OFFSET_GATEWAY 1
#define OFFSET_FIRST 2

/* A taken address beyond the span. */
struct far_addr {
	struct ip_addr addr;
	UT_hash_handle hh;
};

struct ipam_pool {
	struct prefix prefix;
	bool v4;
	uint32_t end; /* first offset that is not handed out by itself */
	uint32_t cursor; /* offset after the last one given */
	size_t used; /* within the span */
	struct far_addr *far;
	uint64_t bits[IPAM_SPAN / WORD_BITS];
};

bool ipam_prefix_is_special(const struct prefix *prefix)
{
	static const char *const ranges[] = {
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3",
		"::/8",	     "fe80::/10",   "ff00::/8",
	};
	struct prefix range;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (!prefix_parse(&range, NULL, ranges[i]) &&
		    (prefix_covers(&range, prefix) || prefix_covers(prefix, &range)))
			return true;
	return false;
}

struct ip_addr ipam_gateway(const struct prefix *prefix)
{
	struct ip_addr addr = prefix->addr;

	addr.words[3] |= htonl(OFFSET_GATEWAY);
	return addr;
}

const char *ipam_prefix_doubt(const struct prefix *prefix)
{
	if (ipam_prefix_is_special(prefix))
		return "has addresses that no pod can have";
	return prefix_width(prefix) - prefix->bits < 2 ? "has no room for pods" : NULL;
}

void ipam_pool_free(struct ipam_pool *pool)
{
	struct far_addr *item, *next;

	if (!pool)
		return;
	HASH_ITER(hh, pool->far, item, next) {
		HASH_DEL(pool->far, item);
		free(item);
	}
	free(pool);
}

void ipam_pool_freep(struct ipam_pool **pool)
{
	ipam_pool_free(*pool);
}

int ipam_pool_new(struct ipam_pool **ret, const struct prefix *prefix)
{
	cleanup(ipam_pool_freep) struct ipam_pool *pool = NULL;
	bool v4 = ip_addr_is_v4(&prefix->addr);
	unsigned int width = v4 ? 32 : 128;
	unsigned int host_bits;
	uint64_t size;

	if (prefix->bits > width || width - prefix->bits < 2)
		return -EINVAL;
	host_bits = width - prefix->bits;
	size = host_bits >= 32 ? 1ULL << 32 : 1ULL << host_bits;

	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->prefix = *prefix;
	pool->v4 = v4;
	pool->end = size > IPAM_SPAN ? IPAM_SPAN : (uint32_t)size;
	if (v4 && size <= IPAM_SPAN)
		pool->end--; /* broadcast */
	pool->cursor = OFFSET_FIRST;
	*ret = take_ptr(&pool);
	return 0;
}

/* The prefix is masked, and at least two host bits are free: no carry leaves the last word. */
static struct ip_addr addr_at(const struct ipam_pool *pool, uint32_t offset)
{
	struct ip_addr addr = pool->prefix.addr;

	addr.words[3] = htonl(ntohl(addr.words[3]) | offset);
	return addr;
}

static bool bit_get(const struct ipam_pool *pool, uint32_t offset)
{
	return pool->bits[offset / WORD_BITS] >> (offset % WORD_BITS) & 1;
}

static void bit_set(struct ipam_pool *pool, uint32_t offset)
{
	pool->bits[offset / WORD_BITS] |= 1ULL << (offset % WORD_BITS);
	pool->used++;
}

/* First free offset in [@from, @to), or @to. */
static uint32_t find_free(const struct ipam_pool *pool, uint32_t from, uint32_t to)
{
	uint32_t offset = from, found;
	uint64_t open;

	while (offset < to) {
		open = ~pool->bits[offset / WORD_BITS] & (~0ULL << (offset % WORD_BITS));
		if (open) {
			found = offset / WORD_BITS * WORD_BITS + (uint32_t)__builtin_ctzll(open);
			return found < to ? found : to;
		}
		offset = (offset / WORD_BITS + 1) * WORD_BITS;
	}
	return to;
}

int ipam_pool_take(struct ip_addr *ret, struct ipam_pool *pool)
{
	uint32_t offset;

	offset = find_free(pool, pool->cursor, pool->end);
	if (offset >= pool->end) {
		offset = find_free(pool, OFFSET_FIRST, pool->cursor);
		if (offset >= pool->cursor)
			return -ENOSPC;
	}
	bit_set(pool, offset);
	pool->cursor = offset + 1;
	*ret = addr_at(pool, offset);
	return 0;
}

bool ipam_pool_contains(const struct ipam_pool *pool, const struct ip_addr *addr)
{
	unsigned int bits = pool->prefix.bits + (pool->v4 ? 96 : 0);
	unsigned int whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (memcmp(addr->bytes, pool->prefix.addr.bytes, whole))
		return false;
	return !rest || !((addr->bytes[whole] ^ pool->prefix.addr.bytes[whole]) & mask);
}

/* Whether @addr is within the span; then its offset. */
static bool near_offset(uint32_t *ret, const struct ipam_pool *pool, const struct ip_addr *addr)
{
	uint32_t offset = ntohl(addr->words[3]) - ntohl(pool->prefix.addr.words[3]);
	struct ip_addr back;

	if (offset >= IPAM_SPAN)
		return false;
	back = addr_at(pool, offset);
	if (!ip_addr_equal(&back, addr))
		return false;
	*ret = offset;
	return true;
}

static bool is_broadcast(const struct ipam_pool *pool, const struct ip_addr *addr)
{
	uint32_t hosts;

	if (!pool->v4)
		return false;
	hosts = pool->prefix.bits ? (1U << (32 - pool->prefix.bits)) - 1 : ~0U;
	return (ntohl(addr->words[3]) & hosts) == hosts;
}

bool ipam_pool_is_reserved(const struct ipam_pool *pool, const struct ip_addr *addr)
{
	uint32_t offset;

	if (!ipam_pool_contains(pool, addr))
		return false;
	return is_broadcast(pool, addr) ||
	       (near_offset(&offset, pool, addr) && offset < OFFSET_FIRST);
}

static int take_far(struct ipam_pool *pool, const struct ip_addr *addr)
{
	struct far_addr *item;

	HASH_FIND(hh, pool->far, addr, sizeof(*addr), item);
	if (item)
		return -EADDRINUSE;
	if (HASH_COUNT(pool->far) >= IPAM_FAR_MAX)
		return -ENOSPC;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->addr = *addr;
	HASH_ADD(hh, pool->far, addr, sizeof(item->addr), item);
	return 0;
}

int ipam_pool_take_addr(struct ipam_pool *pool, const struct ip_addr *addr)
{
	uint32_t offset;

	if (!ipam_pool_contains(pool, addr))
		return -ERANGE;
	if (ipam_pool_is_reserved(pool, addr))
		return -EINVAL;
	if (!near_offset(&offset, pool, addr))
		return take_far(pool, addr);
	if (bit_get(pool, offset))
		return -EADDRINUSE;
	bit_set(pool, offset);
	return 0;
}

void ipam_pool_release(struct ipam_pool *pool, const struct ip_addr *addr)
{
	struct far_addr *item;
	uint32_t offset;

	if (!ipam_pool_contains(pool, addr))
		return;
	if (near_offset(&offset, pool, addr)) {
		if (!bit_get(pool, offset))
			return;
		pool->bits[offset / WORD_BITS] &= ~(1ULL << (offset % WORD_BITS));
		pool->used--;
		return;
	}
	HASH_FIND(hh, pool->far, addr, sizeof(*addr), item);
	if (!item)
		return;
	HASH_DEL(pool->far, item);
	free(item);
}

struct ip_addr ipam_pool_gateway(const struct ipam_pool *pool)
{
	return ipam_gateway(&pool->prefix);
}

const struct prefix *ipam_pool_prefix(const struct ipam_pool *pool)
{
	return &pool->prefix;
}

size_t ipam_pool_used(const struct ipam_pool *pool)
{
	return pool->used + HASH_COUNT(pool->far);
}

size_t ipam_pool_available(const struct ipam_pool *pool)
{
	return pool->end - OFFSET_FIRST - pool->used;
}
