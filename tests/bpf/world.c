// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define KEY_MAX 64
#define VALUE_MAX 1024
#define SLOTS 4096

const char *map_of(const char *prefix, bool v6, const char *suffix)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s%d%s", prefix, v6 ? 6 : 4, suffix);
	return name;
}

static void put(const char *map, const void *key, const void *value)
{
	ck_assert_msg(!engine_update(map, key, value), "cannot write map %s", map);
}

uint32_t class_of(enum who who)
{
	return who == WORLD || who == WORLD_2 ? 0 : 100 + who;
}

uint32_t ifindex_of(enum who pod)
{
	return engine_ifindex(pod);
}

static uint32_t slot_of(enum who pod)
{
	return ifindex_of(pod) & (SLOTS - 1);
}

struct endpoint endpoint_get(enum who pod)
{
	uint32_t slot = slot_of(pod);
	struct endpoint ep;

	ck_assert_int_eq(engine_lookup("endpoint", &slot, &ep), 0);
	return ep;
}

void endpoint_put(enum who pod, const struct endpoint *ep)
{
	uint32_t slot = slot_of(pod);

	put("endpoint", &slot, ep);
}

void endpoint_clear(enum who pod)
{
	endpoint_put(pod, &(struct endpoint){});
}

void endpoint_ruleset(enum who pod, uint32_t generation, enum policy_dir dir, uint32_t set)
{
	struct endpoint ep = endpoint_get(pod);

	ep.ruleset[generation & 1][dir] = set;
	endpoint_put(pod, &ep);
}

static void peer_write(enum who who, const struct peer *peer, bool v6)
{
	struct ip_addr addr = who_addr(who, v6);
	const char *map = map_of("peer", v6, "");

	if (peer)
		put(map, v6 ? (void *)&addr : &addr.words[3], peer);
	else
		engine_delete(map, v6 ? (void *)&addr : &addr.words[3]);
}

void peer_put(enum who who, enum peer_kind kind, uint32_t ifindex)
{
	struct peer peer = { .class = { class_of(who), class_of(who) }, .ifindex = ifindex,
			     .kind = kind };

	peer_write(who, &peer, false);
	peer_write(who, &peer, true);
}

void peer_clear(enum who who)
{
	peer_write(who, NULL, false);
	peer_write(who, NULL, true);
}

static void make_pod(enum who pod, uint16_t flags)
{
	struct endpoint ep = { .ifindex = ifindex_of(pod), .flags = ENDPOINT_READY | flags,
			       .mtu = 1500, .class = { class_of(pod), class_of(pod) } };

	who_mac(ep.mac, pod);
	who_mac(ep.host_mac, GATEWAY);
	ep.addr4 = who_addr(pod, false).words[3];
	ep.addr6 = who_addr(pod, true);
	endpoint_put(pod, &ep);
	peer_put(pod, PEER_LOCAL_POD, ep.ifindex);
}

static void map_empty(const char *map)
{
	uint8_t key[KEY_MAX];

	while (!engine_next(map, NULL, key))
		ck_assert_int_eq(engine_delete(map, key), 0);
}

static struct node_state state_get(void)
{
	struct node_state state;
	uint32_t zero = 0;

	ck_assert_int_eq(engine_lookup("state", &zero, &state), 0);
	return state;
}

static void state_put(const struct node_state *state)
{
	uint32_t zero = 0;

	put("state", &zero, state);
}

void generation_set(uint32_t generation)
{
	struct node_state state = state_get();

	state.generation = generation;
	state_put(&state);
}

void services_set(uint32_t services)
{
	struct node_state state = state_get();

	state.services = services;
	state_put(&state);
}

void service_cidr_set(enum who who, uint32_t last_bits)
{
	struct node_state state = state_get();

	state.service_cidrs = who ? 2 : 0;
	for (int v6 = 0; v6 < 2; v6++) {
		/* Neither the first one nor the last one. */
		struct service_cidr *cidr = &state.service_cidr[3 + v6];

		*cidr = (struct service_cidr){};
		if (!who)
			continue;
		cidr->rest.words[3] = htonl((1u << last_bits) - 1);
		cidr->addr = who_addr(who, v6);
		cidr->addr.words[3] &= ~cidr->rest.words[3];
	}
	state_put(&state);
}

void node_address_turn(uint32_t turn)
{
	struct node_state state = state_get();

	state.addr6_turn = turn;
	state_put(&state);
}

void node_addresses_set(enum who who)
{
	struct node_state state = state_get();

	state.addr4 = who_addr(who, false).words[3];
	state.addr6 = who_addr(who, true);
	state.gateway4 = who_addr(GATEWAY, false).words[3];
	state.gateway6 = who_addr(GATEWAY, true);
	state_put(&state);
}

void masquerade_set(enum masquerade masquerade, enum who from)
{
	struct masquerade_source source = { .ifindex = engine_ifindex(0) };
	struct node_state state = state_get();

	state.masquerade = masquerade;
	state_put(&state);
	for (uint32_t i = 0; i < 2; i++) {
		source.addr = from ? who_addr(from, i) : (struct ip_addr){};
		/* Number 0 is nobody's. */
		put("masquerade", &(uint32_t){ 1 + i }, &source);
	}
}

void unmasqueraded_put(enum who who)
{
	struct unmasqueraded4_key key4 = { 32, who_addr(who, false).words[3] };
	struct ip_addr addr = who_addr(who, true);
	struct unmasqueraded6_key key6 = { 128, {} };

	memcpy(key6.addr, &addr, sizeof(key6.addr));
	put("unmasqueraded4", &key4, &(uint32_t){ 1 });
	put("unmasqueraded6", &key6, &(uint32_t){ 1 });
}

void world_reset(void)
{
	static const char *const maps[] = { "ct4", "ct4_new", "ct6", "ct6_new", "frag", "held", "peer4",
					    "peer6", "frontend4", "frontend6", "affinity4",
					    "affinity6", "service_range4",
					    "service_range6", "node_cidr4", "node_cidr6",
					    "unmasqueraded4", "unmasqueraded6",
					    "policy_class", "policy_port", "policy_cidr4",
					    "policy_cidr6", "policy_bits" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		map_empty(maps[i]);
	for (uint32_t set = 0; set < 16; set++)
		put("ruleset", &set, &(struct ruleset){});
	services_clear();
	services_set(0);
	service_cidr_set(NOBODY, 0);
	masquerade_set(MASQUERADE_NEVER, NOBODY);
	generation_set(1);
	node_addresses_set(HOST);
	node_address_turn(0);
	make_pod(POD_A, 0);
	make_pod(POD_B, 0);
	make_pod(POD_C, ENDPOINT_CHAINED);
	peer_put(POD_AWAY, PEER_REMOTE_POD, 0);
	peer_put(HOST, PEER_HOST, 0);
	peer_put(GATEWAY, PEER_HOST, 0);
	peer_put(NODE, PEER_NODE, 0);
}

uint32_t clock_now(void)
{
	struct frame frame = { .len = 64 };
	struct engine_run run = { .program = CLOCK, .frame = &frame };

	ck_assert(engine_run(&run));
	return (uint32_t)run.action;
}

/* The canonical key, worked out once more: the lower end is the one that sorts first. */
static void ct_key(void *ret, const struct packet *packet, bool v6)
{
	struct {
		struct ip_addr addr;
		__be16 port;
	} ends[2] = { { who_addr(packet->src, v6), htons(packet->sport) },
		      { who_addr(packet->dst, v6), htons(packet->dport) } };
	int low;

	if (packet->kind == PACKET_ECHO || packet->kind == PACKET_ECHO_REPLY)
		ends[1].port = ends[0].port;
	low = memcmp(&ends[0].addr, &ends[1].addr, 16);
	if (!low)
		low = ntohs(ends[0].port) > ntohs(ends[1].port);
	low = low > 0;
	if (v6)
		*(struct ct6_key *)ret = (struct ct6_key){
			.addr = { ends[low].addr, ends[!low].addr },
			.port = { ends[low].port, ends[!low].port },
			.proto = packet_proto(packet, v6) };
	else
		*(struct ct4_key *)ret = (struct ct4_key){
			.addr = { ends[low].addr.words[3], ends[!low].addr.words[3] },
			.port = { ends[low].port, ends[!low].port },
			.proto = packet_proto(packet, v6) };
}

bool ct_get_value(const char *suffix, struct ct6_value *ret, const struct packet *packet,
		  bool v6)
{
	uint8_t key[sizeof(struct ct6_key)];

	ct_key(key, packet, v6);
	return !engine_lookup(map_of("ct", v6, suffix), key, ret);
}

bool ct_get(const char *suffix, struct ct_entry *ret, const struct packet *packet, bool v6)
{
	struct ct6_value value;

	if (!ct_get_value(suffix, &value, packet, v6))
		return false;
	*ret = value.entry;
	return true;
}

void ct_put_value(const char *suffix, const struct ct6_value *value, const struct packet *packet,
		  bool v6)
{
	uint8_t key[sizeof(struct ct6_key)];

	ct_key(key, packet, v6);
	put(map_of("ct", v6, suffix), key, value);
}

void ct_put(const char *suffix, const struct ct_entry *entry, const struct packet *packet, bool v6)
{
	ct_put_value(suffix, &(struct ct6_value){ .entry = *entry }, packet, v6);
}

unsigned int ct_count(const char *table)
{
	uint8_t key[KEY_MAX];
	unsigned int n = 0;

	for (int r = engine_next(table, NULL, key); !r; r = engine_next(table, key, key))
		n++;
	return n;
}

static void ct_expire(const char *table, uint32_t when)
{
	struct ct6_value value;
	uint8_t key[KEY_MAX];

	for (int r = engine_next(table, NULL, key); !r; r = engine_next(table, key, key)) {
		ck_assert_int_eq(engine_lookup(table, key, &value), 0);
		/* What is put goes to the head of its bucket: two there would be met for ever. */
		if (value.entry.expires == when)
			continue;
		value.entry.expires = when;
		put(table, key, &value);
	}
}

void ct_expire_all(void)
{
	uint32_t past = clock_now() - 1;

	ct_expire("ct4", past);
	ct_expire("ct4_new", past);
	ct_expire("ct6", past);
	ct_expire("ct6_new", past);
}
