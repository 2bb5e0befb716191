/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside, or cut by a bounded buffer, that is to go into JSON. */
#pragma once

#include <stdbool.h>

bool utf8_is_valid(const char *text);

/* Each byte that is not part of a character becomes a question mark. */
void utf8_repair(char *text);

/* Removes the incomplete character at the end of otherwise valid UTF-8, if there is one. */
void utf8_trim(char *text);
