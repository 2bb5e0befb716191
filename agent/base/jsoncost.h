/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Upper bound of the bytes that the values of a JSON text take in memory, which can be a
 * hundred times the text: ask before it is parsed. What strings contain counts as text: of
 * most of them anybody may choose it.
 */
size_t json_cost(const char *text, size_t length);
