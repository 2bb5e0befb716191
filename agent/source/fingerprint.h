/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that tell texts and objects apart, to skip work; not for security. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/objects.h"

uint64_t fingerprint_text(const char *text, size_t length);

/* Over all that an object holds: equal means that a put would change nothing. */
uint64_t fingerprint_object(const struct object *obj);
