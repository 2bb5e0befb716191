// SPDX-License-Identifier: Apache-2.0
/*
 * The patrol over the real maps: whatever a stranger writes between two rounds is found and
 * taken back, and what the agent itself writes is never taken for drift.
 */
#include <arpa/inet.h>
#include <string.h>

#include <bpf/bpf.h>

#include "bpffs_main.h"
#include "reconcile/drift.h"

#define IFINDEX 65600
#define PEERS 700 /* several batches */

static struct datapath *dp;
static struct reconcile *rec;
static struct drift *drift;
static unsigned int found, failed;
static enum datapath_map last;

static void on_found(void *arg, enum datapath_map map, const char *text, int r)
{
	found++;
	failed += r < 0;
	last = map;
	ck_assert_uint_gt(strlen(text), 0);
}

static struct image *image_make(uint32_t class, size_t peers)
{
	struct image *image = calloc(1, sizeof(*image));
	struct image_ruleset *set;

	image->bindings = calloc(1, sizeof(*image->bindings));
	image->binding_count = 1;
	image->bindings[0] = (struct image_binding){ .ifindex = IFINDEX, .class = class,
						     .ruleset = { class, 0 } };
	image->peers = calloc(peers + 1, sizeof(*image->peers));
	image->peer_count = peers;
	for (uint32_t i = 0; i < peers; i++) {
		ip_addr_set_v4(&image->peers[i].addr, htonl(0x0a000000 + i));
		image->peers[i].class = class;
		image->peers[i].kind = PEER_REMOTE_POD;
	}
	image->rulesets = set = calloc(1, sizeof(*image->rulesets));
	image->ruleset_count = 1;
	set->id = class;
	set->identity = strdup("by hand");
	set->header = (struct ruleset){ .allow = 1, .words = 1, .flags = RULESET_ISOLATED,
					.tier_end = { 0, 1, 1 } };
	set->classes = calloc(1, sizeof(*set->classes));
	set->class_count = 1;
	set->classes[0] = (struct image_class_bits){ class, 1 };
	set->ports = calloc(1, sizeof(*set->ports));
	set->port_count = 1;
	set->ports[0].key = (struct policy_port_key){ .prefixlen = POLICY_PORT_SET_BITS,
						      .set = htonl(class) };
	set->ports[0].bits = 1;
	return image;
}

static void apply(uint32_t class, size_t peers)
{
	ck_assert_int_eq(reconcile_apply(rec, image_make(class, peers), NULL), 0);
}

static void begin(void)
{
	const struct datapath_config config = { .bpffs = bpffs };
	const struct drift_listener listener = { .found = on_found };
	const struct endpoint ep = { .ifindex = IFINDEX, .mtu = 1500 };
	char error[DATAPATH_ERROR_MAX] = "";

	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	ck_assert_int_eq(reconcile_new(&rec, dp), 0);
	ck_assert_int_eq(drift_new(&drift, rec, NULL, &listener), 0);
	ck_assert_int_eq(reconcile_endpoint_open(rec, &ep), 0);
	apply(1, PEERS);
	reconcile_settle(rec);
}

static void end(void)
{
	drift_free(drift);
	reconcile_free(rec);
	datapath_free(dp);
}

static void round_of(unsigned int expected)
{
	unsigned int before = found;

	while (drift_step(drift))
		;
	ck_assert_uint_eq(found - before, expected);
	ck_assert_uint_eq(failed, 0);
}

START_TEST(what_the_agent_writes_is_no_drift)
{
	begin();
	round_of(0);
	for (uint32_t class = 2; class < 12; class++) {
		apply(class, class % 3 ? PEERS : PEERS / 2);
		/* Halves differ, and what goes is there still. */
		round_of(0);
		ck_assert_uint_gt(drift_skipped(drift), 0);
		reconcile_settle(rec);
		round_of(0);
		reconcile_judge_again(rec);
		round_of(0);
	}
	end();
}
END_TEST

START_TEST(what_changes_in_the_middle_of_a_round_is_no_drift)
{
	begin();
	/* The table begins anew each time, and is read at one go in the end. */
	for (uint32_t i = 0; i < 200; i++) {
		drift_step(drift);
		apply(2 + i % 2, i % 2 ? PEERS : PEERS - 300);
		reconcile_settle(rec);
	}
	while (drift_step(drift))
		;
	round_of(0);
	ck_assert_uint_eq(found, 0);
	end();
}
END_TEST

static int peer_fd(void)
{
	return datapath_map_fd(dp, MAP_PEER4);
}

START_TEST(peers_are_healed)
{
	struct peer peer, wrong = { .class = { 9, 9 } };
	__be32 gone = htonl(0x0a000007), altered = htonl(0x0a000008), extra = htonl(0x0b000001);

	begin();
	ck_assert_int_eq(bpf_map_delete_elem(peer_fd(), &gone), 0);
	ck_assert_int_eq(bpf_map_update_elem(peer_fd(), &altered, &wrong, BPF_ANY), 0);
	ck_assert_int_eq(bpf_map_update_elem(peer_fd(), &extra, &wrong, BPF_ANY), 0);
	round_of(3);
	ck_assert_int_eq(last, MAP_PEER4);
	ck_assert_int_eq(bpf_map_lookup_elem(peer_fd(), &gone, &peer), 0);
	ck_assert_uint_eq(peer.class[0], 1);
	ck_assert_uint_eq(peer.class[1], 1);
	ck_assert_int_eq(bpf_map_lookup_elem(peer_fd(), &altered, &peer), 0);
	ck_assert_uint_eq(peer.class[0], 1);
	ck_assert_int_lt(bpf_map_lookup_elem(peer_fd(), &extra, &peer), 0);
	round_of(0);
	end();
}
END_TEST

START_TEST(rule_sets_are_healed)
{
	struct policy_port_key key = { .prefixlen = POLICY_PORT_SET_BITS, .set = htonl(1) };
	struct ruleset header = {}, stranger = { .words = 1 };
	uint32_t id = 1, other = 77;

	begin();
	ck_assert_int_eq(bpf_map_update_elem(datapath_map_fd(dp, MAP_RULESET), &id, &header, 0), 0);
	ck_assert_int_eq(bpf_map_update_elem(datapath_map_fd(dp, MAP_RULESET), &other, &stranger, 0),
			 0);
	ck_assert_int_eq(bpf_map_delete_elem(datapath_map_fd(dp, MAP_POLICY_PORT), &key), 0);
	round_of(3);
	ck_assert_int_eq(bpf_map_lookup_elem(datapath_map_fd(dp, MAP_RULESET), &id, &header), 0);
	ck_assert_uint_eq(header.words, 1);
	ck_assert_int_eq(bpf_map_lookup_elem(datapath_map_fd(dp, MAP_RULESET), &other, &header), 0);
	ck_assert_uint_eq(header.words, 0);
	round_of(0);
	end();
}
END_TEST

START_TEST(endpoints_and_the_generation_are_healed)
{
	uint32_t slot = IFINDEX % ENDPOINT_SLOTS, generation;
	struct endpoint ep = {}, none = {};
	int fd;

	begin();
	fd = datapath_map_fd(dp, MAP_ENDPOINT);
	generation = datapath_state(dp)->generation;
	ck_assert_int_eq(bpf_map_update_elem(fd, &slot, &none, BPF_ANY), 0);
	datapath_state(dp)->generation = 0;
	round_of(2);
	ck_assert_int_eq(bpf_map_lookup_elem(fd, &slot, &ep), 0);
	ck_assert_uint_eq(ep.ifindex, IFINDEX);
	ck_assert_uint_eq(datapath_state(dp)->generation, generation);
	/* A slot that is free shall be so. */
	slot = (slot + 1) % ENDPOINT_SLOTS;
	ck_assert_int_eq(bpf_map_update_elem(fd, &slot, &ep, BPF_ANY), 0);
	round_of(1);
	ck_assert_int_eq(bpf_map_lookup_elem(fd, &slot, &ep), 0);
	ck_assert_uint_eq(ep.ifindex, 0);
	round_of(0);
	end();
}
END_TEST

BPFFS_MAIN("drift", CHECK_TEST(what_the_agent_writes_is_no_drift),
	   CHECK_TEST(what_changes_in_the_middle_of_a_round_is_no_drift),
	   CHECK_TEST(peers_are_healed), CHECK_TEST(rule_sets_are_healed),
	   CHECK_TEST(endpoints_and_the_generation_are_healed))
