// SPDX-License-Identifier: Apache-2.0
/* Maglev tables: equal shares, the same for everybody, and few moves when a backend leaves. */
#include "model/maglev.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check_main.h"
#include "weir/spread.h"

#define BACKENDS_TESTED 1310
#define SIZE_LARGEST 131071

/* The standard ones. */
static const uint32_t sizes[] = { 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071 };

/* One of @count backends leaves: at most so many of 1000 entries move that were others'. */
static const struct {
	uint32_t size, count, limit;
	bool v6;
} leaving[] = {
	/* The default: about one in a hundred up to some 40 backends. */
	{ MAGLEV_SIZE_DEFAULT, 2, 0, false },	{ MAGLEV_SIZE_DEFAULT, 3, 1, false },
	{ MAGLEV_SIZE_DEFAULT, 10, 6, false },	{ MAGLEV_SIZE_DEFAULT, 40, 11, false },
	{ MAGLEV_SIZE_DEFAULT, 163, 18, false }, { MAGLEV_SIZE_DEFAULT, 10, 8, true },
	{ MAGLEV_SIZE_DEFAULT, 40, 11, true },	{ MAGLEV_SIZE_DEFAULT, 163, 18, true },
	/* As many backends as a table is made for. */
	{ 251, 2, 0, false },	  { 509, 5, 28, false },     { 1021, 10, 60, false },
	{ 2039, 20, 30, false },  { 4093, 40, 25, false },   { 8191, 81, 22, false },
	{ 32749, 327, 15, false }, { 65521, 655, 10, false }, { 131071, 1310, 6, false },
	{ 65521, 655, 10, true },
};

static struct backend records[BACKENDS_TESTED];
static uint32_t full[SIZE_LARGEST], less[SIZE_LARGEST];

/* Pods in a row, as nodes give addresses to them: the least random names that there are. */
static void make_records(bool v6)
{
	for (uint32_t i = 0; i < BACKENDS_TESTED; i++) {
		records[i] = (struct backend){ .port = htons(8080), .proto = 6 };
		ip_addr_set_v4(&records[i].addr, htonl(0x0a010000 + i));
		if (v6)
			records[i].addr.words[0] = htonl(0xfd000000);
	}
}

/* Which backend, by its place in records[], has which entry; without the one at @left_out. */
static void fill(uint32_t *table, uint32_t size, uint32_t count, uint32_t left_out)
{
	const struct backend *list[BACKENDS_TESTED];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (i != left_out)
			list[kept++] = &records[i];
	ck_assert_int_eq(maglev_fill(table, size, list, kept), 0);
	for (uint32_t i = 0; i < size; i++) {
		ck_assert_uint_lt(table[i], kept);
		table[i] = (uint32_t)(list[table[i]] - records);
	}
}

static bool is_prime(uint32_t number)
{
	for (uint32_t i = 2; i * i <= number; i++)
		if (number % i == 0)
			return false;
	return number > 1;
}

START_TEST(sizes_are_primes_just_below_powers_of_two)
{
	ck_assert_uint_eq(maglev_size_count, CHECK_COUNT(sizes));
	for (int i = 0; i < CHECK_COUNT(sizes); i++) {
		uint32_t size = maglev_sizes[i];

		ck_assert_uint_eq(size, sizes[i]);
		ck_assert(is_prime(size));
		for (uint32_t larger = size + 1; larger & (larger - 1); larger++)
			ck_assert(!is_prime(larger));
		ck_assert(maglev_size_is_valid(size));
		ck_assert(!maglev_size_is_valid(size + 2));
	}
	ck_assert(maglev_size_is_valid(MAGLEV_SIZE_DEFAULT));
	ck_assert(!maglev_size_is_valid(0));
	ck_assert(!maglev_size_is_valid(251ull << 32));
}
END_TEST

/* No two backends differ by more than one entry, at any size and any number of them. */
START_TEST(shares_are_equal)
{
	static const uint32_t counts[] = { 1, 2, 3, 7, 50, 251 };
	uint32_t size = sizes[_i];

	make_records(false);
	for (int c = 0; c < CHECK_COUNT(counts); c++) {
		uint32_t shares[BACKENDS_TESTED] = {};

		fill(full, size, counts[c], UINT32_MAX);
		for (uint32_t i = 0; i < size; i++)
			shares[full[i]]++;
		for (uint32_t i = 0; i < counts[c]; i++) {
			ck_assert_uint_ge(shares[i], size / counts[c]);
			ck_assert_uint_le(shares[i], (size + counts[c] - 1) / counts[c]);
		}
	}
}
END_TEST

/* Entries of others that move when backend @left_out of @count leaves. */
static uint32_t count_moved(uint32_t size, uint32_t count, uint32_t left_out)
{
	uint32_t moved = 0;

	fill(less, size, count, left_out);
	for (uint32_t i = 0; i < size; i++)
		moved += full[i] != left_out && full[i] != less[i];
	return moved;
}

#define LEAVERS 10

START_TEST(hardly_any_others_move_when_one_leaves)
{
	uint32_t size = leaving[_i].size, count = leaving[_i].count, moved, most = 0;
	uint32_t tried = count < LEAVERS ? count : LEAVERS;

	make_records(leaving[_i].v6);
	fill(full, size, count, UINT32_MAX);
	for (uint32_t i = 0; i < tried; i++) {
		moved = count_moved(size, count, i * (count - 1) / (tried - 1));
		most = moved > most ? moved : most;
	}
	printf("# %u entries, %u backends: one leaves, at most %.2f %% of the entries move from "
	       "one to another that stays\n", size, count, 100.0 * most / size);
	ck_assert_uint_le((uint64_t)most * 1000, (uint64_t)size * leaving[_i].limit);
}
END_TEST

START_TEST(the_order_of_the_backends_does_not_matter)
{
	const struct backend *list[100];
	uint32_t size = 4093;

	make_records(false);
	fill(full, size, 100, UINT32_MAX);
	srandom(1);
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t other = (uint32_t)random() % (i + 1);

		list[i] = list[other];
		list[other] = &records[i];
	}
	ck_assert_int_eq(maglev_fill(less, size, list, 100), 0);
	for (uint32_t i = 0; i < size; i++)
		ck_assert_ptr_eq(list[less[i]], &records[full[i]]);
}
END_TEST

/* What a node alone knows of a backend must not count. */
START_TEST(only_names_count)
{
	make_records(false);
	fill(full, 1021, 7, UINT32_MAX);
	for (uint32_t i = 0; i < 7; i++) {
		records[i].flags = (uint8_t)i;
		records[i].generation = 100 - i;
		records[i].service = 5;
	}
	fill(less, 1021, 7, UINT32_MAX);
	ck_assert_mem_eq(full, less, 1021 * sizeof(*full));
	records[3].port = htons(8081);
	fill(less, 1021, 7, UINT32_MAX);
	ck_assert_mem_ne(full, less, 1021 * sizeof(*full));
}
END_TEST

/*
 * Nodes of different versions stand beside each other: these values must not change. They are
 * of the functions as they were first, and the same on machines of either byte order.
 */
START_TEST(nodes_of_all_versions_agree)
{
	struct ip_addr client, service;
	uint64_t sum = 0;

	ip_addr_set_v4(&client, htonl(0xc6336401));
	ip_addr_set_v4(&service, htonl(0xc0000201));
	ck_assert_uint_eq(spread_flow(&client, htons(4000), &service, htons(80), 6), 3323378400u);
	make_records(false);
	fill(full, 251, 5, UINT32_MAX);
	for (uint32_t i = 0; i < 251; i++)
		sum = spread_mix(sum, full[i]);
	ck_assert_uint_eq(sum, 16294405118529837174ull);
}
END_TEST

CHECK_MAIN("maglev", CHECK_TEST(sizes_are_primes_just_below_powers_of_two),
	   CHECK_LOOP(shares_are_equal, sizes),
	   CHECK_LOOP(hardly_any_others_move_when_one_leaves, leaving),
	   CHECK_TEST(the_order_of_the_backends_does_not_matter), CHECK_TEST(only_names_count),
	   CHECK_TEST(nodes_of_all_versions_agree))
