// SPDX-License-Identifier: Apache-2.0
#include "base/texts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int texts_add(struct texts *texts, const char *fmt, ...)
{
	char **items = reallocarray(texts->items, texts->count + 1, sizeof(*items));
	va_list ap;
	int r;

	if (!items)
		return -ENOMEM;
	texts->items = items;
	va_start(ap, fmt);
	r = vasprintf(&items[texts->count], fmt, ap);
	va_end(ap);
	if (r < 0)
		return -ENOMEM;
	texts->count++;
	return 0;
}

void texts_done(struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
	*texts = (struct texts){};
}
