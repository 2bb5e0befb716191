/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries that wait to be written into the pinned maps, a list per map. Lists are
 * written by batch system calls; order within a list is kept.
 */
#pragma once

#include "datapath/datapath.h"

struct entries {
	uint8_t *keys;
	uint8_t *values;
	uint32_t count;
	uint32_t room;
};

struct journal {
	struct entries maps[DATAPATH_MAP_MAX];
};

void journal_done(struct journal *journal);

/* In bytes; 0: the map is none that a journal can have. */
uint32_t journal_key_size(enum datapath_map map);
uint32_t journal_value_size(enum datapath_map map);

/* Entry @index of @map. */
const void *journal_key(const struct journal *journal, enum datapath_map map, uint32_t index);
const void *journal_value(const struct journal *journal, enum datapath_map map, uint32_t index);

/* @key and @value are as large as the map's; @value: NULL where only keys count. 0 or -ENOMEM. */
int journal_add(struct journal *journal, enum datapath_map map, const void *key, const void *value);

/*
 * Write all entries, map by map: what is referred to before what refers to it.
 * On failure *@written says for each map how many entries were written, and
 * *@failed which map refused. 0, -ENOSPC for a full map, or another errno.
 */
int journal_write(const struct journal *journal, struct datapath *dp,
		  uint32_t written[static DATAPATH_MAP_MAX], enum datapath_map *failed);

/* Delete the keys; of each map the first @count[map] only, or all when @count is NULL. */
void journal_delete(const struct journal *journal, struct datapath *dp, const uint32_t *count);
