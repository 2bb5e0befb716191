/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Upper bound of the bytes that the values of a JSON text take in memory, which can be a
 * hundred times the text: ask before it is parsed. Marks within strings count as well.
 */
size_t json_cost(const char *text, size_t length);
