// SPDX-License-Identifier: Apache-2.0
/*
 * What an API server sends: a byte for the kind, a byte for the size of the parts in which
 * it arrives, a list, the byte 0x1e, and a watch. However it is cut, the store says the
 * same; it holds nothing but objects of the kind that was asked for, and after a list that
 * is complete exactly those of the list; versions go forward; whatever is wrong is said
 * in valid text.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "source/api_feed.h"
#include "source/api_stream.h"
#include "source/fingerprint.h"

#define SEPARATOR 0x1e
#define DECOY "fuzz-decoy" /* no input names it */

struct outcome {
	uint64_t objects; /* of the store, whatever their order */
	size_t count;
	size_t problems;
	int list, watch;
	uint64_t version;
};

struct reading {
	struct api_feed feed;
	struct api_sync sync;
	struct api_stream stream;
	struct store *store;
	bool is_watch;
};

static void check_text(const char *text)
{
	json_t *value = json_string(text);

	PROMISE(value && *text); /* UTF-8 */
	json_decref(value);
}

static int on_piece(void *arg, const char *text, size_t length)
{
	struct reading *reading = arg;
	int r;

	if (!reading->is_watch)
		return api_feed_item(&reading->feed, text, length);
	reading->feed.error[0] = '\0';
	r = api_feed_event(&reading->feed, &reading->sync, text, length);
	PROMISE(!r || *reading->feed.error);
	return r;
}

static int feed(struct reading *reading, const uint8_t *data, size_t size, size_t part)
{
	const struct api_stream_sink sink = { .arg = reading, .piece = on_piece };
	size_t length;
	int r = 0;

	api_stream_start(&reading->stream, !reading->is_watch);
	for (size_t at = 0; !r && at < size; at += length) {
		length = size - at < part ? size - at : part;
		r = api_stream_feed(&reading->stream, (const char *)data + at, length, &sink);
	}
	return r ?: api_stream_finish(&reading->stream);
}

static int add_object(const struct object *obj, void *arg)
{
	struct outcome *outcome = arg;

	outcome->objects += fingerprint_object(obj) * 2 + 1;
	outcome->count++;
	return 0;
}

/* What a former agent knew. */
static void recall_decoy(struct reading *reading)
{
	json_t *decoy = json_pack("{s:{s:s,s:s},s:s,s:[],s:[],s:{s:{}}}", "metadata", "name", DECOY,
				  "namespace", DECOY, "addressType", "IPv4", "endpoints", "ports",
				  "spec", "podSelector");

	PROMISE(decoy && !api_feed_recall(&reading->feed, decoy));
	json_decref(decoy);
}

static bool has_decoy(const struct reading *reading)
{
	const struct api_kind *kind = reading->feed.kind;

	return store_get(reading->store, kind->kind, kind->namespaced ? DECOY : "", DECOY);
}

static void look(struct outcome *outcome, struct reading *reading)
{
	for (int kind = 0; kind < OBJECT_KIND_MAX; kind++) {
		PROMISE(kind == (int)reading->feed.kind->kind ||
			!store_count(reading->store, (enum object_kind)kind));
		store_each(reading->store, (enum object_kind)kind, add_object, outcome);
	}
	outcome->problems = reading->feed.problems.count + reading->feed.untold;
	for (size_t i = 0; i < reading->feed.problems.count; i++)
		check_text(reading->feed.problems.items[i].text);
	outcome->version = fingerprint_text(reading->sync.version, strlen(reading->sync.version));
}

static void run(struct outcome *outcome, const uint8_t *data, size_t size, size_t kind, size_t part)
{
	const uint8_t *end = memchr(data, SEPARATOR, size);
	struct reading reading = { .feed = { .kind = &api_kinds[kind] } };
	size_t list = end ? (size_t)(end - data) : size;
	struct api_request request;
	bool had_decoy;

	memset(outcome, 0, sizeof(*outcome));
	PROMISE(!store_new(&reading.store));
	reading.feed.store = reading.store;
	reading.feed.version = reading.feed.kind->versions[0];
	api_sync_init(&reading.sync, &api_timing_default, false, 1, 0);
	api_sync_next(&request, &reading.sync, 0, 0);
	recall_decoy(&reading);
	had_decoy = has_decoy(&reading);
	api_feed_begin(&reading.feed, reading.sync.round);
	outcome->list = feed(&reading, data, list, part);
	if (!outcome->list)
		api_feed_complete(&reading.feed);
	PROMISE(has_decoy(&reading) ==
		(had_decoy && (outcome->list || reading.feed.is_partial)));
	PROMISE(api_sync_page(&reading.sync, "5", "") == 1);
	reading.is_watch = true;
	outcome->watch = feed(&reading, end ? end + 1 : data + size, end ? size - list - 1 : 0, part);
	look(outcome, &reading);
	api_stream_done(&reading.stream);
	api_sync_done(&reading.sync);
	api_feed_done(&reading.feed);
	store_free(reading.store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, parts;

	if (size < 2)
		return 0;
	run(&whole, data + 2, size - 2, data[0] % API_KINDS, size);
	run(&parts, data + 2, size - 2, data[0] % API_KINDS, data[1] % 64 + 1);
	PROMISE(!memcmp(&whole, &parts, sizeof(whole)));
	return 0;
}
