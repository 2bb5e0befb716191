// SPDX-License-Identifier: Apache-2.0
/* What the policy maps shall hold while nothing changes. */
#include <errno.h>

#include "base/cleanup.h"
#include "reconcile/drift_private.h"

/* Peers that come with a turn are in @settle, with both halves; all else is in @add. */
int policy_entries(struct journal *journal, const struct reconcile *rec)
{
	cleanup(change_done) struct change change = {};
	const struct image nothing = {};
	int r;

	r = change_compute(&change, &nothing, rec->image, rec->generation, false);
	for (int i = 0; i < DATAPATH_MAP_MAX && !r; i++) {
		enum datapath_map map = (enum datapath_map)i;
		bool is_peer = map == MAP_PEER4 || map == MAP_PEER6;

		struct journal *from = is_peer && change.must_turn ? &change.settle : &change.add;

		journal->maps[map] = from->maps[map];
		from->maps[map] = (struct entries){};
	}
	return r;
}
