// SPDX-License-Identifier: Apache-2.0
/* Counters, summed over the CPUs. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "datapath/private.h"

int datapath_metrics(struct datapath *dp, struct metric ret[static METRIC_MAX])
{
	int cpus = libbpf_num_possible_cpus();
	cleanup(freep) struct metric *values = NULL;

	if (cpus <= 0)
		return cpus ?: -EINVAL;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t index = 0; index < METRIC_MAX; index++) {
		ret[index] = (struct metric){};
		if (bpf_map_lookup_elem(dp->maps[MAP_METRIC], &index, values))
			return -errno;
		for (int cpu = 0; cpu < cpus; cpu++) {
			ret[index].packets += values[cpu].packets;
			ret[index].bytes += values[cpu].bytes;
		}
	}
	return 0;
}
