// SPDX-License-Identifier: Apache-2.0
/* Distinct keys to numbers: open addressing over an array of keys. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/image_mem.h"

#define SLOTS_MIN 16

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

static uint64_t hash_bytes(const unsigned char *data, size_t size)
{
	uint64_t hash = size, word;

	for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	for (size_t i = 0; i < size; i++)
		word = word << 8 | data[i];
	return mix(mix(hash, word), size);
}

/* The slot of the key, or the empty one where it belongs. */
static uint32_t *intern_slot(const struct intern *intern, const void *key, size_t size,
			     uint64_t hash)
{
	size_t mask = intern->slot_count - 1;

	for (size_t at = hash & mask;; at = (at + 1) & mask) {
		uint32_t *slot = &intern->slots[at];
		const struct intern_key *have;

		if (!*slot)
			return slot;
		have = &intern->keys[*slot - 1];
		if (have->hash == hash && have->size == size && !memcmp(have->data, key, size))
			return slot;
	}
}

static int intern_grow(struct intern *intern)
{
	size_t count = intern->slot_count ? intern->slot_count * 2 : SLOTS_MIN;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(intern->slots);
	intern->slots = slots;
	intern->slot_count = count;
	for (size_t i = 0; i < intern->count; i++) {
		const struct intern_key *key = &intern->keys[i];

		*intern_slot(intern, key->data, key->size, key->hash) = (uint32_t)i + 1;
	}
	return 0;
}

int intern_add(uint32_t *ret, struct intern *intern, struct arena *arena, const void *key,
	       size_t size)
{
	uint64_t hash = hash_bytes(key, size);
	struct intern_key added = { .size = size, .hash = hash };
	struct intern_key *item;
	uint32_t *slot;

	if (intern->count * 2 >= intern->slot_count && intern_grow(intern) < 0)
		return -ENOMEM;
	slot = intern_slot(intern, key, size, hash);
	if (*slot) {
		*ret = *slot - 1;
		return 0;
	}
	added.data = arena_copy(arena, key, size);
	if (!added.data)
		return -ENOMEM;
	item = array_add(intern->keys, intern->count);
	if (!item)
		return -ENOMEM;
	*item = added;
	*slot = (uint32_t)intern->count;
	*ret = *slot - 1;
	return 1;
}

uint32_t intern_find(const struct intern *intern, const void *key, size_t size)
{
	if (!intern->count)
		return INTERN_NONE;
	return *intern_slot(intern, key, size, hash_bytes(key, size)) - 1;
}

void intern_done(struct intern *intern)
{
	free(intern->keys);
	free(intern->slots);
	*intern = (struct intern){};
}
