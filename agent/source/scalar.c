// SPDX-License-Identifier: Apache-2.0
/*
 * The words and numbers are those that the Go library behind Kubernetes' tools
 * knows; it differs from YAML 1.1 in detail (y and n are booleans, base 60 and
 * time stamps are strings, 0o17 is an octal number).
 *
 * Source: sigs.k8s.io/yaml, documentation of goyaml.v2
 */
#include "source/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define TAG_PREFIX "tag:yaml.org,2002:"
#define NUMBER_MAX 64 /* digits of the longest number that is taken for one */
#define EXACT_MAX 9007199254740992.0 /* 2^53: every integer up to it is a double */

struct word {
	const char *text;
	json_type type;
};

static const struct word words[] = {
	{ "", JSON_NULL },	{ "~", JSON_NULL },	{ "null", JSON_NULL },
	{ "Null", JSON_NULL },	{ "NULL", JSON_NULL },	{ "y", JSON_TRUE },
	{ "Y", JSON_TRUE },	{ "yes", JSON_TRUE },	{ "Yes", JSON_TRUE },
	{ "YES", JSON_TRUE },	{ "true", JSON_TRUE },	{ "True", JSON_TRUE },
	{ "TRUE", JSON_TRUE },	{ "on", JSON_TRUE },	{ "On", JSON_TRUE },
	{ "ON", JSON_TRUE },	{ "n", JSON_FALSE },	{ "N", JSON_FALSE },
	{ "no", JSON_FALSE },	{ "No", JSON_FALSE },	{ "NO", JSON_FALSE },
	{ "false", JSON_FALSE }, { "False", JSON_FALSE }, { "FALSE", JSON_FALSE },
	{ "off", JSON_FALSE },	{ "Off", JSON_FALSE },	{ "OFF", JSON_FALSE },
};

static const struct word tags[] = {
	{ "null", JSON_NULL }, { "bool", JSON_TRUE },	{ "int", JSON_INTEGER },
	{ "float", JSON_REAL }, { "str", JSON_STRING },
};

static const struct word *word_find(const struct word *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(list[i].text, text))
			return &list[i];
	}
	return NULL;
}

#define WORD_FIND(list, text) word_find(list, sizeof(list) / sizeof((list)[0]), text)

/* Digits may be grouped with underscores. False: too long to be a number. */
static bool without_underscores(char ret[static NUMBER_MAX], const char *text)
{
	size_t length = 0;

	for (; *text; text++) {
		if (*text == '_')
			continue;
		if (length + 1 == NUMBER_MAX)
			return false;
		ret[length++] = *text;
	}
	ret[length] = '\0';
	return length > 0;
}

/* 0x, 0o, 0b; a leading 0 is octal as well. Skips the prefix. */
static int number_base(const char **digits)
{
	const char *text = *digits;

	if (text[0] != '0' || !text[1])
		return 10;
	*digits += 2;
	switch (text[1]) {
	case 'x':
	case 'X':
		return 16;
	case 'o':
	case 'O':
		return 8;
	case 'b':
	case 'B':
		return 2;
	default:
		*digits -= 1;
		return 8;
	}
}

static bool parse_integer(int64_t *ret, const char *text)
{
	bool negative = *text == '-';
	const char *digits = text + (*text == '-' || *text == '+');
	uint64_t limit = (uint64_t)INT64_MAX + negative;
	unsigned long long value;
	char *end;
	int base;

	base = number_base(&digits);
	if (!isxdigit((unsigned char)*digits))
		return false;
	/* strtoull() would skip a second "0x". */
	if (base == 16 && tolower((unsigned char)digits[1]) == 'x')
		return false;
	errno = 0;
	value = strtoull(digits, &end, base);
	if (*end || errno || value > limit)
		return false;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

static const char *skip_digits(const char *text)
{
	return text + strspn(text, "0123456789");
}

/* [-+] digits [. digits] [e [-+] digits], with a digit before or after the point. */
static bool looks_like_float(const char *text)
{
	const char *start = text + (*text == '-' || *text == '+');
	const char *p = skip_digits(start);
	bool digits = p > start;

	if (*p == '.') {
		start = p + 1;
		p = skip_digits(start);
		digits = digits || p > start;
	}
	if (!digits)
		return false;
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '-' || p[1] == '+');
		if (!isdigit((unsigned char)*p))
			return false;
		p = skip_digits(p);
	}
	return !*p;
}

/* A float without a fraction becomes an integer, as in Go's JSON. NULL: no number. */
static json_t *parse_number(const char *text)
{
	char plain[NUMBER_MAX];
	int64_t integer;
	double real;

	if (!strchr("+-.0123456789", *text) || !without_underscores(plain, text))
		return NULL;
	if (parse_integer(&integer, plain))
		return json_integer(integer);
	if (!looks_like_float(plain))
		return NULL;
	real = strtod(plain, NULL);
	if (!isfinite(real))
		return NULL;
	if (fabs(real) <= EXACT_MAX && real == trunc(real))
		return json_integer((int64_t)real);
	return json_real(real);
}

static json_t *resolve_plain(const char *text)
{
	const struct word *word = WORD_FIND(words, text);
	json_t *number;

	if (!word) {
		number = parse_number(text);
		return number ?: json_string(text);
	}
	if (word->type == JSON_NULL)
		return json_null();
	return json_boolean(word->type == JSON_TRUE);
}

static bool is_of_tag(const json_t *value, json_type type)
{
	switch (type) {
	case JSON_TRUE:
		return json_is_boolean(value);
	case JSON_REAL:
		return json_is_number(value);
	default:
		return json_typeof(value) == type;
	}
}

static int resolve_tagged(json_t **ret, const char *text, const char *tag)
{
	const struct word *known;
	json_t *value;

	if (strncmp(tag, TAG_PREFIX, strlen(TAG_PREFIX)))
		return -EINVAL;
	known = WORD_FIND(tags, tag + strlen(TAG_PREFIX));
	if (!known)
		return -EINVAL;
	value = known->type == JSON_STRING ? json_string(text) : resolve_plain(text);
	if (!value)
		return -ENOMEM;
	if (!is_of_tag(value, known->type)) {
		json_decref(value);
		return -EINVAL;
	}
	*ret = value;
	return 0;
}

int scalar_resolve(json_t **ret, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;

	if (strlen(text) != event->data.scalar.length)
		return -EINVAL;
	if (tag && strcmp(tag, "!"))
		return resolve_tagged(ret, text, tag);
	if (!tag && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		*ret = resolve_plain(text);
	else
		*ret = json_string(text);
	return *ret ? 0 : -ENOMEM;
}

int scalar_key(char **ret, const yaml_event_t *event)
{
	cleanup(json_decrefp) json_t *value = NULL;
	int r = scalar_resolve(&value, event);

	if (r < 0)
		return r;
	switch (json_typeof(value)) {
	case JSON_STRING:
		*ret = strdup(json_string_value(value));
		break;
	case JSON_INTEGER:
		if (asprintf(ret, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) < 0)
			*ret = NULL;
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		*ret = strdup(json_is_true(value) ? "true" : "false");
		break;
	case JSON_REAL:
		*ret = strdup((const char *)event->data.scalar.value);
		break;
	default:
		return -EINVAL;
	}
	return *ret ? 0 : -ENOMEM;
}
