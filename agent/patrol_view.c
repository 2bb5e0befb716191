// SPDX-License-Identifier: Apache-2.0
/* What the patrol has found, for the status. */
#include "base/clock.h"
#include "patrol_private.h"

const char *patrol_table_name(size_t table)
{
	return table == PATROL_LINKS ? "links" : datapath_map_name((enum datapath_map)table);
}

static json_t *counts_to_json(const struct patrol *patrol)
{
	json_t *list = json_array();

	for (size_t i = 0; i <= PATROL_LINKS; i++)
		if (patrol->counts[i].found)
			json_array_append_new(list, json_pack("{s:s,s:I,s:I}", "name", patrol_table_name(i),
							      "found",
							      (json_int_t)patrol->counts[i].found,
							      "failed",
							      (json_int_t)patrol->counts[i].failed));
	return list;
}

json_t *patrol_to_json(const struct agent *agent)
{
	const struct patrol *patrol = agent->patrol;
	static const struct patrol none;
	uint64_t total = 0;

	if (!patrol)
		patrol = &none;
	for (size_t i = 0; i <= PATROL_LINKS; i++)
		total += patrol->counts[i].found;
	return json_pack("{s:i,s:I,s:I,s:I,s:I,s:i,s:i,s:I,s:o}", "intervalSeconds",
			 (int)agent->config.drift_interval_s, "rounds", (json_int_t)patrol->rounds,
			 "lastEndedMillisecondsAgo",
			 (json_int_t)(patrol->rounds ? clock_ms() - patrol->ended_ms : 0),
			 "lastTookMicroseconds", (json_int_t)patrol->took_us,
			 "lastWorkedMicroseconds", (json_int_t)patrol->worked_us, "lastFound",
			 (int)patrol->last_found, "lastSkippedTables",
			 (int)patrol->last_skipped, "found",
			 (json_int_t)total, "tables", counts_to_json(patrol));
}
