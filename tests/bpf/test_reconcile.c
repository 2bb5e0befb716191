// SPDX-License-Identifier: Apache-2.0
/*
 * From one image to the next in the real maps: what packets can see at each
 * moment, what is left when something does not fit, and what a new agent finds.
 * Images are made by hand; how they come about is the compiler's test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/file.h"
#include "bpffs_main.h"
#include "reconcile/reconcile.h"

#define IFINDEX 65600

static struct datapath *dp;
static struct reconcile *rec;

static void open_agent(void)
{
	const struct datapath_config config = { .bpffs = bpffs };
	char error[DATAPATH_ERROR_MAX] = "";

	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	ck_assert_int_eq(reconcile_new(&rec, dp), 0);
}

static void close_agent(void)
{
	reconcile_free(rec);
	datapath_free(dp);
}

static struct ip_addr v4(const char *text)
{
	struct ip_addr addr;

	ck_assert_int_eq(addr_parse(&addr, text), 0);
	return addr;
}

/* One rule set @set that allows @class everything, one class, one endpoint; peers follow. */
static struct image *image_make(uint32_t set, uint32_t class, size_t peers)
{
	struct image *image = calloc(1, sizeof(*image));
	struct image_ruleset *ruleset;

	image->bindings = calloc(1, sizeof(*image->bindings));
	image->binding_count = 1;
	image->bindings[0] = (struct image_binding){ .ifindex = IFINDEX, .class = class,
						     .ruleset = { set, 0 } };
	image->peers = calloc(peers, sizeof(*image->peers));
	image->peer_count = peers;
	for (uint32_t i = 0; i < peers; i++) {
		ip_addr_set_v4(&image->peers[i].addr, htonl(0x0a000000 + i));
		image->peers[i].class = class;
		image->peers[i].kind = PEER_REMOTE_POD;
	}
	image->classes = calloc(1, sizeof(*image->classes));
	image->class_count = 1;
	image->classes[0].id = class;
	image->rulesets = calloc(1, sizeof(*image->rulesets));
	image->ruleset_count = 1;
	ruleset = &image->rulesets[0];
	ruleset->id = set;
	ruleset->identity = strdup("by hand");
	ruleset->header = (struct ruleset){ .allow = 1, .words = 1, .flags = RULESET_ISOLATED,
					    .tier_end = { 0, 1, 1 } };
	ruleset->classes = calloc(1, sizeof(*ruleset->classes));
	ruleset->class_count = 1;
	ruleset->classes[0] = (struct image_class_bits){ class, 1 };
	ruleset->ports = calloc(1, sizeof(*ruleset->ports));
	ruleset->port_count = 1;
	ruleset->ports[0].key = (struct policy_port_key){ .prefixlen = POLICY_PORT_SET_BITS,
							  .set = htonl(set) };
	ruleset->ports[0].bits = 1;
	return image;
}

static struct peer peer_of(const char *text, bool *there)
{
	struct ip_addr addr = v4(text);
	struct peer peer = {};

	*there = !bpf_map_lookup_elem(datapath_map_fd(dp, MAP_PEER4), &addr.words[3], &peer);
	return peer;
}

static bool ruleset_is_there(uint32_t set)
{
	struct policy_class_key key = { .set = set, .class = 1 };
	struct ruleset header;
	uint64_t bits;

	ck_assert_int_eq(bpf_map_lookup_elem(datapath_map_fd(dp, MAP_RULESET), &set, &header), 0);
	for (key.class = 1; key.class < 100; key.class++)
		if (!bpf_map_lookup_elem(datapath_map_fd(dp, MAP_POLICY_CLASS), &key, &bits)) {
			ck_assert_uint_eq(header.words, 1);
			return true;
		}
	ck_assert_uint_eq(header.words, 0);
	return false;
}

static uint32_t generation(void)
{
	return datapath_state(dp)->generation;
}

static void open_endpoint(void)
{
	const struct endpoint ep = { .ifindex = IFINDEX, .mtu = 1500 };

	ck_assert_int_eq(reconcile_endpoint_open(rec, &ep), 0);
}

static void apply(struct image *image)
{
	ck_assert_int_eq(reconcile_apply(rec, image, NULL), 0);
}

START_TEST(nothing_passes_before_the_first_image)
{
	open_agent();
	ck_assert_uint_eq(generation(), 0);
	ck_assert(!reconcile_in_force(rec));
	open_endpoint();
	apply(image_make(1, 1, 2));
	ck_assert_uint_eq(generation(), 1);
	ck_assert(reconcile_in_force(rec));
	ck_assert(!(reconcile_endpoint(rec, IFINDEX)->flags & ENDPOINT_READY));
	ck_assert_int_eq(reconcile_endpoint_ready(rec, IFINDEX), 0);
	ck_assert(reconcile_endpoint(rec, IFINDEX)->flags & ENDPOINT_READY);
	close_agent();
}
END_TEST

START_TEST(what_is_in_use_changes_with_one_turn)
{
	const struct endpoint *ep;
	struct peer peer;
	uint32_t now;
	bool there;

	open_agent();
	open_endpoint();
	apply(image_make(1, 1, 2));
	reconcile_settle(rec);
	apply(image_make(2, 7, 2));
	now = generation();
	ck_assert_uint_eq(now, 2);
	/* Who still runs in generation 1 finds everything of it. */
	peer = peer_of("10.0.0.1", &there);
	ep = reconcile_endpoint(rec, IFINDEX);
	ck_assert(there);
	ck_assert_uint_eq(peer.class[now & 1], 7);
	ck_assert_uint_eq(peer.class[(now - 1) & 1], 1);
	ck_assert_uint_eq(ep->ruleset[now & 1][POLICY_INGRESS], 2);
	ck_assert_uint_eq(ep->ruleset[(now - 1) & 1][POLICY_INGRESS], 1);
	ck_assert(ruleset_is_there(1) && ruleset_is_there(2));

	reconcile_settle(rec);
	peer = peer_of("10.0.0.1", &there);
	ck_assert_uint_eq(peer.class[0], 7);
	ck_assert_uint_eq(peer.class[1], 7);
	ck_assert_uint_eq(reconcile_endpoint(rec, IFINDEX)->class[0], 7);
	ck_assert_uint_eq(reconcile_endpoint(rec, IFINDEX)->class[1], 7);
	ck_assert(!ruleset_is_there(1) && ruleset_is_there(2));
	close_agent();
}
END_TEST

START_TEST(a_pod_of_this_node_comes_without_a_turn)
{
	struct image *image;
	struct peer peer;
	bool there;

	open_agent();
	open_endpoint();
	apply(image_make(1, 1, 2));
	reconcile_settle(rec);
	image = image_make(1, 1, 3);
	image->peers[2].kind = PEER_LOCAL_POD;
	image->peers[2].ifindex = IFINDEX + 1;
	apply(image);
	/* Two on: the halves stay, and every connection is judged once more. */
	ck_assert_uint_eq(generation(), 3);
	peer = peer_of("10.0.0.2", &there);
	ck_assert(there);
	ck_assert_uint_eq(peer.class[0], 1);
	ck_assert_uint_eq(peer.class[1], 1);
	ck_assert_uint_eq(peer.ifindex, IFINDEX + 1);

	apply(image_make(1, 1, 2));
	ck_assert_uint_eq(generation(), 5);
	peer_of("10.0.0.2", &there);
	ck_assert(!there);
	close_agent();
}
END_TEST

START_TEST(an_address_that_gets_an_owner_elsewhere_is_world_until_the_turn)
{
	struct peer peer;
	uint32_t now;
	bool there;

	open_agent();
	open_endpoint();
	apply(image_make(1, 1, 1));
	reconcile_settle(rec);
	apply(image_make(1, 1, 2));
	now = generation();
	ck_assert_uint_eq(now, 2);
	peer = peer_of("10.0.0.1", &there);
	ck_assert(there);
	ck_assert_uint_eq(peer.class[now & 1], 1);
	ck_assert_uint_eq(peer.class[(now - 1) & 1], 0);
	close_agent();
}
END_TEST

START_TEST(an_address_that_loses_its_owner_elsewhere_is_world_from_the_turn_on)
{
	struct peer peer;
	uint32_t now;
	bool there;

	open_agent();
	open_endpoint();
	apply(image_make(1, 1, 2));
	reconcile_settle(rec);
	apply(image_make(1, 1, 1));
	now = generation();
	ck_assert_uint_eq(now, 2);
	/* A verdict of the new generation would last as long as its connection. */
	peer = peer_of("10.0.0.1", &there);
	ck_assert(there);
	ck_assert_uint_eq(peer.class[now & 1], 0);
	ck_assert_uint_eq(peer.class[(now - 1) & 1], 1);
	reconcile_settle(rec);
	peer_of("10.0.0.1", &there);
	ck_assert(!there);
	close_agent();
}
END_TEST

START_TEST(what_does_not_fit_changes_nothing)
{
	struct misfit misfit;
	struct peer peer;
	bool there;

	open_agent();
	open_endpoint();
	apply(image_make(1, 1, 2));
	reconcile_settle(rec);
	ck_assert_int_eq(reconcile_apply(rec, image_make(2, 7, PEERS_MAX + 1), &misfit), -ENOSPC);
	ck_assert_str_eq(misfit.table, "peer4");
	ck_assert_uint_eq(generation(), 1);
	peer = peer_of("10.0.0.1", &there);
	ck_assert(there);
	ck_assert_uint_eq(peer.class[0], 1);
	ck_assert_uint_eq(peer.class[1], 1);
	peer_of("10.0.1.1", &there);
	ck_assert(!there);
	ck_assert(ruleset_is_there(1) && !ruleset_is_there(2));
	ck_assert_uint_eq(reconcile_endpoint(rec, IFINDEX)->ruleset[0][POLICY_INGRESS], 1);
	ck_assert_uint_eq(reconcile_endpoint(rec, IFINDEX)->ruleset[1][POLICY_INGRESS], 1);
	/* And the next one that fits works. */
	apply(image_make(2, 7, 3));
	peer = peer_of("10.0.0.1", &there);
	ck_assert_uint_eq(peer.class[generation() & 1], 7);
	close_agent();
}
END_TEST

START_TEST(a_new_agent_finds_what_is_in_force_and_replaces_it)
{
	const struct image *found;
	struct image *image;
	struct peer peer;
	bool there;

	open_agent();
	open_endpoint();
	apply(image_make(1, 1, 2));
	ck_assert_int_eq(reconcile_endpoint_ready(rec, IFINDEX), 0);
	/* Died before the grace period was over. */
	apply(image_make(2, 7, 2));
	close_agent();

	open_agent();
	ck_assert_uint_eq(generation(), 2);
	ck_assert(!reconcile_in_force(rec));
	found = reconcile_image(rec);
	ck_assert_uint_eq(found->peer_count, 2);
	ck_assert_uint_eq(found->peers[1].class, 7);
	ck_assert_uint_eq(found->binding_count, 1);
	ck_assert_uint_eq(found->bindings[0].ruleset[POLICY_INGRESS], 2);
	ck_assert(reconcile_endpoint(rec, IFINDEX)->flags & ENDPOINT_READY);

	image = image_make(3, 9, 1);
	apply(image);
	ck_assert_uint_eq(generation(), 3);
	ck_assert(ruleset_is_there(2) && ruleset_is_there(3));
	reconcile_settle(rec);
	ck_assert(!ruleset_is_there(1) && !ruleset_is_there(2) && ruleset_is_there(3));
	peer = peer_of("10.0.0.0", &there);
	ck_assert_uint_eq(peer.class[0], 9);
	ck_assert_uint_eq(peer.class[1], 9);
	peer_of("10.0.0.1", &there);
	ck_assert(!there);
	ck_assert(reconcile_endpoint(rec, IFINDEX)->flags & ENDPOINT_READY);
	close_agent();
}
END_TEST

#define PORTS 80000 /* more than half of POLICY_PORTS_MAX */

/* Instead of any port, more than half as many as there is room for. */
static struct image *with_ports(struct image *image)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct image_ruleset *set = &image->rulesets[0];

	free(set->ports);
	set->ports = calloc(PORTS, sizeof(*set->ports));
	set->port_count = PORTS;
	for (size_t i = 0; i < PORTS; i++) {
		set->ports[i].key = (struct policy_port_key){
			.prefixlen = POLICY_PORT_FULL_BITS,
			.set = htonl(set->id),
			.proto = protos[i / (PORTS / 2)],
			.port = htons((uint16_t)(i % (PORTS / 2) + 1)),
		};
		set->ports[i].bits = 1;
	}
	return image;
}

/* What an agent that was killed while it wrote has left. */
static void put_debris(void)
{
	const struct policy_class_key key = { .set = 77, .class = 3 };
	const struct policy_bits_key row = { .row = 99 };
	const struct policy_bits bits = {};
	const uint64_t inlined = 1;

	ck_assert_int_eq(bpf_map_update_elem(datapath_map_fd(dp, MAP_POLICY_CLASS), &key, &inlined,
					     BPF_ANY), 0);
	ck_assert_int_eq(bpf_map_update_elem(datapath_map_fd(dp, MAP_POLICY_BITS), &row, &bits,
					     BPF_ANY), 0);
}

static size_t entries_of(enum datapath_map map)
{
	uint8_t key[64];
	size_t count = 0;
	void *last = NULL;

	for (; !bpf_map_get_next_key(datapath_map_fd(dp, map), last, key); last = key)
		count++;
	return count;
}

START_TEST(a_new_agent_finds_its_rule_set_in_a_map_that_holds_it_once)
{
	struct misfit misfit;
	struct image *image;
	struct peer peer;
	bool there;

	open_agent();
	open_endpoint();
	apply(with_ports(image_make(5, 9, 2)));
	put_debris();
	close_agent();

	open_agent();
	/* In other numbers it does not fit. */
	ck_assert_int_eq(reconcile_apply(rec, with_ports(image_make(1, 1, 2)), &misfit), -ENOSPC);
	ck_assert_str_eq(misfit.table, "policy_port");
	ck_assert_uint_eq(entries_of(MAP_POLICY_PORT), PORTS);
	image = with_ports(image_make(1, 1, 3));
	ck_assert_int_eq(image_renumber(image, reconcile_image(rec)), 0);
	ck_assert_uint_eq(image->bindings[0].ruleset[POLICY_INGRESS], 5);
	ck_assert_uint_eq(image->peers[2].class, 9);
	apply(image);
	reconcile_settle(rec);
	peer = peer_of("10.0.0.2", &there);
	ck_assert(there && peer.class[0] == 9 && peer.class[1] == 9);
	ck_assert(ruleset_is_there(5));
	ck_assert_uint_eq(entries_of(MAP_POLICY_PORT), PORTS);
	ck_assert_uint_eq(entries_of(MAP_POLICY_CLASS), 1);
	ck_assert_uint_eq(entries_of(MAP_POLICY_BITS), 0);
	close_agent();
}
END_TEST

/* @damage is done to a rule set in the kernel, behind the agent's back. */
static void damage_header(void)
{
	const uint32_t set = 5;
	const struct ruleset header = { .allow = 3, .words = 1, .tier_end = { 0, 1, 1 } };

	bpf_map_update_elem(datapath_map_fd(dp, MAP_RULESET), &set, &header, BPF_ANY);
}

static void damage_class(void)
{
	const struct policy_class_key key = { .set = 5, .class = 9 };
	const uint64_t bits = 2;

	bpf_map_update_elem(datapath_map_fd(dp, MAP_POLICY_CLASS), &key, &bits, BPF_ANY);
}

static void lose_port(void)
{
	const struct policy_port_key key = { .prefixlen = POLICY_PORT_SET_BITS, .set = htonl(5) };

	bpf_map_delete_elem(datapath_map_fd(dp, MAP_POLICY_PORT), &key);
}

static void add_cidr(void)
{
	const struct policy_cidr4_key key = { .prefixlen = POLICY_CIDR_SET_BITS, .set = htonl(5) };
	const uint64_t bits = 1;

	bpf_map_update_elem(datapath_map_fd(dp, MAP_POLICY_CIDR4), &key, &bits, BPF_ANY);
}

static void (*const damages[])(void) = { damage_header, damage_class, lose_port, add_cidr };

START_TEST(a_rule_set_that_is_not_what_it_was_is_written_anew)
{
	struct image *image;

	for (int i = 0; i < CHECK_COUNT(damages); i++) {
		open_agent();
		open_endpoint();
		image = image_make(5, 9, 2);
		apply(image);
		reconcile_settle(rec);
		damages[i]();
		close_agent();

		open_agent();
		image = image_make(1, 1, 2);
		ck_assert_int_eq(image_renumber(image, reconcile_image(rec)), 0);
		ck_assert_uint_eq(image->bindings[0].class, 9);
		ck_assert_uint_ne(image->bindings[0].ruleset[POLICY_INGRESS], 5);
		apply(image);
		reconcile_settle(rec);
		ck_assert(!ruleset_is_there(5));
		ck_assert(ruleset_is_there(image->bindings[0].ruleset[POLICY_INGRESS]));
		ck_assert_uint_eq(entries_of(MAP_POLICY_CIDR4), 0);
		ck_assert_uint_eq(entries_of(MAP_POLICY_PORT), 1);
		apply(image_make(6, 9, 2));
		reconcile_endpoint_close(rec, IFINDEX);
		close_agent();
	}
}
END_TEST

START_TEST(a_slot_has_one_owner)
{
	const struct endpoint other = { .ifindex = IFINDEX + ENDPOINT_SLOTS };

	open_agent();
	open_endpoint();
	ck_assert_int_eq(reconcile_endpoint_open(rec, &other), -EBUSY);
	ck_assert_ptr_null(reconcile_endpoint(rec, other.ifindex));
	ck_assert_int_eq(reconcile_endpoint_ready(rec, other.ifindex), -ENOENT);
	ck_assert_int_eq(reconcile_endpoint_close(rec, other.ifindex), 0);
	ck_assert_ptr_nonnull(reconcile_endpoint(rec, IFINDEX));
	ck_assert_int_eq(reconcile_endpoint_close(rec, IFINDEX), 0);
	ck_assert_int_eq(reconcile_endpoint_open(rec, &other), 0);
	close_agent();
}
END_TEST

BPFFS_MAIN("reconcile", CHECK_TEST(nothing_passes_before_the_first_image),
	   CHECK_TEST(what_is_in_use_changes_with_one_turn),
	   CHECK_TEST(a_pod_of_this_node_comes_without_a_turn),
	   CHECK_TEST(an_address_that_gets_an_owner_elsewhere_is_world_until_the_turn),
	   CHECK_TEST(an_address_that_loses_its_owner_elsewhere_is_world_from_the_turn_on),
	   CHECK_TEST(what_does_not_fit_changes_nothing),
	   CHECK_TEST(a_new_agent_finds_what_is_in_force_and_replaces_it),
	   CHECK_TEST(a_new_agent_finds_its_rule_set_in_a_map_that_holds_it_once),
	   CHECK_TEST(a_rule_set_that_is_not_what_it_was_is_written_anew),
	   CHECK_TEST(a_slot_has_one_owner))
