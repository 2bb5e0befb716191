// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <string.h>

#include "source/api_stream.h"

struct collected {
	char text[1024]; /* pieces, each with a bar behind it */
	int answer; /* of the sink */
};

static int collect(void *arg, const char *text, size_t length)
{
	struct collected *collected = arg;

	ck_assert_uint_eq(strlen(text), length);
	strcat(collected->text, text);
	strcat(collected->text, "|");
	return collected->answer;
}

/* In parts of @part bytes. */
static int feed(struct api_stream *stream, struct collected *collected, const char *text,
		size_t part)
{
	const struct api_stream_sink sink = { .arg = collected, .piece = collect };
	size_t length = strlen(text), size;
	int r = 0;

	for (size_t at = 0; !r && at < length; at += size) {
		size = length - at < part ? length - at : part;
		r = api_stream_feed(stream, text + at, size, &sink);
	}
	return r;
}

static const struct {
	bool is_list;
	const char *text;
	const char *pieces;
	const char *head;
	int fed, finished;
} answers[] = {
	{ false, "", "", "", 0, 0 },
	{ false, "{}\n{\"a\":1}\n", "{}|{\"a\":1}|", "", 0, 0 },
	{ false, "{}{}", "{}|{}|", "", 0, 0 },
	{ false, " {\"a\":\"}\\\"{\",\"b\":[{}]} \r\n", "{\"a\":\"}\\\"{\",\"b\":[{}]}|", "", 0, 0 },
	{ false, "{\"a\":\"\\\\\"}{}", "{\"a\":\"\\\\\"}|{}|", "", 0, 0 },
	{ false, "{\"a\":", "", "", 0, -EBADMSG },
	{ false, "{\"a", "", "", 0, -EBADMSG },
	{ false, "{},{}", "{}|", "", -EBADMSG, 0 },
	{ false, "[]", "", "", -EBADMSG, 0 },
	{ false, "x", "", "", -EBADMSG, 0 },
	{ false, "}", "", "", -EBADMSG, 0 },
	{ false, "\"x\"", "", "", -EBADMSG, 0 },
	{ true, "", "", "", 0, -EBADMSG },
	{ true, "{}", "", "{}", 0, 0 },
	{ true, "{\"items\":[]}\n", "", "{\"items\":[]}", 0, 0 },
	{ true, "{\"items\":null}", "", "{\"items\":null}", 0, 0 },
	{ true, "{\"m\":{\"items\":[{}]},\"items\":[{\"a\":[1,2]}, {}\n]}", "{\"a\":[1,2]}|{}|",
	  "{\"m\":{\"items\":[{}]},\"items\":[]}", 0, 0 },
	{ true, "{ \"items\" : [ {\"items\":[{}]} ] ,\"m\":{}}", "{\"items\":[{}]}|",
	  "{ \"items\" : [] ,\"m\":{}}", 0, 0 },
	{ true, "{\"xitems\":[{}],\"itemsx\":[{}]}", "", "{\"xitems\":[{}],\"itemsx\":[{}]}", 0, 0 },
	{ true, "{\"items\":[{}", "{}|", "{\"items\":[", 0, -EBADMSG },
	{ true, "{\"items\":[{},7]}", "{}|", "{\"items\":[", -EBADMSG, 0 },
	{ true, "{\"items\":[[]]}", "", "{\"items\":[", -EBADMSG, 0 },
	{ true, "{\"items\":[\"a\"]}", "", "{\"items\":[", -EBADMSG, 0 },
	{ true, "{}{}", "", "{}", -EBADMSG, 0 },
	{ true, "[{}]", "", "", -EBADMSG, 0 },
};

/* The same whatever the network makes of it. */
START_TEST(objects_are_found_in_parts_of_any_size)
{
	for (size_t part = 1; part <= 64; part = part < 4 ? part + 1 : part * 4) {
		struct collected collected = {};
		struct api_stream stream = {};

		api_stream_start(&stream, answers[_i].is_list);
		ck_assert_int_eq(feed(&stream, &collected, answers[_i].text, part), answers[_i].fed);
		ck_assert_str_eq(collected.text, answers[_i].pieces);
		if (!answers[_i].fed) {
			ck_assert_int_eq(api_stream_finish(&stream), answers[_i].finished);
			ck_assert_str_eq(stream.head.data ?: "", answers[_i].head);
		}
		api_stream_done(&stream);
	}
}
END_TEST

START_TEST(what_the_sink_returns_ends_it)
{
	struct collected collected = { .answer = -ECANCELED };
	struct api_stream stream = {};

	api_stream_start(&stream, false);
	ck_assert_int_eq(feed(&stream, &collected, "{}{}", 4), -ECANCELED);
	ck_assert_str_eq(collected.text, "{}|");
	collected = (struct collected){};
	api_stream_start(&stream, false);
	ck_assert_int_eq(feed(&stream, &collected, "{\"b\":1}", 4), 0);
	ck_assert_str_eq(collected.text, "{\"b\":1}|");
	api_stream_done(&stream);
}
END_TEST

static int feed_zeros(struct api_stream *stream, const char *start, size_t count)
{
	static const char zeros[4096] = { [0 ... 4095] = '0' };
	struct collected collected = {};
	const struct api_stream_sink sink = { .arg = &collected, .piece = collect };
	int r = feed(stream, &collected, start, 64);

	for (size_t i = 0; !r && i < count; i += sizeof(zeros))
		r = api_stream_feed(stream, zeros, sizeof(zeros), &sink);
	return r;
}

START_TEST(nothing_grows_without_bounds)
{
	struct api_stream stream = {};

	api_stream_start(&stream, false);
	ck_assert_int_eq(feed_zeros(&stream, "{", API_PIECE_MAX), -EMSGSIZE);
	api_stream_start(&stream, true);
	ck_assert_int_eq(feed_zeros(&stream, "{\"items\":[{", API_PIECE_MAX), -EMSGSIZE);
	api_stream_start(&stream, true);
	ck_assert_int_eq(feed_zeros(&stream, "{\"metadata\":", API_HEAD_MAX), -EMSGSIZE);
	api_stream_done(&stream);
}
END_TEST

START_TEST(nesting_is_bounded)
{
	struct collected collected = {};
	struct api_stream stream = {};
	int r = 0;

	api_stream_start(&stream, false);
	for (int i = 0; i < API_DEPTH_MAX; i++)
		ck_assert_int_eq(feed(&stream, &collected, i ? "[" : "{", 1), 0);
	r = feed(&stream, &collected, "[", 1);
	ck_assert_int_eq(r, -EBADMSG);
	api_stream_done(&stream);
}
END_TEST

CHECK_MAIN("api_stream", CHECK_LOOP(objects_are_found_in_parts_of_any_size, answers),
	   CHECK_TEST(what_the_sink_returns_ends_it), CHECK_TEST(nothing_grows_without_bounds),
	   CHECK_TEST(nesting_is_bounded))
