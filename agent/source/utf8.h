/* SPDX-License-Identifier: Apache-2.0 */
/* Text that a bounded buffer has cut. */
#pragma once

/* Removes the incomplete character at the end of otherwise valid UTF-8, if there is one. */
void utf8_trim(char *text);
