// SPDX-License-Identifier: Apache-2.0
/* The table `weir` changes into what it shall be: in place where it can, whatever is there. */
#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "lib/check_main.h"
#include "net/nat.h"
#include "net/world.h"

#define PORTS_MAX 3
#define TEXT_MAX 16384

/* What `nft list` says of the table, with @flags; in the namespace of the caller. */
static char *listed(const char *flags)
{
	cleanup(freep) char *command = NULL;
	char *text = calloc(1, TEXT_MAX);
	FILE *pipe;

	ck_assert_ptr_nonnull(text);
	ck_assert_int_gt(asprintf(&command, "nft %s list table inet weir", flags), 0);
	pipe = popen(command, "re");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_uint_lt(fread(text, 1, TEXT_MAX, pipe), TEXT_MAX);
	ck_assert_int_eq(pclose(pipe), 0);
	return text;
}

/*
 * The lines of the table and its chains, sets and maps, with the numbers that they have
 * as long as they exist; a table counts its own, and is counted among all tables.
 */
static char *lasting(void)
{
	cleanup(freep) char *text = listed("-a");
	char *rest = text, *line;
	char *found = calloc(1, TEXT_MAX);

	ck_assert_ptr_nonnull(found);
	while ((line = strsep(&rest, "\n")))
		if (line[strspn(line, "\t")] && strspn(line, "\t") < 2)
			strcat(found, line);
	return found;
}

static void apply(size_t count, const char *const pods[])
{
	struct nat_port ports[PORTS_MAX];
	const struct nat nat = { .ports = ports, .port_count = count };

	for (size_t i = 0; i < count; i++)
		ports[i] = (struct nat_port){
			.proto = i % 2 ? IPPROTO_UDP : IPPROTO_TCP,
			.host_port = 8080 + i,
			.container_port = 80,
			.host_ip = i == 2 ? world_addr("2001:db8::1") : (struct ip_addr){},
			.pod_ip = world_addr(pods[i]),
		};
	ck_assert_int_eq(nat_apply(&nat), 0);
}

/* No set has two elements: nft lists them in the order of a hash table with a seed of its own. */
static const char *const some[] = { "10.1.0.2", "fd00:1::2", "fd00:1::2" };
static const char *const others[] = { "10.1.0.2", "fd00:1::4", "fd00:1::4" };

/* What the table is that is made where there was none. */
static char *fresh(size_t count, const char *const pods[])
{
	world_enter_new();
	apply(count, pods);
	return listed("");
}

START_TEST(chains_sets_and_maps_stay_and_the_rest_follows)
{
	const struct {
		size_t count;
		const char *const *pods;
	} steps[] = {
		{ 3, some }, { 3, some }, { 3, others }, { 1, others }, { 0, NULL }, { 3, some },
	};
	char *expected[CHECK_COUNT(steps)];
	cleanup(freep) char *first = NULL;

	for (int i = 0; i < CHECK_COUNT(steps); i++)
		expected[i] = fresh(steps[i].count, steps[i].pods);
	world_enter_new();
	apply(1, some);
	first = lasting();
	ck_assert_ptr_nonnull(strstr(first, "map ports4 { # handle "));
	for (int i = 0; i < CHECK_COUNT(steps); i++) {
		cleanup(freep) char *now = NULL;
		cleanup(freep) char *numbers = NULL;

		apply(steps[i].count, steps[i].pods);
		now = listed("");
		numbers = lasting();
		ck_assert_str_eq(numbers, first);
		ck_assert_str_eq(now, expected[i]);
		free(expected[i]);
	}
}
END_TEST

/* What somebody does to the table. */
static const char *const changes[] = {
	"delete table inet weir",
	"flush table inet weir",
	"add element inet weir ports4 { tcp . 9 : 10.1.0.9 . 9 }",
	"delete element inet weir ports4 { tcp . 8080 }; "
	"add element inet weir ports4 { tcp . 8080 : 10.1.0.9 . 80 }",
	"flush map inet weir ports6",
	/* What a former version has masqueraded by */
	"add set inet weir pods4 { type ipv4_addr; flags interval; auto-merge; "
	"elements = { 10.1.1.0/24, 10.3.0.0/16 }; }; "
	"add rule inet weir postrouting ip saddr @pods4 ip daddr != @pods4 masquerade fully-random",
	"insert rule inet weir prerouting drop",
	"add chain inet weir another",
	"add set inet weir another { type inet_service; }",
	"add counter inet weir another",
	/* What weir itself has, otherwise */
	"flush table inet weir; delete map inet weir ports4; "
	"add map inet weir ports4 { type inet_service : ipv4_addr; }",
	"flush table inet weir; delete set inet weir hairpins6; "
	"add set inet weir hairpins6 { type ipv6_addr . ipv6_addr; timeout 1h; }",
	"flush chain inet weir prerouting; delete chain inet weir prerouting; "
	"add chain inet weir prerouting { type nat hook prerouting priority -99; }",
	"flush chain inet weir prerouting; delete chain inet weir prerouting; "
	"add chain inet weir prerouting { type filter hook prerouting priority -100; }",
	"add table inet weir { flags dormant; }",
};

START_TEST(whatever_somebody_did_to_the_table_is_mended)
{
	cleanup(freep) char *expected = fresh(3, some);
	cleanup(freep) char *now = NULL;

	world_enter_new();
	apply(3, some);
	world_run("nft '%s'", changes[_i]);
	apply(3, some);
	now = listed("");
	ck_assert_str_eq(now, expected);
}
END_TEST

CHECK_MAIN("net-nat", CHECK_TEST(chains_sets_and_maps_stay_and_the_rest_follows),
	   CHECK_LOOP(whatever_somebody_did_to_the_table_is_mended, changes))
