/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as CNI wants them: a code, one sentence, details. Functions that take a
 * `struct cni_error *` fill it and return the negative code.
 */
#pragma once

#include <jansson.h>

enum cni_code {
	CNI_INCOMPATIBLE_VERSION = 1,
	CNI_UNSUPPORTED_FIELD = 2,
	CNI_BAD_ENVIRONMENT = 4,
	CNI_IO_FAILURE = 5,
	CNI_DECODE_FAILURE = 6,
	CNI_BAD_CONFIG = 7,
	CNI_BAD_NETNS = 8,
	CNI_TRY_AGAIN = 11,
	CNI_NOT_AVAILABLE = 50,
	/* weir's own */
	CNI_LINK_FAILURE = 100,
	CNI_CHECK_FAILURE = 101,
};

struct cni_error {
	int code;
	char msg[256];
	char details[512];
};

/* Return -@code; over-long texts are cut, and what is not UTF-8 becomes question marks. */
int cni_fail(struct cni_error *error, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* With the text of the errno @r (negative) as details. */
int cni_fail_errno(struct cni_error *error, int code, int r, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Take over the error object of an agent or a plugin: `code`, `msg`, `details`,
 * each optional; @code stands in for a missing one.
 */
int cni_fail_json(struct cni_error *error, int code, const json_t *object);

/* The object for stdout, owned by the caller; NULL without memory. */
json_t *cni_error_json(const struct cni_error *error, const char *cni_version);
