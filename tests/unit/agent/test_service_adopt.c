// SPDX-License-Identifier: Apache-2.0
/* What a new agent makes of what it finds: the same services, others, or nonsense. */
#include <errno.h>
#include <string.h>

#include "lib/check_main.h"
#include "writer_fixture.h"

/* Two Services, in all that there can be of them. */
static const char *const shop[] = {
	/* In parentheses: they are one text. */
	("web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#8080 10.1.0.2#8080B 10.1.0.3#8080T "
	 "| v6 cfd00::1#80 > fd01::1#8080L"),
	"db: sql c10.96.0.2#80 >",
	"bank: http l192.0.2.2#80 r198.51.100.0/25 r203.0.113.0/24 > 10.1.0.4#80",
};

static void open_shop(struct service_maps *maps)
{
	*maps = fake_services_open(SIZE);
	open_writer(maps);
	for (int i = 0; i < CHECK_COUNT(shop); i++)
		ck_assert_int_eq(apply(shop[i]), 0);
	finish();
}

START_TEST(a_restart_writes_nothing)
{
	struct service_maps maps;
	unsigned int writes;

	open_shop(&maps);
	service_writer_free(writer);
	writes = fake.writes;
	open_writer(&maps);
	for (int i = 0; i < CHECK_COUNT(shop); i++)
		ck_assert_int_eq(apply(shop[i]), 0);
	service_writer_synced(writer, now_ms);
	ck_assert(!service_writer_commit(writer));
	settle();
	ck_assert_uint_eq(fake.writes, writes);
	service_writer_free(writer);
	ck_assert_uint_eq(fake.writes, writes);
}
END_TEST

START_TEST(nothing_goes_before_the_sources_have_synced)
{
	struct service_maps maps;
	unsigned int held_then;

	open_shop(&maps);
	service_writer_free(writer);
	held_then = held();
	open_writer(&maps);
	look(&before);
	after = before;
	ck_assert_int_eq(apply(shop[1]), 0);
	service_writer_commit(writer);
	settle();
	is_whole();
	ck_assert_uint_eq(held(), held_then);
	service_writer_synced(writer, now_ms);
	service_writer_commit(writer);
	settle();
	ck_assert_uint_eq(held(), 2);
	ck_assert_uint_eq(fake.count, 1);
	service_writer_free(writer);
}
END_TEST

START_TEST(what_does_not_fit_at_start_stays_as_the_former_agent_left_it)
{
	static const char larger[] = "web: http c10.96.0.1#80 e192.0.2.1#80 > 10.1.0.1#80 "
				     "10.1.0.2#80 10.1.0.3#80";
	struct service_maps maps = fake_services_open(SIZE);

	maps.backend_max = 3;
	open_writer(&maps);
	ck_assert_int_eq(apply("web: http c10.96.0.1#80 > 10.1.0.1#80"), 0);
	finish();
	service_writer_free(writer);
	look(&before);
	after = before;
	fake.after_write = is_whole;
	open_writer(&maps);
	ck_assert_int_eq(apply(larger), -EAGAIN);
	finish();
	ck_assert_int_eq(apply(larger), -ENOSPC);
	finish();
	is_done();
	ck_assert_uint_eq(fake.count, 1);
	service_writer_free(writer);
}
END_TEST

/* Numbers that are near to what could be meant. */
static uint32_t wild(unsigned int *seed)
{
	return rand_r(seed) % 8 ? (uint32_t)rand_r(seed) % (SIZE + 2) : (uint32_t)rand_r(seed) * 2;
}

static void write_wild_ranges(unsigned int seed)
{
	for (int i = 0; i < FAKE_RANGES_MAX; i++) {
		struct fake_range *range = &fake.ranges[i];

		if (range->used) {
			range->used = rand_r(&seed) % 2;
			continue;
		}
		if (rand_r(&seed) % 32)
			continue;
		*range = (struct fake_range){ .used = true };
		range->key.is_v4 = rand_r(&seed) % 2;
		range->key.bits = (uint32_t)rand_r(&seed) % (range->key.is_v4 ? 65 : 161);
		range->key.service = wild(&seed);
		if (range->key.is_v4)
			ip_addr_set_v4(&range->key.addr, 0);
	}
}

static void write_nonsense(unsigned int seed)
{
	uint8_t *const tables[] = { (uint8_t *)fake.ports, (uint8_t *)fake.backends,
				    (uint8_t *)fake.slots };
	const size_t sizes[] = { sizeof(struct service_port), sizeof(struct backend), 4 };
	uint32_t value;

	for (int i = 0; i < 40; i++) {
		int table = rand_r(&seed) % 3;
		size_t word = (size_t)rand_r(&seed) % (sizes[table] * SIZE / 4);

		value = wild(&seed);
		memcpy(tables[table] + word * 4, &value, 4);
	}
	for (int i = 0; i < FAKE_FRONTENDS_MAX; i++) {
		struct fake_entry *entry = &fake.frontends[i];

		if (!entry->used || rand_r(&seed) % 2)
			continue;
		switch (rand_r(&seed) % 4) {
		case 0:
			entry->used = false;
			break;
		case 1:
			entry->value.service = wild(&seed);
			break;
		case 2:
			entry->value.flags = (uint32_t)rand_r(&seed) % 4;
			break;
		default:
			entry->key.proto = (uint8_t)(rand_r(&seed) % 3 * 6);
		}
	}
}

START_TEST(what_makes_no_sense_is_rewritten)
{
	unsigned int used_then, held_then;
	struct service_maps maps;

	open_shop(&maps);
	look(&after);
	used_then = used();
	held_then = held();
	service_writer_free(writer);
	write_nonsense((unsigned int)_i);
	write_wild_ranges((unsigned int)_i);
	open_writer(&maps);
	for (int i = 0; i < CHECK_COUNT(shop); i++)
		ck_assert_int_eq(apply(shop[i]), 0);
	finish();
	is_done();
	ck_assert_uint_eq(used(), used_then);
	ck_assert_uint_eq(held(), held_then);
	ck_assert_uint_eq(fake.count, 5);
	service_writer_free(writer);
}
END_TEST

static const char seeds[400];

CHECK_MAIN("service_adopt", CHECK_TEST(a_restart_writes_nothing),
	   CHECK_TEST(nothing_goes_before_the_sources_have_synced),
	   CHECK_TEST(what_does_not_fit_at_start_stays_as_the_former_agent_left_it),
	   CHECK_LOOP(what_makes_no_sense_is_rewritten, seeds))
