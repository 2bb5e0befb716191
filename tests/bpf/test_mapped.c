// SPDX-License-Identifier: Apache-2.0
/* Arrays that the agent writes as memory: what it stores is what the map holds. */
#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "bpffs_main.h"
#include "datapath/datapath.h"
#include "weir/service.h"

#define SIZE 100
#define LARGE 200003 /* several windows, and part of another */
#define STEP 7919 /* coprime to it, and large: from window to window */

static struct datapath *open_sized(uint32_t size)
{
	struct datapath_config config = { .bpffs = bpffs };
	char error[DATAPATH_ERROR_MAX];
	struct datapath *dp;

	config.sizes[MAP_SERVICE_PORT] = config.sizes[MAP_BACKEND_SLOT] = size;
	config.sizes[MAP_BACKEND] = size;
	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	return dp;
}

static const struct {
	enum datapath_map map;
	uint32_t value_size;
} arrays[] = {
	{ MAP_SERVICE_PORT, sizeof(struct service_port) },
	{ MAP_BACKEND_SLOT, sizeof(uint32_t) },
	{ MAP_BACKEND, sizeof(struct backend) },
};

START_TEST(each_element_is_the_maps)
{
	cleanup(datapath_freep) struct datapath *dp = open_sized(SIZE);
	enum datapath_map map = arrays[_i].map;
	uint8_t value[64];

	ck_assert_uint_eq(datapath_map_entries_max(dp, map), SIZE);
	for (uint32_t i = 0; i < SIZE; i++)
		*(volatile uint32_t *)datapath_element(dp, map, i) = 1000 + i;
	for (uint32_t i = 0; i < SIZE; i++) {
		ck_assert_int_eq(bpf_map_lookup_elem(datapath_map_fd(dp, map), &i, value), 0);
		ck_assert_uint_eq(*(uint32_t *)value, 1000 + i);
		for (uint32_t at = 4; at < arrays[_i].value_size; at++)
			ck_assert_uint_eq(value[at], 0);
	}
}
END_TEST

/* Of which only a part is mapped at a time. */
START_TEST(a_large_array_is_written_in_any_order)
{
	cleanup(datapath_freep) struct datapath *dp = open_sized(LARGE);
	enum datapath_map map = arrays[_i].map;
	uint8_t value[64];

	for (uint32_t i = 0, at = 0; i < LARGE; i++, at = (at + STEP) % LARGE)
		*(volatile uint32_t *)datapath_element(dp, map, at) = 1000 + at;
	for (uint32_t i = 0; i < LARGE; i++) {
		ck_assert_int_eq(bpf_map_lookup_elem(datapath_map_fd(dp, map), &i, value), 0);
		ck_assert_uint_eq(*(uint32_t *)value, 1000 + i);
		ck_assert_uint_eq(*(volatile uint32_t *)datapath_element(dp, map, i), 1000 + i);
	}
	ck_assert_ptr_null((void *)datapath_element(dp, map, LARGE));
}
END_TEST

START_TEST(there_are_no_others)
{
	cleanup(datapath_freep) struct datapath *dp = open_sized(SIZE);

	for (int map = 0; map < DATAPATH_MAP_MAX; map++) {
		bool mapped = map == MAP_STATE;

		for (size_t i = 0; i < CHECK_COUNT(arrays); i++)
			mapped = mapped || arrays[i].map == (enum datapath_map)map;
		ck_assert_int_eq(datapath_element(dp, (enum datapath_map)map, 0) != NULL, mapped);
	}
	ck_assert_ptr_null((void *)datapath_element(dp, MAP_STATE, 1));
	ck_assert_ptr_null((void *)datapath_element(dp, MAP_BACKEND, SIZE));
}
END_TEST

/* The size that a map was made with counts, and what it holds stays. */
START_TEST(what_was_there_is_adopted)
{
	struct datapath_config config = { .bpffs = bpffs };
	struct datapath *dp = open_sized(SIZE);
	char error[DATAPATH_ERROR_MAX];
	volatile struct backend *backend = datapath_element(dp, MAP_BACKEND, SIZE - 1);

	backend->generation = 7;
	datapath_free(dp);
	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	backend = datapath_element(dp, MAP_BACKEND, SIZE - 1);
	ck_assert_uint_eq(backend->generation, 7);
	ck_assert_ptr_null((void *)datapath_element(dp, MAP_BACKEND, SIZE));
	datapath_free(dp);
}
END_TEST

BPFFS_MAIN("mapped", CHECK_LOOP(each_element_is_the_maps, arrays),
	   CHECK_LOOP(a_large_array_is_written_in_any_order, arrays), CHECK_TEST(there_are_no_others),
	   CHECK_TEST(what_was_there_is_adopted))
