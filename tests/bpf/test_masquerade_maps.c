// SPDX-License-Identifier: Apache-2.0
/* What the agent tells the datapath of masquerade: addresses that stay keep their numbers. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpffs_main.h"
#include "reconcile/masquerade.h"
#include "weir/maps.h"

#define FIRST 7 /* interface indexes */
#define SECOND 8

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	ck_assert_int_eq(addr_parse(&addr, text), 0);
	return addr;
}

static struct masquerade_source source(struct datapath *dp, uint32_t number)
{
	struct masquerade_source ret;

	ck_assert_int_eq(bpf_map_lookup_elem(datapath_map_fd(dp, MAP_MASQUERADE), &number, &ret), 0);
	return ret;
}

/* "192.0.2.1" at @ifindex; ends with NULL. */
struct wish {
	const char *addr;
	uint32_t ifindex; /* 0: the node has it, and nobody leaves from it */
};

static int write_wishes(struct datapath *dp, const struct wish *wishes)
{
	struct masquerade_source sources[MASQUERADE_SOURCES_MAX + 1] = {};
	struct ip_addr here[MASQUERADE_SOURCES_MAX + 1];
	struct masquerade_wanted wanted = { .on = true, .sources = sources, .host_ips = here };

	for (; wishes->addr; wishes++) {
		here[wanted.host_ip_count++] = addr_of(wishes->addr);
		if (!wishes->ifindex)
			continue;
		sources[wanted.source_count].addr = addr_of(wishes->addr);
		sources[wanted.source_count++].ifindex = wishes->ifindex;
	}
	return masquerade_write(dp, &wanted);
}

static void expect(struct datapath *dp, uint32_t number, const char *addr, uint32_t ifindex)
{
	struct masquerade_source found = source(dp, number);
	struct ip_addr wanted = addr ? addr_of(addr) : (struct ip_addr){};

	ck_assert_msg(ip_addr_equal(&found.addr, &wanted), "number %u", number);
	ck_assert_uint_eq(found.ifindex, ifindex);
}

START_TEST(an_address_keeps_its_number)
{
	cleanup(datapath_freep) struct datapath *dp = open_datapath();
	const struct wish before[] = { { "192.0.2.1", FIRST }, { "fd00::1", FIRST },
				       { "198.51.100.1", SECOND }, {} };
	const struct wish other[] = { { "198.51.100.1", SECOND }, { "192.0.2.9", FIRST },
				      { "192.0.2.1", 0 }, { "fd00::1", FIRST }, {} };
	const struct wish gone[] = { { "198.51.100.1", SECOND }, { "192.0.2.9", FIRST }, {} };

	ck_assert_int_eq(write_wishes(dp, before), 0);
	expect(dp, 1, "192.0.2.1", FIRST);
	expect(dp, 2, "fd00::1", FIRST);
	expect(dp, 3, "198.51.100.1", SECOND);
	/* The device prefers another address, and connections have the former one still. */
	ck_assert_int_eq(write_wishes(dp, other), 0);
	expect(dp, 1, "192.0.2.1", 0);
	expect(dp, 2, "fd00::1", FIRST);
	expect(dp, 3, "198.51.100.1", SECOND);
	expect(dp, 4, "192.0.2.9", FIRST);
	ck_assert_int_eq(write_wishes(dp, gone), 0);
	expect(dp, 1, NULL, 0);
	expect(dp, 2, NULL, 0);
	expect(dp, 4, "192.0.2.9", FIRST);
	ck_assert_int_eq(write_wishes(dp, before), 0);
	expect(dp, 1, "192.0.2.1", FIRST);
}
END_TEST

START_TEST(two_devices_may_share_an_address)
{
	cleanup(datapath_freep) struct datapath *dp = open_datapath();
	const struct wish both[] = { { "192.0.2.1", FIRST }, { "192.0.2.1", SECOND }, {} };

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(write_wishes(dp, both), 0);
		expect(dp, 1, "192.0.2.1", FIRST);
		expect(dp, 2, "192.0.2.1", SECOND);
		expect(dp, 3, NULL, 0);
	}
}
END_TEST

START_TEST(there_are_so_many_numbers)
{
	cleanup(datapath_freep) struct datapath *dp = open_datapath();
	struct wish wishes[MASQUERADE_SOURCES_MAX + 1] = {};
	char texts[MASQUERADE_SOURCES_MAX][ADDR_TEXT_MAX];

	for (uint32_t i = 0; i < MASQUERADE_SOURCES_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "192.0.2.%u", i + 1);
		wishes[i] = (struct wish){ texts[i], 10 + i };
	}
	ck_assert_int_eq(write_wishes(dp, wishes), -ENOSPC);
	expect(dp, 0, NULL, 0);
	expect(dp, MASQUERADE_SOURCES_MAX - 1, texts[MASQUERADE_SOURCES_MAX - 2],
	       10 + MASQUERADE_SOURCES_MAX - 2);
	wishes[0] = wishes[MASQUERADE_SOURCES_MAX - 1];
	wishes[MASQUERADE_SOURCES_MAX - 1] = (struct wish){};
	ck_assert_int_eq(write_wishes(dp, wishes), 0);
	expect(dp, 1, texts[MASQUERADE_SOURCES_MAX - 1], 10 + MASQUERADE_SOURCES_MAX - 1);
}
END_TEST

static bool has_prefix(struct datapath *dp, const char *text)
{
	struct unmasqueraded6_key key6 = {};
	struct unmasqueraded4_key key4;
	struct prefix prefix;
	uint32_t found;

	ck_assert_int_eq(prefix_parse(&prefix, NULL, text), 0);
	key4 = (struct unmasqueraded4_key){ prefix.bits, prefix.addr.words[3] };
	key6.prefixlen = prefix.bits;
	memcpy(key6.addr, &prefix.addr, sizeof(key6.addr));
	if (ip_addr_is_v4(&prefix.addr))
		return !bpf_map_lookup_elem(datapath_map_fd(dp, MAP_UNMASQUERADED4), &key4, &found);
	return !bpf_map_lookup_elem(datapath_map_fd(dp, MAP_UNMASQUERADED6), &key6, &found);
}

static void write_prefixes(struct datapath *dp, const char *const *texts, bool on)
{
	struct prefix prefixes[8];
	struct masquerade_wanted wanted = { .on = on, .unmasqueraded = prefixes };

	for (; *texts; texts++)
		ck_assert_int_eq(prefix_parse(&prefixes[wanted.unmasqueraded_count++], NULL, *texts),
				 0);
	ck_assert_int_eq(masquerade_write(dp, &wanted), 0);
}

START_TEST(prefixes_come_and_go)
{
	cleanup(datapath_freep) struct datapath *dp = open_datapath();

	write_prefixes(dp, (const char *const[]){ "10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0",
						  "fd00::/8", "::/0", NULL }, true);
	ck_assert(has_prefix(dp, "10.0.0.0/8") && has_prefix(dp, "0.0.0.0/0"));
	ck_assert(has_prefix(dp, "fd00::/8") && has_prefix(dp, "::/0"));
	write_prefixes(dp, (const char *const[]){ "10.1.0.0/16", "192.0.2.0/24", NULL }, true);
	ck_assert(has_prefix(dp, "10.1.0.0/16") && has_prefix(dp, "192.0.2.0/24"));
	ck_assert(!has_prefix(dp, "0.0.0.0/0") && !has_prefix(dp, "::/0"));
	/* All of it is in the longer one only. */
	ck_assert(!has_prefix(dp, "10.0.0.0/8") && !has_prefix(dp, "fd00::/8"));
}
END_TEST

START_TEST(once_it_was_on_connections_may_be_left)
{
	cleanup(datapath_freep) struct datapath *dp = open_datapath();
	const char *const none[] = { NULL };

	write_prefixes(dp, none, false);
	ck_assert_uint_eq(datapath_state(dp)->masquerade, MASQUERADE_NEVER);
	write_prefixes(dp, none, true);
	ck_assert_uint_eq(datapath_state(dp)->masquerade, MASQUERADE_ON);
	write_prefixes(dp, none, false);
	ck_assert_uint_eq(datapath_state(dp)->masquerade, MASQUERADE_ENDS);
}
END_TEST

BPFFS_MAIN("masquerade_maps", CHECK_TEST(an_address_keeps_its_number),
	   CHECK_TEST(two_devices_may_share_an_address), CHECK_TEST(there_are_so_many_numbers),
	   CHECK_TEST(prefixes_come_and_go), CHECK_TEST(once_it_was_on_connections_may_be_left))
