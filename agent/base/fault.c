// SPDX-License-Identifier: Apache-2.0
#include "base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* What is told of a request may be anything, and may be cut within a character. */
static void fill(struct fault *fault, enum fault_code code, const char *msg, const char *details,
		 va_list ap)
{
	fault->code = code;
	snprintf(fault->msg, sizeof(fault->msg), "%s", msg);
	vsnprintf(fault->details, sizeof(fault->details), details, ap);
	utf8_repair(fault->msg);
	utf8_repair(fault->details);
}

int fault_set(struct fault *fault, enum fault_code code, const char *msg, const char *details, ...)
{
	va_list ap;

	va_start(ap, details);
	fill(fault, code, msg, details, ap);
	va_end(ap);
	return -EINVAL;
}

int fault_errno(struct fault *fault, enum fault_code code, int r, const char *msg,
		const char *details, ...)
{
	size_t used;
	va_list ap;

	va_start(ap, details);
	fill(fault, code, msg, details, ap);
	va_end(ap);
	used = strlen(fault->details);
	snprintf(fault->details + used, sizeof(fault->details) - used, ": %s", strerror(-r));
	utf8_repair(fault->details);
	return r;
}
