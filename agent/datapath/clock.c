// SPDX-License-Identifier: Apache-2.0
/* Programs that run on demand: the datapath's clock, and the sweep of expired flows. */
#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/private.h"
#include "weir/conntrack.h"

#define MEASURE_MS 100

static int run(uint32_t *ret, int program, void *packet, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	opts.data_in = packet;
	opts.data_size_in = size;
	opts.repeat = 1;
	if (bpf_prog_test_run_opts(program, &opts))
		return -errno;
	*ret = opts.retval;
	return 0;
}

int datapath_clock(uint32_t *ret, struct datapath *dp)
{
	uint8_t packet[ETH_HLEN] = {};

	return run(ret, dp->programs[PROGRAM_CLOCK], packet, sizeof(packet));
}

uint32_t datapath_hz(const struct datapath *dp)
{
	return dp->hz;
}

/* The kernel tells user space nothing about its jiffies: count them. */
int datapath_measure_hz(struct datapath *dp)
{
	static const uint32_t known[] = { 100, 250, 300, 1000 };
	const struct timespec wait = { .tv_nsec = MEASURE_MS * 1000000 };
	uint32_t before, after, best = known[0];
	int64_t start, took;
	double hz;
	int r;

	start = clock_us();
	r = datapath_clock(&before, dp);
	if (r < 0)
		return r;
	nanosleep(&wait, NULL);
	r = datapath_clock(&after, dp);
	if (r < 0)
		return r;
	took = clock_us() - start;
	hz = (after - before) * 1e6 / (double)took;
	for (size_t i = 1; i < sizeof(known) / sizeof(known[0]); i++)
		if (abs((int)(known[i] - hz)) < abs((int)(best - hz)))
			best = known[i];
	dp->hz = best;
	return 0;
}

static uint32_t key_size(enum ct_table table)
{
	return table == CT_TABLE_4 || table == CT_TABLE_4_NEW ? sizeof(struct ct4_key) :
								 sizeof(struct ct6_key);
}

int datapath_sweep(struct datapath *dp, enum ct_table table, const void *keys, uint32_t count)
{
	struct sweep_request request = { .table = table, .count = count };
	uint32_t size = SWEEP_OFFSET + sizeof(request) + count * key_size(table);
	cleanup(freep) uint8_t *packet = NULL;
	uint32_t deleted = 0;
	int r;

	if (!count)
		return 0;
	packet = calloc(1, size);
	if (!packet)
		return -ENOMEM;
	memcpy(packet + SWEEP_OFFSET, &request, sizeof(request));
	memcpy(packet + SWEEP_OFFSET + sizeof(request), keys, count * key_size(table));
	r = run(&deleted, dp->programs[PROGRAM_SWEEP], packet, size);
	return r < 0 ? r : (int)deleted;
}
