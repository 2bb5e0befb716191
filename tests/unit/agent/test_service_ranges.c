// SPDX-License-Identifier: Apache-2.0
/* loadBalancerSourceRanges in the kernel: which there are at any moment, for whom. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "lib/check_main.h"
#include "writer_fixture.h"

#define TEXT_MAX 256

static int order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* All ranges that the kernel holds, sorted, each once an entry. */
static const char *ranges_held(void)
{
	static char text[TEXT_MAX];
	char each[FAKE_RANGES_MAX][PREFIX_TEXT_MAX];
	size_t count = 0, len = 0;

	for (size_t i = 0; i < FAKE_RANGES_MAX; i++)
		if (fake.ranges[i].used)
			prefix_text(each[count++], &(struct prefix){
				.addr = fake.ranges[i].key.addr,
				.bits = (uint8_t)(fake.ranges[i].key.bits - SERVICE_RANGE_BITS) });
	qsort(each, count, sizeof(each[0]), order);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "", each[i]);
	return text;
}

static bool has_range(uint32_t number)
{
	for (size_t i = 0; i < FAKE_RANGES_MAX; i++)
		if (fake.ranges[i].used && fake.ranges[i].key.service == number)
			return true;
	return false;
}

/* A frontend that asks for ranges has some, whenever a packet comes. */
static void who_asks_is_answered(void)
{
	for (size_t i = 0; i < FAKE_FRONTENDS_MAX; i++)
		if (fake.frontends[i].used && fake.frontends[i].value.flags & FRONTEND_RANGES)
			ck_assert(has_range(fake.frontends[i].value.service));
}

#define ONE "web: http l192.0.2.80#80 r10.0.0.0/8 > 10.1.0.1#8080"

static const struct {
	const char *line, *held;
} turns[] = {
	{ ONE, "10.0.0.0/8" },
	{ "web: http l192.0.2.80#80 r10.0.0.0/8 r172.16.0.0/12 > 10.1.0.1#8080",
	  "10.0.0.0/8 172.16.0.0/12" },
	{ "web: http l192.0.2.80#80 r172.16.0.0/12 > 10.1.0.1#8080", "172.16.0.0/12" },
	/* Each port has its own, in each family. */
	{ "web: http l192.0.2.80#80 r10.0.0.0/8 > 10.1.0.1#8080 | more l192.0.2.80#81 r10.0.0.0/8 > "
	  "10.1.0.1#81 | v6 l2001:db8::80#80 r2001:db8::/32 > fd01::1#8080",
	  "10.0.0.0/8 10.0.0.0/8 2001:db8::/32" },
	{ "web: http c10.96.0.1#80 > 10.1.0.1#8080", "" },
	{ ONE, "10.0.0.0/8" },
	{ "web:", "" },
};

START_TEST(ranges_come_and_go_with_their_service)
{
	struct service_maps maps = fake_services_open(SIZE);

	open_writer(&maps);
	fake.after_write = who_asks_is_answered;
	for (size_t i = 0; i < CHECK_COUNT(turns); i++) {
		ck_assert_int_eq(apply(turns[i].line), 0);
		settle();
		ck_assert_str_eq(ranges_held(), turns[i].held);
	}
	service_writer_free(writer);
}
END_TEST

START_TEST(a_new_agent_takes_them_over_and_deletes_strays)
{
	struct service_maps maps = fake_services_open(SIZE);
	unsigned int writes;

	open_writer(&maps);
	ck_assert_int_eq(apply(ONE), 0);
	finish();
	service_writer_free(writer);
	for (uint32_t i = 0; i < 2; i++) {
		fake.ranges[i] = fake.ranges[FAKE_RANGES_MAX - 1];
		fake.ranges[i].key.service = i ? 40 : 4000;
	}
	open_writer(&maps);
	ck_assert_str_eq(ranges_held(), "10.0.0.0/8");
	writes = fake.writes;
	ck_assert_int_eq(apply(ONE), 0);
	finish();
	ck_assert_uint_eq(fake.writes, writes);
	ck_assert_int_eq(apply("web: http l192.0.2.80#80 r10.9.0.0/16 > 10.1.0.1#8080"), 0);
	ck_assert_str_eq(ranges_held(), "10.9.0.0/16");
	service_writer_free(writer);
}
END_TEST

START_TEST(a_kernel_that_refuses_one_changes_nothing)
{
	struct service_maps maps = fake_services_open(SIZE);

	open_writer(&maps);
	ck_assert_int_eq(apply(ONE), 0);
	finish();
	fake.refuse = 2;
	ck_assert_int_eq(apply("web: http l192.0.2.80#80 r10.1.0.0/16 r10.2.0.0/16 > 10.1.0.1#8080"),
			 -ENOMEM);
	ck_assert_str_eq(ranges_held(), "10.0.0.0/8");
	ck_assert_ptr_nonnull(service_writer_problem(writer, "shop", "web"));
	service_writer_free(writer);
}
END_TEST

CHECK_MAIN("service_ranges", CHECK_TEST(ranges_come_and_go_with_their_service),
	   CHECK_TEST(a_new_agent_takes_them_over_and_deletes_strays),
	   CHECK_TEST(a_kernel_that_refuses_one_changes_nothing))
