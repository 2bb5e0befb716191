/* SPDX-License-Identifier: Apache-2.0 */
/* A list of sentences. */
#pragma once

#include <stddef.h>

/* Zero is an empty list. */
struct texts {
	char **items;
	size_t count;
};

/* 0 or -ENOMEM, and the list is as it was. */
int texts_add(struct texts *texts, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Empties the list. */
void texts_done(struct texts *texts);
