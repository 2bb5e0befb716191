// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_entry.h"

#include <arpa/inet.h>

#include "bpf/fixture.h"
#include "hostsim/fuzz_check.h"
#include "hostsim/fuzz_world.h"

static void key_of(void *ret, const struct tuple *tuple, bool v6)
{
	if (v6)
		*(struct ct6_key *)ret = (struct ct6_key){
			.addr = { tuple->src, tuple->dst },
			.port = { htons(tuple->sport), htons(tuple->dport) },
			.proto = tuple->proto };
	else
		*(struct ct4_key *)ret = (struct ct4_key){
			.addr = { tuple->src.words[3], tuple->dst.words[3] },
			.port = { htons(tuple->sport), htons(tuple->dport) },
			.proto = tuple->proto };
}

static bool is_in(struct seen_entry *ret, const char *table, const struct tuple *tuple, bool v6)
{
	uint8_t key[sizeof(struct ct6_key)];

	key_of(key, tuple, v6);
	return !engine_lookup(table, key, &ret->entry) &&
	       (int32_t)(sim_now() - ret->entry.expires) <= 0;
}

/* Whichever end the datapath sorts first. */
void entry_look(struct seen_entry *ret, const struct tuple *tuple)
{
	const struct tuple ways[CT_END_MAX] = { *tuple, tuple_reverse(tuple) };
	static const char *const suffixes[] = { "", "_new" };
	bool v6 = !ip_addr_is_v4(&tuple->src);

	ret->there = false;
	for (int i = 0; i < CT_END_MAX * 2 && !ret->there; i++) {
		ret->sender = (uint8_t)(i & 1);
		ret->there = is_in(ret, map_of("ct", v6, suffixes[i / 2]), &ways[ret->sender], v6);
	}
}

static bool is_link_local(const struct ip_addr *addr)
{
	return addr->bytes[0] == 0xfe && addr->bytes[1] >> 6 == 2;
}

/* An opening of a connection that is known goes on with it, or takes its place. */
static bool goes_on(const struct seen_entry *before, const struct seen_entry *now,
		    const struct reading *packet)
{
	const struct ct_entry *e = &now->entry;

	if (!before->there)
		return false;
	return reading_role(packet, packet->tuple.proto) != ROLE_OPENS ||
	       e->packets[now->sender] > 1 || e->packets[!now->sender];
}

void entry_has_booked(const struct seen_entry *before, const struct reading *packet, bool alone)
{
	bool local = is_link_local(&packet->tuple.src) || is_link_local(&packet->tuple.dst);
	static const struct ct_entry none;
	const struct ct_entry *was = &none;
	struct seen_entry now;
	uint64_t packets, bytes;

	entry_look(&now, &packet->tuple);
	PROMISE(now.there);
	/* A link-local address is judged at each end: no verdict about it is kept. */
	PROMISE(now.entry.generation == (local ? 0 : world_generation()));
	if (goes_on(before, &now, packet))
		was = &before->entry;
	packets = now.entry.packets[now.sender] - was->packets[now.sender];
	bytes = now.entry.bytes[now.sender] - was->bytes[now.sender];
	PROMISE(packets == 1 || (!alone && packets > 1));
	PROMISE(bytes == packet->length || (!alone && bytes > packet->length));
	PROMISE(!alone || now.entry.packets[!now.sender] == was->packets[!now.sender]);
}
