// SPDX-License-Identifier: Apache-2.0
/* Arrays that the agent writes as memory: a store is seen by the next packet. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datapath/private.h"
#include "weir/service.h"

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

static int map_array(struct mapped_array *array, int fd, uint32_t value_size, uint32_t entries)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t stride = (uint32_t)round_up(value_size, 8);
	size_t length = round_up((size_t)stride * entries, page);
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	*array = (struct mapped_array){ memory, length, stride };
	return 0;
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

volatile void *datapath_element(struct datapath *dp, enum datapath_map map, uint32_t index)
{
	const struct mapped_array *array = &dp->arrays[map];

	if (!array->memory || index >= dp->entries_max[map])
		return NULL;
	return array->memory + (size_t)index * array->stride;
}
