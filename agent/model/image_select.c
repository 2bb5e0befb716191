// SPDX-License-Identifier: Apache-2.0
#include "model/image_select.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static void hook_key(struct buf *buf, const char *key, const char *value)
{
	buf_reset(buf);
	buf_put(buf, key, strlen(key) + (value ? 1 : 0));
	if (value)
		buf_str(buf, value);
}

static int hang(struct selector_index *index, struct arena *arena, struct buf *buf, uint32_t id)
{
	uint32_t hook;
	int r;

	if (buf->failed)
		return -ENOMEM;
	r = intern_add(&hook, &index->hooks, arena, buf->data, buf->length);
	if (r > 0 && !array_add(index->by_hook, index->hook_count))
		return -ENOMEM;
	return r < 0 ? r : id_list_add(&index->by_hook[hook], id);
}

/* The requirement that the fewest label sets fulfil, as far as one can tell without them. */
static const struct requirement *sharpest(const struct selector *selector)
{
	const struct requirement *best = NULL;

	for (size_t i = 0; i < selector->count; i++) {
		const struct requirement *req = &selector->items[i];

		if (req->op == SELECTOR_IN &&
		    (!best || best->op != SELECTOR_IN || req->value_count < best->value_count))
			best = req;
		else if (req->op == SELECTOR_EXISTS && !best)
			best = req;
	}
	return best;
}

static int hang_up(struct selector_index *index, struct arena *arena, struct buf *scratch,
		   const struct selector *selector, uint32_t id)
{
	const struct requirement *req = sharpest(selector);
	int r = 0;

	if (!req)
		return id_list_add(&index->always, id);
	if (req->op == SELECTOR_EXISTS) {
		hook_key(scratch, req->key, NULL);
		return hang(index, arena, scratch, id);
	}
	for (size_t i = 0; i < req->value_count && r >= 0; i++) {
		hook_key(scratch, req->key, req->values[i]);
		r = hang(index, arena, scratch, id);
	}
	return r;
}

int selector_index_add(uint32_t *ret, struct selector_index *index, struct arena *arena,
		       struct buf *scratch, const struct selector *selector)
{
	const struct selector **item;
	int r;

	buf_reset(scratch);
	selector_text(scratch, selector);
	if (scratch->failed)
		return -ENOMEM;
	/* With the NUL: the copy serves as a string. */
	r = intern_add(ret, &index->texts, arena, scratch->data, scratch->length + 1);
	if (r <= 0)
		return r;
	item = array_add(index->selectors, index->count);
	if (!item)
		return -ENOMEM;
	*item = selector;
	return hang_up(index, arena, scratch, selector, *ret);
}

static int match_list(struct id_list *ret, const struct selector_index *index,
		      const struct id_list *list, const struct labels *labels)
{
	for (size_t i = 0; i < list->count; i++)
		if (selector_matches(index->selectors[list->items[i]], labels) &&
		    id_list_add(ret, list->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* A selector hangs under one key only, and a label set has one value of it: none comes twice. */
int selector_index_match(struct id_list *ret, const struct selector_index *index,
			 const struct labels *labels, struct buf *scratch)
{
	int r = match_list(ret, index, &index->always, labels);

	for (size_t i = 0; i < labels->count; i++) {
		for (int with_value = 0; with_value < 2 && r >= 0; with_value++) {
			uint32_t hook;

			hook_key(scratch, labels->items[i].key,
				 with_value ? labels->items[i].value : NULL);
			if (scratch->failed)
				return -ENOMEM;
			hook = intern_find(&index->hooks, scratch->data, scratch->length);
			if (hook != INTERN_NONE)
				r = match_list(ret, index, &index->by_hook[hook], labels);
		}
	}
	return r;
}

int selector_keys(struct intern *keys, struct arena *arena, const struct selector *selector)
{
	uint32_t id;
	int r = 0;

	for (size_t i = 0; i < selector->count && r >= 0; i++) {
		const char *key = selector->items[i].key;

		r = intern_add(&id, keys, arena, key, strlen(key) + 1);
	}
	return r < 0 ? r : 0;
}

const char *selector_index_text(const struct selector_index *index, uint32_t id)
{
	return index->texts.keys[id].data;
}

void selector_index_done(struct selector_index *index)
{
	for (size_t i = 0; i < index->hook_count; i++)
		id_list_done(&index->by_hook[i]);
	free(index->by_hook);
	free(index->selectors);
	id_list_done(&index->always);
	intern_done(&index->texts);
	intern_done(&index->hooks);
}
