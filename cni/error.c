// SPDX-License-Identifier: Apache-2.0
#include "cni/error.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int fail(struct cni_error *error, int code, int r, const char *fmt, va_list ap)
{
	error->code = code;
	vsnprintf(error->msg, sizeof(error->msg), fmt, ap);
	snprintf(error->details, sizeof(error->details), "%s", r ? strerror(-r) : "");
	return -code;
}

int cni_fail(struct cni_error *error, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(error, code, 0, fmt, ap);
	va_end(ap);
	return -code;
}

int cni_fail_errno(struct cni_error *error, int code, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(error, code, r, fmt, ap);
	va_end(ap);
	return -code;
}

int cni_fail_json(struct cni_error *error, int code, const json_t *object)
{
	json_int_t given = json_integer_value(json_object_get(object, "code"));
	const char *msg = json_string_value(json_object_get(object, "msg"));
	const char *details = json_string_value(json_object_get(object, "details"));

	/* Also a success code in an error must not become one. */
	code = given > 0 && given <= INT32_MAX ? (int)given : code;
	cni_fail(error, code, "%s", msg ?: "no reason given");
	snprintf(error->details, sizeof(error->details), "%s", details ?: "");
	return -code;
}

/* Texts may come from the environment, or be cut within a character. */
static json_t *any_text(const char *text)
{
	char ascii[sizeof(((struct cni_error *)0)->details)];
	json_t *value = json_string(text);

	if (value)
		return value;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *p = ascii; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(ascii);
}

json_t *cni_error_json(const struct cni_error *error, const char *cni_version)
{
	json_t *object = json_pack("{s:s, s:i, s:o}", "cniVersion", cni_version, "code",
				   error->code, "msg", any_text(error->msg));

	if (object && error->details[0])
		json_object_set_new(object, "details", any_text(error->details));
	return object;
}
