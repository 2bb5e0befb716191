// SPDX-License-Identifier: Apache-2.0
#include "hostsim/fuzz_count.h"

#include <string.h>

#include "hostsim/fuzz_check.h"

void counts_read(struct counts *ret)
{
	for (uint32_t i = 0; i < METRIC_MAX; i++)
		PROMISE(!engine_lookup("metric", &i, &ret->metrics[i]));
}

void counts_since(struct counts *ret, const struct counts *before, const struct counts *inner)
{
	counts_read(ret);
	for (int i = 0; i < METRIC_MAX; i++) {
		ret->metrics[i].packets -= before->metrics[i].packets + inner->metrics[i].packets;
		ret->metrics[i].bytes -= before->metrics[i].bytes + inner->metrics[i].bytes;
	}
}

void counts_add(struct counts *to, const struct counts *more)
{
	for (int i = 0; i < METRIC_MAX; i++) {
		to->metrics[i].packets += more->metrics[i].packets;
		to->metrics[i].bytes += more->metrics[i].bytes;
	}
}

bool counts_are_none(const struct counts *counts)
{
	static const struct counts none;

	return !memcmp(counts, &none, sizeof(none));
}

int counts_reason(const struct counts *counts, enum policy_dir dir, size_t length, size_t came)
{
	int found = -1;

	for (int i = 0; i < METRIC_MAX; i++) {
		const struct metric *metric = &counts->metrics[i];

		/* Besides what becomes of the packet: it is of a connection. */
		if (i / POLICY_DIR_MAX == DROP_SERVICE_PORT_LOST)
			continue;
		if (!metric->packets && !metric->bytes)
			continue;
		PROMISE(found < 0 && metric->packets == 1);
		PROMISE(metric->bytes == (i / POLICY_DIR_MAX == DROP_NONE ? length : came));
		PROMISE(i % POLICY_DIR_MAX == (int)dir);
		found = i / POLICY_DIR_MAX;
	}
	return found;
}
