// SPDX-License-Identifier: Apache-2.0
/* Arrays that the agent writes as memory: a store is seen by the next packet. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "datapath/private.h"
#include "weir/service.h"

/* Holds a Maglev table of the default size. */
#define WINDOW_BYTES (512u * 1024)

static const struct {
	enum datapath_map map;
	uint32_t value_size;
} mapped[] = {
	{ MAP_STATE, sizeof(struct node_state) },
	{ MAP_SERVICE_PORT, sizeof(struct service_port) },
	{ MAP_BACKEND_SLOT, sizeof(uint32_t) },
	{ MAP_BACKEND, sizeof(struct backend) },
};

static size_t round_up(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

/* Of what does not fill windows evenly an element would lie in two: it is mapped whole. */
static size_t window_bytes(const struct mapped_array *array)
{
	return WINDOW_BYTES % array->stride ? array->total : WINDOW_BYTES;
}

/* The window of @array that begins at @offset. */
static int map_window(struct mapped_array *array, int fd, size_t offset)
{
	size_t rest = array->total - offset, window = window_bytes(array);
	size_t length = rest < window ? rest : window;
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	if (memory == MAP_FAILED)
		return -errno;
	if (array->memory)
		munmap(array->memory, array->length);
	array->memory = memory;
	array->length = length;
	array->offset = offset;
	return 0;
}

static int map_array(struct mapped_array *array, int fd, uint32_t value_size, uint32_t entries)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	array->stride = (uint32_t)round_up(value_size, 8);
	array->total = round_up((size_t)array->stride * entries, page);
	return map_window(array, fd, 0);
}

int datapath_map_arrays(struct datapath *dp, enum datapath_map *failed)
{
	for (size_t i = 0; i < sizeof(mapped) / sizeof(*mapped); i++) {
		enum datapath_map map = mapped[i].map;
		int r = map_array(&dp->arrays[map], dp->maps[map], mapped[i].value_size,
				  dp->entries_max[map]);

		*failed = map;
		if (r < 0)
			return r;
	}
	return 0;
}

void datapath_unmap_arrays(struct datapath *dp)
{
	for (int i = 0; i < DATAPATH_MAP_MAX; i++)
		if (dp->arrays[i].memory)
			munmap(dp->arrays[i].memory, dp->arrays[i].length);
}

volatile struct node_state *datapath_state(struct datapath *dp)
{
	return datapath_element(dp, MAP_STATE, 0);
}

/*
 * Mapping fails where the kernel has no memory left for the page table. Then the agent
 * ends as if it had been killed: what it has written is whole, and the next one goes on.
 */
static void move_window(struct datapath *dp, enum datapath_map map, size_t offset)
{
	struct mapped_array *array = &dp->arrays[map];
	size_t window = window_bytes(array);
	int r = map_window(array, dp->maps[map], offset / window * window);

	if (r >= 0)
		return;
	log_error_errno(r, "map %s cannot be mapped", datapath_map_name(map));
	abort();
}

volatile void *datapath_element(struct datapath *dp, enum datapath_map map, uint32_t index)
{
	struct mapped_array *array = &dp->arrays[map];
	size_t offset = (size_t)index * array->stride;

	if (!array->memory || index >= dp->entries_max[map])
		return NULL;
	if (offset < array->offset || offset - array->offset >= array->length)
		move_window(dp, map, offset);
	return array->memory + (offset - array->offset);
}
