/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of the plainest kind, and fast. Nearly all that is ever read is written by machines
 * and has nothing in it that readers disagree about: json_extent() says so. A second library
 * (cJSON) parses it in a quarter of the time that jansson takes; what it is more lenient about
 * is not plain. tests/fuzz compares the two.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/jsoncost.h"

/*
 * The value of a text that is plain, as json_loadb() makes it, but without members that no
 * decoder asks for. This thread has a json_arena in use, which the value is in. NULL: let
 * json_loadb() decide; it may be no JSON, have a member twice, be nested deeply, or memory
 * is short.
 */
json_t *json_plain(const char *text, size_t length);

/*
 * The value of the text of @extent, with json_plain() if it is plain and else with
 * json_loadb() and its @flags; in the json_arena that this thread has in use. NULL, with
 * *@error: -EINVAL, it is no JSON or its values take more than YAML_COST_MAX; or -ENOMEM.
 */
json_t *json_plain_or(size_t flags, const char *text, const struct json_extent *extent,
		      int *error);
