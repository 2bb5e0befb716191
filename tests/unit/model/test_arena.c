// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <string.h>

#include "model/image_mem.h"

/* Sizes below, about and above what a chunk holds. */
static const size_t sizes[] = { 1, 100, 10000, 64 * 1024, 1024 * 1024 };

START_TEST(what_comes_after_a_reset_is_zeroed)
{
	struct arena arena = {};

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i <= _i; i++) {
			unsigned char *data = arena_alloc(&arena, sizes[i]);

			ck_assert_ptr_nonnull(data);
			for (size_t at = 0; at < sizes[i]; at++)
				ck_assert_uint_eq(data[at], 0);
			memset(data, 0xff, sizes[i]);
		}
		arena_reset(&arena);
	}
	arena_done(&arena);
}
END_TEST

CHECK_MAIN("arena", CHECK_LOOP(what_comes_after_a_reset_is_zeroed, sizes))
