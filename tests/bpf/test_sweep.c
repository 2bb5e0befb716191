// SPDX-License-Identifier: Apache-2.0
/* The sweep deletes what has expired, and nothing else. */
#include <string.h>

#include "engine_main.h"
#include "weir/sweep.h"

#define KEYS_MAX 90 /* of either family, that fit a frame */

static const struct {
	const char *map;
	enum ct_table table;
	size_t key_size;
} tables[] = {
	{ "ct4", CT_TABLE_4, sizeof(struct ct4_key) },
	{ "ct6", CT_TABLE_6, sizeof(struct ct6_key) },
	{ "ct4_new", CT_TABLE_4_NEW, sizeof(struct ct4_key) },
	{ "ct6_new", CT_TABLE_6_NEW, sizeof(struct ct6_key) },
};

static void key_make(uint8_t ret[sizeof(struct ct6_key)], uint32_t n)
{
	memset(ret, 0, sizeof(struct ct6_key));
	memcpy(ret, &n, sizeof(n));
}

static void entry_put(const char *map, uint32_t n, uint32_t expires)
{
	struct ct6_value value = { .entry.expires = expires };
	uint8_t key[sizeof(struct ct6_key)];

	key_make(key, n);
	ck_assert_int_eq(engine_update(map, key, &value), 0);
}

static bool entry_is_there(const char *map, uint32_t n)
{
	struct ct6_value value;
	uint8_t key[sizeof(struct ct6_key)];

	key_make(key, n);
	return !engine_lookup(map, key, &value);
}

/* A request over the keys 1 to @keys of the table. */
static void request_make(struct frame *ret, uint32_t table, uint32_t count, size_t key_size,
			 uint32_t keys)
{
	struct sweep_request request = { .table = table, .count = count };
	uint8_t key[sizeof(struct ct6_key)];

	ck_assert_uint_le(SWEEP_OFFSET + sizeof(request) + keys * key_size, FRAME_MAX);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->data + SWEEP_OFFSET, &request, sizeof(request));
	ret->len = SWEEP_OFFSET + sizeof(request);
	for (uint32_t n = 1; n <= keys; n++, ret->len += key_size) {
		key_make(key, n);
		memcpy(ret->data + ret->len, key, key_size);
	}
}

static int sweep(struct frame *frame)
{
	struct engine_run run = { .program = SWEEP, .frame = frame };

	ck_assert(engine_run(&run));
	return run.action;
}

START_TEST(the_expired_go_and_the_living_stay)
{
	const char *map = tables[_i].map;
	uint32_t now = clock_now();
	struct frame frame;

	world_reset();
	for (uint32_t n = 1; n <= KEYS_MAX; n++)
		entry_put(map, n, n % 3 ? now + 10000 : now - 1);
	request_make(&frame, tables[_i].table, KEYS_MAX, tables[_i].key_size, KEYS_MAX);
	ck_assert_int_eq(sweep(&frame), KEYS_MAX / 3);
	for (uint32_t n = 1; n <= KEYS_MAX; n++)
		ck_assert_int_eq(entry_is_there(map, n), !!(n % 3));
}
END_TEST

START_TEST(time_wraps_around)
{
	const char *map = tables[_i].map;
	uint32_t now = clock_now();
	struct frame frame;

	world_reset();
	entry_put(map, 1, now + 0x7fffff00);
	entry_put(map, 2, now - 0x7fffff00);
	request_make(&frame, tables[_i].table, 2, tables[_i].key_size, 2);
	ck_assert_int_eq(sweep(&frame), 1);
	ck_assert(entry_is_there(map, 1));
	ck_assert(!entry_is_there(map, 2));
}
END_TEST

START_TEST(keys_without_an_entry_do_no_harm)
{
	struct frame frame;

	world_reset();
	request_make(&frame, tables[_i].table, 20, tables[_i].key_size, 20);
	ck_assert_int_eq(sweep(&frame), 0);
}
END_TEST

START_TEST(a_request_that_promises_too_much_ends_with_its_keys)
{
	const char *map = tables[_i].map;
	struct frame frame;

	world_reset();
	for (uint32_t n = 1; n <= 20; n++)
		entry_put(map, n, clock_now() - 1);
	request_make(&frame, tables[_i].table, 0xffffffff, tables[_i].key_size, 10);
	ck_assert_int_eq(sweep(&frame), 10);
}
END_TEST

START_TEST(an_unknown_table_is_not_swept)
{
	struct frame frame;

	world_reset();
	entry_put("ct4", 1, clock_now() - 1);
	request_make(&frame, CT_TABLE_MAX, 1, sizeof(struct ct4_key), 1);
	ck_assert_int_eq(sweep(&frame), 0);
	ck_assert(entry_is_there("ct4", 1));
}
END_TEST

START_TEST(a_packet_without_a_request_is_nothing)
{
	struct frame frame = { .len = SWEEP_OFFSET + 4 };

	ck_assert_int_eq(sweep(&frame), 0);
}
END_TEST

START_TEST(the_clock_is_the_datapaths)
{
	const struct packet udp = { PACKET_UDP, POD_A, POD_B, 4000, 53 };
	const struct step step = { FROM_POD, udp };
	uint32_t before = clock_now();
	struct ct_entry entry;

	world_reset();
	step_play(&step, false, "the clock");
	ck_assert(ct_get("_new", &entry, &udp, false));
	entry.expires -= engine_config.lifetime_s[LIFETIME_UDP][LIFETIME_OPEN] * engine_config.hz;
	ck_assert_int_ge((int32_t)(entry.expires - before), 0);
	ck_assert_int_ge((int32_t)(clock_now() - entry.expires), 0);
}
END_TEST

ENGINE_MAIN("sweep", CHECK_LOOP(the_expired_go_and_the_living_stay, tables),
	    CHECK_LOOP(time_wraps_around, tables),
	    CHECK_LOOP(keys_without_an_entry_do_no_harm, tables),
	    CHECK_LOOP(a_request_that_promises_too_much_ends_with_its_keys, tables),
	    CHECK_TEST(an_unknown_table_is_not_swept),
	    CHECK_TEST(a_packet_without_a_request_is_nothing),
	    CHECK_TEST(the_clock_is_the_datapaths))
