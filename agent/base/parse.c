// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"

#include <errno.h>

int parse_u64(uint64_t *ret, const char *text, uint64_t max)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned int digit = (unsigned int)*text - '0';

		if (digit > 9)
			return -EINVAL;
		if (value > (max - digit) / 10 || digit > max)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*ret = value;
	return 0;
}
