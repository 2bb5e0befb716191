/* SPDX-License-Identifier: Apache-2.0 */
/* JSON texts, told as those of YAML are. */
#pragma once

#include "source/yaml.h"

/*
 * Calls the sink, which has an arena, for the one object that the text is. 0, -ENOMEM, what
 * a callback returned, or -EINVAL: it is no JSON, or too large. Why is not told, and elements
 * may have been.
 */
int json_items_read(const char *text, size_t length, const struct yaml_sink *sink);
