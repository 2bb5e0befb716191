// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>
#include <string.h>

#include "lib/check_main.h"

#include "base/slab.h"

#define ITEMS 1000

/* One of them larger than what is allocated at a time, one smaller than a pointer. */
static const size_t sizes[] = { 1, 8, 20, 56, 5000 };

static void is_all(const unsigned char *item, unsigned char value, size_t size)
{
	size_t at = 0;

	while (at < size && item[at] == value)
		at++;
	ck_assert_uint_eq(at, size);
}

START_TEST(items_begin_as_zeros_and_keep_apart)
{
	struct slab slab = slab_of(sizes[_i]);
	unsigned char *items[ITEMS];

	for (int i = 0; i < ITEMS; i++) {
		items[i] = slab_take(&slab);
		ck_assert_ptr_nonnull(items[i]);
		ck_assert_uint_eq((uintptr_t)items[i] % sizeof(void *), 0);
		is_all(items[i], 0, sizes[_i]);
		memset(items[i], i & 0xff, sizes[_i]);
	}
	for (int i = 0; i < ITEMS; i++)
		is_all(items[i], i & 0xff, sizes[_i]);
	slab_done(&slab);
}
END_TEST

START_TEST(room_that_is_given_back_is_used_first)
{
	struct slab slab = slab_of(sizes[_i]);
	unsigned char *first = slab_take(&slab), *second = slab_take(&slab), *third;

	memset(first, 0xff, sizes[_i]);
	memset(second, 0xee, sizes[_i]);
	slab_give(&slab, first);
	third = slab_take(&slab);
	ck_assert_ptr_eq(third, first);
	is_all(third, 0, sizes[_i]);
	is_all(second, 0xee, sizes[_i]);
	ck_assert_ptr_ne(slab_take(&slab), second);
	slab_done(&slab);
	ck_assert_ptr_nonnull(slab_take(&slab));
	slab_done(&slab);
}
END_TEST

CHECK_MAIN("slab", CHECK_LOOP(items_begin_as_zeros_and_keep_apart, sizes),
	   CHECK_LOOP(room_that_is_given_back_is_used_first, sizes))
