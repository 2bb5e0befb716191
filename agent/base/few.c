// SPDX-License-Identifier: Apache-2.0
#include "base/few.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int grow(struct few *few, size_t size)
{
	uint32_t room = few->count * 2 ?: 1;
	void *grown = reallocarray(few->room ? few->outside : NULL, room, size);

	if (!grown)
		return -ENOMEM;
	if (!few->room)
		memcpy(grown, few->inside, few->count * size);
	few->outside = grown;
	few->room = room;
	return 0;
}

int few_add(struct few *few, const void *item, size_t size)
{
	size_t room = few->room ?: FEW_INSIDE / size;

	if (few->count >= room && grow(few, size) < 0)
		return -ENOMEM;
	memcpy((unsigned char *)few_items(few) + few->count++ * size, item, size);
	return 0;
}

void few_take(struct few *few, void *items, uint32_t count, size_t size)
{
	few_done(few);
	few->count = count;
	if (count > FEW_INSIDE / size) {
		few->outside = items;
		few->room = count;
		return;
	}
	if (count)
		memcpy(few->inside, items, count * size);
	free(items);
}

void few_remove(struct few *few, const void *item, size_t size)
{
	unsigned char *items = few_items(few);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < few->count; i++)
		if (memcmp(items + i * size, item, size))
			memmove(items + kept++ * size, items + i * size, size);
	few->count = kept;
}

void few_done(struct few *few)
{
	if (few->room)
		free(few->outside);
	*few = (struct few){};
}
