// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/objects.h"

static int compare_label(const void *key, const void *label)
{
	return strcmp(key, ((const struct label *)label)->key);
}

const char *labels_get(const struct labels *labels, const char *key)
{
	const struct label *label;

	if (!labels->count)
		return NULL;
	label = bsearch(key, labels->items, labels->count, sizeof(*label), compare_label);
	return label ? label->value : NULL;
}

static int compare_value(const void *key, const void *value)
{
	return strcmp(key, *(char *const *)value);
}

static bool has_value(const struct requirement *req, const char *value)
{
	return req->value_count &&
	       bsearch(value, req->values, req->value_count, sizeof(*req->values), compare_value);
}

static bool requirement_holds(const struct requirement *req, const struct labels *labels)
{
	const char *value = labels_get(labels, req->key);

	switch (req->op) {
	case SELECTOR_IN:
		return value && has_value(req, value);
	case SELECTOR_NOT_IN:
		return !value || !has_value(req, value);
	case SELECTOR_EXISTS:
		return value;
	case SELECTOR_NOT_EXISTS:
		return !value;
	}
	return false;
}

bool selector_matches(const struct selector *selector, const struct labels *labels)
{
	for (size_t i = 0; i < selector->count; i++)
		if (!requirement_holds(&selector->items[i], labels))
			return false;
	return true;
}

static int compare_requirements(const void *left, const void *right)
{
	const struct requirement *a = *(struct requirement *const *)left;
	const struct requirement *b = *(struct requirement *const *)right;
	int r = strcmp(a->key, b->key);

	if (!r)
		r = (a->op > b->op) - (a->op < b->op);
	if (!r)
		r = (a->value_count > b->value_count) - (a->value_count < b->value_count);
	for (size_t i = 0; !r && i < a->value_count; i++)
		r = strcmp(a->values[i], b->values[i]);
	return r;
}

/* What a label may consist of stands for itself; all that gives the text its shape is escaped. */
static bool stands_for_itself(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '/' || c == '-';
}

static void put_word(struct buf *buf, const char *word)
{
	while (*word) {
		size_t plain = 0;

		while (stands_for_itself((unsigned char)word[plain]))
			plain++;
		buf_put(buf, word, plain);
		word += plain;
		if (*word)
			buf_printf(buf, "%%%02x", (unsigned char)*word++);
	}
}

/*
 * One value is written as `key=value`, so that `key in ()` can only mean none:
 * otherwise a single empty value would read the same.
 */
static void put_values(struct buf *buf, const struct requirement *req, const char *one,
		       const char *several)
{
	if (req->value_count == 1) {
		buf_str(buf, one);
		put_word(buf, req->values[0]);
		return;
	}
	buf_str(buf, several);
	for (size_t i = 0; i < req->value_count; i++) {
		if (i)
			buf_str(buf, ",");
		put_word(buf, req->values[i]);
	}
	buf_str(buf, ")");
}

static void put_requirement(struct buf *buf, const struct requirement *req)
{
	if (req->op == SELECTOR_NOT_EXISTS)
		buf_str(buf, "!");
	put_word(buf, req->key);
	if (req->op == SELECTOR_IN)
		put_values(buf, req, "=", " in (");
	else if (req->op == SELECTOR_NOT_IN)
		put_values(buf, req, "!=", " notin (");
}

/* In the order of their keys; said twice is said once. */
static void put_sorted(struct buf *buf, const struct selector *selector)
{
	cleanup(freep) struct requirement **items = calloc(selector->count, sizeof(*items));

	if (!items) {
		buf->failed = true;
		return;
	}
	for (size_t i = 0; i < selector->count; i++)
		items[i] = &selector->items[i];
	qsort(items, selector->count, sizeof(*items), compare_requirements);
	for (size_t i = 0; i < selector->count; i++) {
		if (i && !compare_requirements(&items[i - 1], &items[i]))
			continue;
		if (i)
			buf_str(buf, ", ");
		put_requirement(buf, items[i]);
	}
}

void selector_text(struct buf *buf, const struct selector *selector)
{
	if (!selector->count)
		buf_str(buf, "*");
	else if (selector->count == 1)
		put_requirement(buf, &selector->items[0]);
	else
		put_sorted(buf, selector);
}

static void requirement_done(struct requirement *req)
{
	free(req->key);
	for (size_t i = 0; i < req->value_count; i++)
		free(req->values[i]);
	free(req->values);
}

void selector_done(struct selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		requirement_done(&selector->items[i]);
	free(selector->items);
	*selector = (struct selector){};
}

void labels_done(struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		free(labels->items[i].key);
		free(labels->items[i].value);
	}
	free(labels->items);
	*labels = (struct labels){};
}
