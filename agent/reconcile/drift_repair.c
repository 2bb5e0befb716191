// SPDX-License-Identifier: Apache-2.0
/* One table's repair: what differs from what shall be is written, and told. */
#include <stdio.h>

#include "reconcile/drift_private.h"

/* What to write, and what to delete. */
struct repair {
	struct drift *drift;
	enum datapath_map map;
	struct journal put, remove;
};

static int note(void *arg, enum drift_kind kind, const void *key, const void *value)
{
	struct repair *repair = arg;

	if (kind == DRIFT_EXTRA)
		return journal_add(&repair->remove, repair->map, key, NULL);
	return journal_add(&repair->put, repair->map, key, value);
}

static void tell(const struct repair *repair, const struct journal *journal, const char *what,
		 int r)
{
	const struct drift *drift = repair->drift;
	char entry[DRIFT_TEXT_MAX], text[DRIFT_TEXT_MAX + 32];

	for (uint32_t i = 0; i < journal->maps[repair->map].count; i++) {
		drift_entry_text(entry, drift->rec, drift->writer, repair->map,
				 journal_key(journal, repair->map, i));
		snprintf(text, sizeof(text), "%s %s", entry, what);
		drift->listener.found(drift->listener.arg, repair->map, text, r);
	}
}

static void heal(struct repair *repair)
{
	uint32_t written[DATAPATH_MAP_MAX];
	struct datapath *dp = repair->drift->rec->dp;
	enum datapath_map failed;
	int r;

	/* First: they may have taken the room of others. */
	journal_delete(&repair->remove, dp, NULL);
	r = journal_write(&repair->put, dp, written, &failed);
	tell(repair, &repair->put, "was missing or altered", r);
	tell(repair, &repair->remove, "was nobody's", 0);
}

int drift_repair(struct drift *drift, enum datapath_map map, const struct journal *wanted)
{
	struct repair repair = { .drift = drift, .map = map };
	int r;

	r = drift_search(&drift->scan, drift->rec->dp, wanted, map, note, &repair);
	if (!r)
		heal(&repair);
	journal_done(&repair.put);
	journal_done(&repair.remove);
	return r;
}
