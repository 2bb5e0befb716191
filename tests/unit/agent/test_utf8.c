// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/utf8.h"

static const struct {
	const char *text;
	const char *repaired; /* NULL: it is valid */
} texts[] = {
	{ "", NULL },
	{ "eth0", NULL },
	{ "z\xc3\xa9ro \xe2\x82\xac \xf0\x9f\x90\x8d", NULL },
	{ "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", NULL }, /* around the surrogates, and the last */
	{ "caf\xe9", "caf?" }, /* Latin-1 */
	{ "\xc3(\xa9", "?(?" },
	{ "cut \xe2\x82", "cut ??" },
	{ "\xf0\x9f\x90z", "???z" },
	{ "\xc0\x80", "??" }, /* two bytes for what needs one */
	{ "\xc1\xbf", "??" },
	{ "\xe0\x9f\xbf", "???" },
	{ "\xf0\x8f\xbf\xbf", "????" },
	{ "\xed\xa0\x80", "???" }, /* half a surrogate pair */
	{ "\xf4\x90\x80\x80", "????" }, /* beyond the last character */
	{ "\xf8\x88\x80\x80\x80", "?????" },
	{ "\xff\xfe", "??" },
};

START_TEST(only_what_is_no_character_is_replaced)
{
	const char *expected = texts[_i].repaired ?: texts[_i].text;
	char text[32];

	strcpy(text, texts[_i].text);
	ck_assert_int_eq(utf8_is_valid(text), !texts[_i].repaired);
	utf8_repair(text);
	ck_assert_str_eq(text, expected);
	ck_assert(utf8_is_valid(text));
}
END_TEST

/* The JSON library is asked, for it is the one that must take them. */
static void check_json(const char *text)
{
	json_t *value = json_string(text);

	ck_assert_msg(value, "\"%s\"", text);
	json_decref(value);
}

START_TEST(a_fault_can_be_told_whatever_it_quotes)
{
	struct fault fault;
	char text[1024];

	snprintf(text, sizeof(text), "x%*s", 600, "");
	for (char *p = text + 1; *p; p += 2)
		memcpy(p, "\xc3\xa9", 2);
	ck_assert_int_eq(fault_set(&fault, FAULT_DECODE, text, "%s", text), -EINVAL);
	check_json(fault.msg);
	check_json(fault.details);
	ck_assert_int_eq(fault_errno(&fault, FAULT_KERNEL, -EIO, "\xff", "\xfe%s", ""), -EIO);
	ck_assert_str_eq(fault.msg, "?");
	ck_assert_str_eq(fault.details, "?: Input/output error");
}
END_TEST

CHECK_MAIN("utf8",
	   CHECK_LOOP(only_what_is_no_character_is_replaced, texts),
	   CHECK_TEST(a_fault_can_be_told_whatever_it_quotes))
