// SPDX-License-Identifier: Apache-2.0
/*
 * Every table that the agent fills, made small and then filled: what does not fit is
 * refused by name, all tables hold the very entries that they held before, and the
 * next image that fits is taken.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "bpffs_main.h"
#include "reconcile/reconcile.h"
#include "source/fingerprint.h"

#define IFINDEX 65600
#define SIZE 8 /* of every table */
#define FEW 2 /* twice as many fit beside each other */
#define MANY (SIZE + 1)
#define POLICY "NetworkPolicy shop/back"

static struct datapath *dp;
static struct reconcile *rec;

/* How many entries of each map an image has. */
struct shape {
	uint32_t set; /* the first rule set's id */
	size_t count[DATAPATH_MAP_MAX];
};

struct content {
	size_t count;
	uint64_t sum; /* of the entries' hashes: their order is no matter */
};

static void add_peers(struct image *image, const struct shape *shape)
{
	size_t count4 = shape->count[MAP_PEER4], count6 = shape->count[MAP_PEER6];
	struct image_peer *peer;

	image->peers = calloc(count4 + count6, sizeof(*image->peers));
	for (size_t i = 0; i < count4 + count6; i++) {
		peer = &image->peers[image->peer_count++];
		*peer = (struct image_peer){ .class = 1, .kind = PEER_REMOTE_POD };
		if (i < count4)
			ip_addr_set_v4(&peer->addr, htonl(0x0a000001 + (uint32_t)i));
		else
			peer->addr = (struct ip_addr){ .words = { htonl(0xfd000000), 0, 0,
								  htonl((uint32_t)i) } };
	}
}

static void add_rows(struct image *image, size_t count)
{
	image->rows = calloc(count, sizeof(*image->rows));
	for (; image->row_count < count; image->row_count++)
		image->rows[image->row_count] = (struct image_row){
			.row = (uint32_t)image->row_count + 1, .bits = { .words = { 1 } } };
}

static void add_cidrs(struct image_ruleset *set, const struct shape *shape)
{
	size_t count4 = shape->count[MAP_POLICY_CIDR4], count6 = shape->count[MAP_POLICY_CIDR6];
	struct prefix *prefix;

	set->cidrs = calloc(count4 + count6, sizeof(*set->cidrs));
	for (size_t i = 0; i < count4 + count6; i++) {
		prefix = &set->cidrs[set->cidr_count].prefix;
		set->cidrs[set->cidr_count++].bits = 1;
		prefix->bits = i < count4 ? 32 : 128;
		if (i < count4)
			ip_addr_set_v4(&prefix->addr, htonl(0x0b000000 + (uint32_t)i));
		else
			prefix->addr = (struct ip_addr){ .words = { htonl(0xfd010000), 0, 0,
								    htonl((uint32_t)i) } };
	}
}

/* The first set has all that sets have. */
static void fill_set(struct image_ruleset *set, const struct shape *shape, bool is_wide)
{
	size_t classes = shape->count[MAP_POLICY_CLASS], ports = shape->count[MAP_POLICY_PORT];

	set->header.words = is_wide ? 2 : 1;
	set->classes = calloc(classes, sizeof(*set->classes));
	for (; set->class_count < classes; set->class_count++)
		set->classes[set->class_count] = (struct image_class_bits){
			(uint32_t)set->class_count + 1,
			is_wide ? policy_row((uint32_t)set->class_count + 1, 1) : 1 };
	set->ports = calloc(ports, sizeof(*set->ports));
	for (; set->port_count < ports; set->port_count++)
		set->ports[set->port_count] = (struct image_port_bits){
			{ POLICY_PORT_FULL_BITS, htonl(set->id), 6, 0,
			  htons((uint16_t)(set->port_count + 1)) }, 1 };
	add_cidrs(set, shape);
}

static struct image *image_make(const struct shape *shape)
{
	size_t sets = shape->count[MAP_RULESET], rows = shape->count[MAP_POLICY_BITS];
	struct image *image = calloc(1, sizeof(*image));

	image->bindings = calloc(1, sizeof(*image->bindings));
	image->binding_count = 1;
	image->bindings[0] = (struct image_binding){ IFINDEX, 1, { shape->set, 0 } };
	add_peers(image, shape);
	add_rows(image, rows);
	image->rulesets = calloc(sets, sizeof(*image->rulesets));
	for (; image->ruleset_count < sets; image->ruleset_count++) {
		struct image_ruleset *set = &image->rulesets[image->ruleset_count];

		set->id = shape->set + (uint32_t)image->ruleset_count;
		set->identity = strdup("by hand");
		set->header = (struct ruleset){ .allow = 1, .words = 1,
						.flags = RULESET_ISOLATED };
		set->policies = calloc(1, sizeof(*set->policies));
		set->policy_count = 1;
		set->policies[0].name = strdup(POLICY);
		set->policies[0].why = strdup("");
		if (!image->ruleset_count)
			fill_set(set, shape, rows > FEW);
	}
	return image;
}

/* An image that fits, whose rule sets begin with @set. */
static struct shape shape_of(uint32_t set)
{
	struct shape shape = { .set = set };

	for (int map = MAP_PEER4; map <= MAP_POLICY_BITS; map++)
		shape.count[map] = FEW;
	return shape;
}

static struct content content_of(enum datapath_map map)
{
	uint8_t entry[24 + sizeof(struct policy_bits)], key[24] = {};
	int fd = datapath_map_fd(dp, map);
	struct content content = {};
	void *before = NULL;

	while (!bpf_map_get_next_key(fd, before, key)) {
		memset(entry, 0, sizeof(entry));
		memcpy(entry, key, sizeof(key));
		ck_assert_int_eq(bpf_map_lookup_elem(fd, key, entry + sizeof(key)), 0);
		content.sum += fingerprint_text((const char *)entry, sizeof(entry));
		content.count++;
		before = key;
	}
	return content;
}

static void remember(struct content ret[static DATAPATH_MAP_MAX])
{
	for (int map = MAP_ENDPOINT; map <= MAP_POLICY_BITS; map++)
		ret[map] = content_of((enum datapath_map)map);
}

static void open_agent(void)
{
	struct datapath_config config = { .bpffs = bpffs };
	const struct endpoint ep = { .ifindex = IFINDEX, .mtu = 1500 };
	char error[DATAPATH_ERROR_MAX] = "";

	for (int map = MAP_PEER4; map <= MAP_POLICY_BITS; map++)
		config.sizes[map] = SIZE;
	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	ck_assert_int_eq(reconcile_new(&rec, dp), 0);
	ck_assert_int_eq(reconcile_endpoint_open(rec, &ep), 0);
}

static void close_agent(void)
{
	reconcile_free(rec);
	datapath_free(dp);
}

/* Each table, and the object that must be named. */
static const struct row {
	enum datapath_map map;
	const char *addr; /* a peer's address, or the policy is named */
} tables[] = {
	{ MAP_PEER4, "10.0.0." },	{ MAP_PEER6, "fd00::" },
	{ MAP_RULESET, NULL },		{ MAP_POLICY_CLASS, NULL },
	{ MAP_POLICY_PORT, NULL },	{ MAP_POLICY_CIDR4, NULL },
	{ MAP_POLICY_CIDR6, NULL },	{ MAP_POLICY_BITS, NULL },
};

static void check_misfit(const struct misfit *misfit, const struct row *row)
{
	char addr[ADDR_TEXT_MAX];

	ck_assert_str_eq(misfit->table, datapath_map_name(row->map));
	ck_assert_uint_eq(misfit->size, SIZE);
	ck_assert_str_eq(misfit->policies, row->addr ? "" : POLICY);
	ck_assert_int_eq(ip_addr_is_none(&misfit->addr), !row->addr);
	if (row->addr)
		ck_assert_int_eq(strncmp(addr_text(addr, &misfit->addr), row->addr,
					 strlen(row->addr)), 0);
}

START_TEST(a_full_table_keeps_what_it_held_and_says_what_did_not_fit)
{
	struct content before[DATAPATH_MAP_MAX], after[DATAPATH_MAP_MAX];
	struct shape fits = shape_of(1), large = shape_of(3);
	const struct row *row = &tables[_i];
	struct misfit misfit;
	uint32_t generation;

	open_agent();
	ck_assert_int_eq(reconcile_apply(rec, image_make(&fits), NULL), 0);
	reconcile_settle(rec);
	generation = datapath_state(dp)->generation;
	remember(before);
	large.count[row->map] = MANY;
	/* Entries of the row's table are part of others. */
	if (row->map == MAP_POLICY_BITS)
		large.count[MAP_POLICY_CLASS] = MANY;
	ck_assert_int_eq(reconcile_apply(rec, image_make(&large), &misfit), -ENOSPC);
	check_misfit(&misfit, row);
	ck_assert_uint_eq(datapath_state(dp)->generation, generation);
	remember(after);
	for (int map = MAP_ENDPOINT; map <= MAP_POLICY_BITS; map++)
		ck_assert_msg(before[map].count == after[map].count &&
				      before[map].sum == after[map].sum,
			      "%s has changed", datapath_map_name((enum datapath_map)map));

	fits = shape_of(3);
	ck_assert_int_eq(reconcile_apply(rec, image_make(&fits), &misfit), 0);
	ck_assert_ptr_null(misfit.table);
	ck_assert_uint_eq(datapath_state(dp)->generation, generation + 1);
	close_agent();
}
END_TEST

START_TEST(a_table_keeps_the_size_that_it_was_made_with)
{
	struct datapath_config config = { .bpffs = bpffs, .sizes = { [MAP_PEER4] = SIZE } };
	char error[DATAPATH_ERROR_MAX] = "";

	for (int life = 1; life <= 2; life++) {
		config.sizes[MAP_PEER4] = (uint32_t)(SIZE * life);
		ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
		ck_assert_uint_eq(datapath_map_entries_max(dp, MAP_PEER4), SIZE);
		ck_assert_uint_eq(datapath_map_entries_max(dp, MAP_PEER6), PEERS_MAX);
		datapath_free(dp);
	}
}
END_TEST

BPFFS_MAIN("full", CHECK_LOOP(a_full_table_keeps_what_it_held_and_says_what_did_not_fit, tables),
	   CHECK_TEST(a_table_keeps_the_size_that_it_was_made_with))
