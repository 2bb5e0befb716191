// SPDX-License-Identifier: Apache-2.0
#include "cni/error.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Texts may come from the environment, or be cut within a character. */
static void fail(struct cni_error *error, int code, int r, const char *fmt, va_list ap)
{
	error->code = code;
	vsnprintf(error->msg, sizeof(error->msg), fmt, ap);
	snprintf(error->details, sizeof(error->details), "%s", r ? strerror(-r) : "");
	utf8_repair(error->msg);
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
	utf8_repair(error->details);
	return -code;
}

json_t *cni_error_json(const struct cni_error *error, const char *cni_version)
{
	json_t *object = json_pack("{s:s, s:i, s:s}", "cniVersion", cni_version, "code",
				   error->code, "msg", error->msg);

	if (object && error->details[0])
		json_object_set_new(object, "details", json_string(error->details));
	return object;
}
