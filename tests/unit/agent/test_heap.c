// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/check_main.h"

#include "base/heap.h"

#define BLOCKS 16384
#define BLOCK_SIZE 1024
#define KEPT 64 /* one in so many */

static long resident(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	long pages;

	ck_assert_ptr_nonnull(statm);
	ck_assert_int_eq(fscanf(statm, "%*u %ld", &pages), 1);
	fclose(statm);
	return pages * sysconf(_SC_PAGESIZE);
}

/* A sanitizer has its own malloc(), which keeps what is freed. */
static bool is_glibc(void)
{
	return mallinfo2().uordblks >= (size_t)BLOCKS / KEPT * BLOCK_SIZE;
}

START_TEST(holes_go_back_to_the_kernel)
{
	static char *blocks[BLOCKS];
	long before, most;

	heap_init();
	before = resident();
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK_SIZE);
		ck_assert_ptr_nonnull(blocks[i]);
		memset(blocks[i], 0xee, BLOCK_SIZE);
	}
	most = resident();
	for (int i = 0; i < BLOCKS; i++)
		if (i % KEPT)
			free(blocks[i]);
	heap_trim();
	if (is_glibc())
		ck_assert_int_lt(resident() - before, (most - before) / 4);
	for (int i = 0; i < BLOCKS; i += KEPT)
		for (int j = 0; j < BLOCK_SIZE; j++)
			ck_assert_msg(blocks[i][j] == (char)0xee, "block %d has changed", i);
	for (int i = 0; i < BLOCKS; i += KEPT)
		free(blocks[i]);
}
END_TEST

CHECK_MAIN("heap", CHECK_TEST(holes_go_back_to_the_kernel))
