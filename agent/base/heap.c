// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LARGE (128 << 10) /* bytes */
#define GROWTH_BYTES (512ul << 10) /* a search for holes may take a millisecond: not each time */

void heap_init(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_ARENA_MAX, 1);
}

/* Source: proc_pid_statm(5). 0: not known. */
static unsigned long resident_bytes(void)
{
	cleanup(fclosep) FILE *statm = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!statm || fscanf(statm, "%*u %lu", &pages) != 1)
		return 0;
	return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

void heap_trim(void)
{
	static unsigned long least; /* since the last time */
	unsigned long now = resident_bytes();

	if (now < least)
		least = now;
	if (now - least < GROWTH_BYTES)
		return;
	malloc_trim(0);
	least = resident_bytes();
}
