// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_world.h"

#include <netinet/in.h>

#include "hostsim/engine_host.h"
#include "hostsim/rules_naive.h"

#define PODS 3
#define FIRST_SET 2 /* rule set id of the first of the table */

static const struct rules table[] = {
	{ RULESET_ISOLATED, { 0, 0, 0 }, {}, 0 },
	/* Port 53 for everybody, anything for A. */
	{ RULESET_ISOLATED, { 0, 2, 2 }, {
		{ 0, .proto = IPPROTO_UDP, .port = 53 }, { 1, .class = POD_A } }, 2 },
	/* The same kind in a wide set. */
	{ RULESET_ISOLATED, { 0, 200, 200 }, {
		{ 150, .cidr4 = "198.51.100.0/24", .cidr6 = "2001:db8:ffff::/48" },
		{ 70, .proto = IPPROTO_TCP, .port = 80 } }, 2 },
	/* All tiers and actions. */
	{ RULESET_ISOLATED, { 3, 5, 6 }, {
		{ 0, DENY, .class = POD_B, .proto = IPPROTO_TCP },
		{ 1, PASS, .cidr4 = "10.0.0.0/8", .cidr6 = "fd00::/8" },
		{ 2, ALLOW, .proto = IPPROTO_UDP, .port = 48, .port_bits = 12 },
		{ 3, ALLOW, .class = POD_AWAY },
		{ 4, ALLOW, .proto = IPPROTO_TCP, .port = 80 } }, 5 },
	/* Nothing isolates; the baseline denies all but one pod. */
	{ 0, { 0, 0, 2 }, { { 0, ALLOW, .class = POD_AWAY }, { 1, DENY } }, 2 },
	/* A block with a hole where B is. */
	{ RULESET_ISOLATED, { 0, 2, 2 }, {
		{ 0, .cidr4 = "10.0.0.0/8", .except4 = "10.1.0.3/32", .cidr6 = "fd00::/8",
		  .except6 = "fd01::3/128" },
		{ 1, .proto = IPPROTO_SCTP, .port = 80 } }, 2 },
	/* Two peers and two ports in one group: each with each. */
	{ RULESET_ISOLATED, { 0, 1, 1 }, {
		{ 0, .class = POD_A, .proto = IPPROTO_TCP, .port = 80 },
		{ 0, .class = POD_C, .proto = IPPROTO_UDP } }, 2 },
};
#define SETS ((uint32_t)(sizeof(table) / sizeof(*table)))

struct pod_model {
	bool there;
	bool ready;
	/* 0: none; otherwise the row above, counted from 1. */
	uint32_t sets[2][POLICY_DIR_MAX]; /* as written, by half */
	struct endpoint entry;
};

static struct {
	struct pod_model pods[PODS];
	uint32_t generation;
	bool away; /* POD_AWAY has an owner */
	bool away_leaves; /* its entry goes when the world settles */
	bool unsettled;
} world;

static struct pod_model *model(enum who pod)
{
	return &world.pods[pod - POD_A];
}

static uint32_t half(void)
{
	return world.generation & 1;
}

uint32_t world_generation(void)
{
	return world.generation;
}

static void write_pod(enum who pod)
{
	struct pod_model *m = model(pod);
	struct endpoint ep = m->entry;

	if (!m->there) {
		endpoint_clear(pod);
		return;
	}
	for (int i = 0; i < 2; i++)
		for (int dir = 0; dir < POLICY_DIR_MAX; dir++)
			ep.ruleset[i][dir] = m->sets[i][dir] ? FIRST_SET + m->sets[i][dir] - 1 : 0;
	if (!m->ready)
		ep.flags &= (uint16_t)~ENDPOINT_READY;
	endpoint_put(pod, &ep);
}

static void away_write(uint32_t class0, uint32_t class1)
{
	struct peer peer = { .class = { class0, class1 }, .kind = PEER_REMOTE_POD };
	struct ip_addr v4 = who_addr(POD_AWAY, false), v6 = who_addr(POD_AWAY, true);

	ck_assert_int_eq(engine_update("peer4", &v4.words[3], &peer), 0);
	ck_assert_int_eq(engine_update("peer6", &v6, &peer), 0);
}

/* The idle half becomes what the valid one is, and what nobody refers to goes. */
static void settle(void)
{
	if (!world.unsettled)
		return;
	world.unsettled = false;
	for (enum who pod = POD_A; pod <= POD_C; pod++) {
		memcpy(model(pod)->sets[!half()], model(pod)->sets[half()],
		       sizeof(model(pod)->sets[0]));
		write_pod(pod);
		if (!model(pod)->there)
			peer_clear(pod);
	}
	if (world.away_leaves)
		peer_clear(POD_AWAY);
	else if (world.away)
		away_write(class_of(POD_AWAY), class_of(POD_AWAY));
	world.away_leaves = false;
}

static void step(uint32_t by)
{
	world.generation = world.generation + by ?: 2;
	generation_set(world.generation);
	world.unsettled = true;
}

static void policy_idle(enum who pod, enum policy_dir dir, uint32_t set)
{
	model(pod)->sets[!half()][dir] = set % (SETS + 1);
	write_pod(pod);
}

static void policy_changes(enum who pod, const struct record *record)
{
	settle();
	policy_idle(pod, record->arg[2] % POLICY_DIR_MAX, record->arg[3]);
	step(1);
}

static void policies_change(const struct record *record)
{
	settle();
	for (int i = 0; i < PODS * POLICY_DIR_MAX; i++)
		policy_idle(POD_A + i / POLICY_DIR_MAX, i % POLICY_DIR_MAX, record->arg[1 + i]);
	step(1);
}

static void pod_leaves(enum who pod)
{
	settle();
	model(pod)->there = false;
	write_pod(pod);
	/* Its addresses are peers until the world settles, and find no endpoint. */
	step(2);
}

static void pod_comes(enum who pod, const struct record *record)
{
	struct pod_model *m = model(pod);

	settle();
	m->there = true;
	m->ready = false;
	for (int i = 0; i < 2; i++)
		for (int dir = 0; dir < POLICY_DIR_MAX; dir++)
			m->sets[i][dir] = record->arg[2 + dir] % (SETS + 1);
	write_pod(pod);
	peer_put(pod, PEER_LOCAL_POD, m->entry.ifindex);
	step(2);
	m->ready = true;
	write_pod(pod);
}

static void away_changes(void)
{
	uint32_t class = class_of(POD_AWAY), odd = !half();

	settle();
	world.away = !world.away;
	world.away_leaves = !world.away;
	if (world.away)
		away_write(odd ? 0 : class, odd ? class : 0);
	else
		away_write(odd ? class : 0, odd ? 0 : class);
	step(1);
}

static void tables_shrink(const struct record *record)
{
	static const uint32_t sizes[] = { 0, 1, 2, 4 };

	for (int v6 = 0; v6 < 2; v6++) {
		sim_map_limit(map_of("ct", v6, ""), sizes[record->arg[1] % 4]);
		sim_map_limit(map_of("ct", v6, "_new"), sizes[record->arg[2] % 4]);
	}
	sim_map_limit("frag", sizes[record->arg[3] % 4]);
	sim_map_limit("held", sizes[record->arg[4] % 4]);
}

static void helper_fails(const struct record *record)
{
	static const char *const names[] = {
		"ct4", "ct6", "ct4_new", "ct6_new", "frag", "held", "bpf_skb_pull_data",
		"bpf_skb_store_bytes", "bpf_skb_change_tail", "bpf_skb_change_type",
		"bpf_clone_redirect",
	};

	sim_fail(names[record->arg[1] % (sizeof(names) / sizeof(*names))], record->arg[2] % 4);
}

void world_event(const struct record *record)
{
	enum who pod = POD_A + record->arg[1] % PODS;

	/* Programs only are out of luck. */
	sim_fail(NULL, 0);
	switch (record->arg[0] % EVENT_MAX) {
	case EVENT_POLICY:
		return policy_changes(pod, record);
	case EVENT_POLICIES:
		return policies_change(record);
	case EVENT_TIME:
		return sim_time_passes(record_u16(record, 1) * 10u);
	case EVENT_ALL_EXPIRE:
		return ct_expire_all();
	case EVENT_POD_COMES_OR_GOES:
		return model(pod)->there ? pod_leaves(pod) : pod_comes(pod, record);
	case EVENT_READY_OR_NOT:
		model(pod)->ready = !model(pod)->ready;
		return write_pod(pod);
	case EVENT_AWAY_COMES_OR_GOES:
		return away_changes();
	case EVENT_TABLES_SHRINK:
		return tables_shrink(record);
	case EVENT_HELPER_FAILS:
		return helper_fails(record);
	default:
		return settle();
	}
}

void world_begin(uint32_t generation)
{
	static const struct record roomy;

	sim_fail(NULL, 0);
	tables_shrink(&roomy);
	world_reset();
	memset(&world, 0, sizeof(world));
	for (uint32_t i = 0; i < SETS; i++)
		ruleset_write(FIRST_SET + i, &table[i]);
	for (enum who pod = POD_A; pod <= POD_C; pod++)
		*model(pod) = (struct pod_model){ .there = true, .ready = true,
						  .entry = endpoint_get(pod) };
	world.away = true;
	world.generation = generation ?: 1;
	generation_set(world.generation);
}

static bool is_pod(enum who who)
{
	return who == POD_A || who == POD_B || who == POD_C;
}

bool pod_is_ready(enum who pod)
{
	return is_pod(pod) && model(pod)->there && model(pod)->ready;
}

bool pod_is_open(enum who pod, enum policy_dir dir)
{
	return !model(pod)->sets[half()][dir];
}

enum who pod_at(const struct ip_addr *addr)
{
	for (enum who pod = POD_A; pod <= POD_C; pod++) {
		struct ip_addr own = who_addr(pod, !ip_addr_is_v4(addr));

		if (model(pod)->there && ip_addr_equal(&own, addr))
			return pod;
	}
	return NOBODY;
}

enum who pod_behind(uint32_t ifindex)
{
	for (enum who pod = POD_A; pod <= POD_C; pod++)
		if (ifindex_of(pod) == ifindex && model(pod)->there)
			return pod;
	return NOBODY;
}

/* The class that @addr has in policies, by the one who is its only member. */
static enum who class_at(enum who pod, const struct ip_addr *addr)
{
	struct ip_addr away = who_addr(POD_AWAY, !ip_addr_is_v4(addr));

	if (pod)
		return pod;
	return world.away && ip_addr_equal(&away, addr) ? POD_AWAY : NOBODY;
}

/* What @pod's policy says about the other end. */
static bool end_allows(enum who pod, enum policy_dir dir, enum who other,
		       const struct ip_addr *addr, const struct tuple *tuple)
{
	uint32_t set = model(pod)->sets[half()][dir];

	return !set || rules_allow(&table[set - 1], class_at(other, addr), addr, tuple->proto,
				   tuple->dport);
}

bool world_allows(const struct opening *opening)
{
	const struct tuple *tuple = &opening->tuple;
	enum who from = opening->from, to = opening->to;

	if (from && from == to)
		return true;
	if (from && !end_allows(from, POLICY_EGRESS, to, &tuple->dst, tuple))
		return false;
	if (!to || (opening->exempt && !from))
		return true;
	return end_allows(to, POLICY_INGRESS, from, &tuple->src, tuple);
}
