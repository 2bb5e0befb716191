// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <stdio.h>
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
static void write_word(FILE *out, const char *word)
{
	for (; *word; word++) {
		unsigned char c = (unsigned char)*word;

		if (c < 0x80 && (isalnum(c) || strchr("._/-", c)))
			fputc(c, out);
		else
			fprintf(out, "%%%02x", c);
	}
}

/*
 * One value is written as `key=value`, so that `key in ()` can only mean none:
 * otherwise a single empty value would read the same.
 */
static void write_values(FILE *out, const struct requirement *req, const char *one,
			 const char *several)
{
	if (req->value_count == 1) {
		fputs(one, out);
		write_word(out, req->values[0]);
		return;
	}
	fprintf(out, " %s (", several);
	for (size_t i = 0; i < req->value_count; i++) {
		if (i)
			fputc(',', out);
		write_word(out, req->values[i]);
	}
	fputc(')', out);
}

static void write_requirement(FILE *out, const struct requirement *req)
{
	if (req->op == SELECTOR_NOT_EXISTS)
		fputc('!', out);
	write_word(out, req->key);
	if (req->op == SELECTOR_IN)
		write_values(out, req, "=", "in");
	else if (req->op == SELECTOR_NOT_IN)
		write_values(out, req, "!=", "notin");
}

static void write_selector(FILE *out, struct requirement *const *items, size_t count)
{
	if (!count)
		fputc('*', out);
	for (size_t i = 0; i < count; i++) {
		/* Said twice is said once. */
		if (i && !compare_requirements(&items[i - 1], &items[i]))
			continue;
		if (i)
			fputs(", ", out);
		write_requirement(out, items[i]);
	}
}

char *selector_text(const struct selector *selector)
{
	cleanup(freep) struct requirement **items = NULL;
	cleanup(freep) char *text = NULL;
	size_t length = 0;
	bool failed;
	FILE *out;

	items = calloc(selector->count + 1, sizeof(*items));
	if (!items)
		return NULL;
	for (size_t i = 0; i < selector->count; i++)
		items[i] = &selector->items[i];
	qsort(items, selector->count, sizeof(*items), compare_requirements);

	out = open_memstream(&text, &length);
	if (!out)
		return NULL;
	write_selector(out, items, selector->count);
	failed = ferror(out);
	if (fclose(out) || failed)
		return NULL;
	return take_ptr(&text);
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
