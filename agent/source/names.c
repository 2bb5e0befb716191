// SPDX-License-Identifier: Apache-2.0
#include "source/names.h"

#include <stddef.h>
#include <string.h>

#define LABEL_MAX 63
#define SUBDOMAIN_MAX 253
#define PORT_NAME_MAX 15

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* Only characters of @set, and not one of @inner at either end. */
static bool is_word(const char *text, size_t length, size_t max, const char *set,
		    const char *inner)
{
	return length && length <= max && strspn(text, set) >= length &&
	       !strchr(inner, text[0]) && !strchr(inner, text[length - 1]);
}

static bool is_dns_label(const char *text, size_t length)
{
	return is_word(text, length, LABEL_MAX, LOWER DIGITS "-", "-");
}

/* The middle of a label key and a whole label value. */
static bool is_qualified(const char *text)
{
	return is_word(text, strlen(text), LABEL_MAX, LOWER UPPER DIGITS "-_.", "-_.");
}

static bool is_subdomain(const char *text, size_t length)
{
	const char *end = text + length;

	if (!length || length > SUBDOMAIN_MAX)
		return false;
	for (;;) {
		const char *dot = memchr(text, '.', (size_t)(end - text)) ?: end;

		if (!is_dns_label(text, (size_t)(dot - text)))
			return false;
		if (dot == end)
			return true;
		text = dot + 1;
	}
}

bool name_is_label(const char *text)
{
	return is_dns_label(text, strlen(text));
}

bool name_is_subdomain(const char *text)
{
	return is_subdomain(text, strlen(text));
}

bool name_is_label_key(const char *text)
{
	const char *slash = strchr(text, '/');

	if (!slash)
		return is_qualified(text);
	return is_subdomain(text, (size_t)(slash - text)) && is_qualified(slash + 1);
}

bool name_is_label_value(const char *text)
{
	return !*text || is_qualified(text);
}

bool name_is_port(const char *text)
{
	return is_word(text, strlen(text), PORT_NAME_MAX, LOWER DIGITS "-", "-") &&
	       strpbrk(text, LOWER) && !strstr(text, "--");
}
