// SPDX-License-Identifier: Apache-2.0
/*
 * Any request to the program that deletes expired connections. What is alive
 * stays, what was asked for and is dead goes, and the answer is how many.
 */
#include <string.h>

#include "bpf/fixture.h"
#include "fuzz/fuzz.h"
#include "fuzz/record.h"
#include "hostsim/fuzz_check.h"
#include "hostsim/fuzz_one.h"
#include "weir/sweep.h"

#define ENTRIES_MAX 32

static const char *const tables[CT_TABLE_MAX] = { "ct4", "ct6", "ct4_new", "ct6_new" };

struct filled {
	uint32_t table;
	uint8_t key[sizeof(struct ct6_key)];
	bool dead;
	bool asked;
};

static struct filled entries[ENTRIES_MAX];
static size_t entry_count;

static size_t key_size(uint32_t table)
{
	return table % 2 ? sizeof(struct ct6_key) : sizeof(struct ct4_key);
}

static bool is_there(const struct filled *entry)
{
	struct ct6_value value;

	return !engine_lookup(tables[entry->table], entry->key, &value);
}

static void fill(const struct record *r)
{
	struct filled *entry = &entries[entry_count];
	struct ct6_value value = {};

	if (entry_count == ENTRIES_MAX)
		return;
	*entry = (struct filled){ .table = r->arg[0] % CT_TABLE_MAX, .dead = r->arg[1] & 1 };
	memcpy(entry->key, r->arg + 2, 12);
	if (is_there(entry))
		return;
	value.entry.expires = sim_now() + (entry->dead ? -1u - r->arg[14] : r->arg[14]);
	PROMISE(!engine_update(tables[entry->table], entry->key, &value));
	entry_count++;
}

/* All entries of @table are asked for. Returns how many keys are in the request. */
static uint32_t request_fill(struct frame *frame, uint32_t table)
{
	uint32_t count = 0;

	frame->len = SWEEP_OFFSET + sizeof(struct sweep_request);
	for (size_t i = 0; i < entry_count; i++) {
		entries[i].asked = entries[i].table == table;
		if (!entries[i].asked)
			continue;
		memcpy(frame->data + frame->len, entries[i].key, key_size(table));
		frame->len += key_size(table);
		count++;
	}
	return count;
}

/* What is left of the entries, when @fit of those that were asked for were in the request. */
static size_t check_entries(size_t fit)
{
	size_t left = 0;

	for (size_t i = 0; i < entry_count; i++) {
		bool there = is_there(&entries[i]), in = entries[i].asked && fit;

		fit -= in;
		PROMISE(there || entries[i].dead);
		PROMISE(!in || there == !entries[i].dead);
		if (there)
			entries[left++] = entries[i];
	}
	return left;
}

/* A request for entries of one table; it may promise more than there is, or be cut. */
static void ask(const struct record *r)
{
	struct sweep_request request = { .table = r->arg[0] & 0x80 ? r->arg[1] :
								     r->arg[1] % CT_TABLE_MAX };
	struct frame frame = {};
	struct engine_run run = { .program = SWEEP, .frame = &frame };
	size_t head = SWEEP_OFFSET + sizeof(request), left;

	request.count = request_fill(&frame, request.table);
	request.count += r->arg[2] & 1 ? r->arg[3] << 8 : 0;
	if (r->arg[2] & 2)
		frame.len -= r->arg[4] % frame.len;
	memcpy(frame.data + SWEEP_OFFSET, &request, sizeof(request));
	PROMISE(engine_run(&run));
	left = check_entries(frame.len < head ? 0 : (frame.len - head) / key_size(request.table));
	PROMISE(run.action == (int)(entry_count - left));
	entry_count = left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct records in = { data, len };
	struct record record;
	static bool started;

	if (!started)
		fuzz_start();
	started = true;
	world_reset();
	entry_count = 0;
	while (records_take(&record, &in)) {
		if (record.op % 4)
			fill(&record);
		else
			ask(&record);
	}
	return 0;
}
