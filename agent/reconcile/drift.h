/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drift patrol: reads back what the kernel holds, compares it with what it shall hold, and
 * brings it there by the writers' own ways. Somebody else's write, a bug of the kernel or one of
 * weir would otherwise stay until that entry happens to be written again.
 *
 * Only settled state is compared: a table whose writer is at work, or waits for a grace period,
 * has its turn later. What the kernel itself writes (connections, affinity, counters) is nobody's
 * business here. A table without drift is not searched but summed up (drift_scan.h).
 */
#pragma once

#include "reconcile/reconcile.h"
#include "reconcile/service.h"

struct drift;

struct drift_listener {
	void *arg;
	/*
	 * @text says what was wrong: "peer 10.0.0.5 was missing"; @r: 0, or the negative errno with
	 * which it could not be healed, or not even be read back.
	 */
	void (*found)(void *arg, enum datapath_map map, const char *text, int r);
};

/* Both are borrowed; @writer may be NULL. The listener is copied. 0 or -ENOMEM. */
int drift_new(struct drift **ret, struct reconcile *rec, struct service_writer *writer,
	      const struct drift_listener *listener);
void drift_free(struct drift *drift);

/*
 * A bounded piece of a round. True: there is more to do; false: all that was settled has been
 * looked at, and the next call begins anew.
 */
bool drift_step(struct drift *drift);

/* Tables that were passed over in the last round, for their writer was at work. */
unsigned int drift_skipped(const struct drift *drift);
