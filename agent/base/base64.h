/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4648, section 4. */
#pragma once

#include <stddef.h>

/*
 * Decode @text; white space is skipped. 0, -ENOMEM, or -EINVAL for what is not base64.
 * The result is NUL-terminated as well; the caller frees.
 */
int base64_decode(char **ret, size_t *length, const char *text);
