// SPDX-License-Identifier: Apache-2.0
#include "staleness.h"

void staleness_applied(struct staleness *staleness, bool failed, int64_t now_ms)
{
	if (!failed)
		staleness->failing_since_ms = 0;
	else if (!staleness->failing_since_ms)
		staleness->failing_since_ms = now_ms;
}

bool staleness_is_stale(const struct staleness *staleness, int64_t now_ms)
{
	int64_t since = staleness->failing_since_ms;

	return since && now_ms - since > STALE_MS;
}
