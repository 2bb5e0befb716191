/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from text, strictly. */
#pragma once

#include <stdint.h>

/* Decimal digits only, at most @max. 0, -EINVAL, or -ERANGE. */
int parse_u64(uint64_t *ret, const char *text, uint64_t max);
