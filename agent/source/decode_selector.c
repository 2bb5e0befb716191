// SPDX-License-Identifier: Apache-2.0
/* Labels and label selectors. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/decode_parts.h"
#include "source/names.h"

static const char *const selector_fields[] = { "matchLabels", "matchExpressions", NULL };
static const char *const expression_fields[] = { "key", "operator", "values", NULL };

/* Indexed by enum selector_op. */
static const char *const operators[] = { "In", "NotIn", "Exists", "DoesNotExist", NULL };

static int label_value(char **ret, const struct field *field)
{
	const char *text = NULL;
	int r = field_string(&text, field);

	if (r < 0)
		return r;
	if (!name_is_label_value(text))
		return field_error(field, "must be a label value, not \"%s\"", text);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int label_pair(char **key, char **value, const struct field *field)
{
	if (!name_is_label_key(field->name))
		return field_error(field, "is not the key of a label");
	*key = strdup(field->name);
	if (!*key)
		return -ENOMEM;
	return label_value(value, field);
}

static int compare_labels(const void *left, const void *right)
{
	return strcmp(((const struct label *)left)->key, ((const struct label *)right)->key);
}

int decode_labels(struct labels *ret, const struct field *field)
{
	const char *name;
	json_t *value;
	int r = field_object(field);

	if (r < 0 || !field_count(field))
		return r;
	ret->items = calloc(field_count(field), sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	json_object_foreach ((json_t *)field->value, name, value) {
		struct field entry = field_key(field, name, value);
		struct label *label = &ret->items[ret->count++];

		r = label_pair(&label->key, &label->value, &entry);
		if (r < 0)
			return r;
	}
	qsort(ret->items, ret->count, sizeof(*ret->items), compare_labels);
	return 0;
}

static int decode_match_label(struct requirement *ret, const struct field *entry)
{
	ret->op = SELECTOR_IN;
	ret->values = calloc(1, sizeof(*ret->values));
	if (!ret->values)
		return -ENOMEM;
	ret->value_count = 1;
	return label_pair(&ret->key, &ret->values[0], entry);
}

static int compare_values(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void sort_values(struct requirement *req)
{
	size_t kept = 0;

	if (!req->value_count)
		return;
	qsort(req->values, req->value_count, sizeof(*req->values), compare_values);
	for (size_t i = 1; i < req->value_count; i++) {
		if (strcmp(req->values[kept], req->values[i]))
			req->values[++kept] = req->values[i];
		else
			free(req->values[i]);
	}
	req->value_count = kept + 1;
}

static int decode_values(struct requirement *ret, const struct field *field)
{
	bool wanted = ret->op == SELECTOR_IN || ret->op == SELECTOR_NOT_IN;
	int r = field_list(field);

	if (r < 0)
		return r;
	if (wanted != !!field_count(field))
		return field_error(field, wanted ? "must not be empty for In and NotIn"
						 : "must be empty for Exists and DoesNotExist");
	if (!wanted)
		return 0;
	ret->values = calloc(field_count(field), sizeof(*ret->values));
	if (!ret->values)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(field); i++) {
		struct field value = field_at(field, i);

		r = label_value(&ret->values[ret->value_count], &value);
		if (r < 0)
			return r;
		ret->value_count++;
	}
	sort_values(ret);
	return 0;
}

static int decode_key(char **ret, const struct field *field)
{
	const char *text = NULL;
	int r = field_require(field) ?: field_string(&text, field);

	if (r < 0)
		return r;
	if (!name_is_label_key(text))
		return field_error(field, "must be the key of a label, not \"%s\"", text);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int decode_expression(struct requirement *ret, const struct field *field)
{
	struct field key = field_get(field, "key");
	struct field operator = field_get(field, "operator");
	struct field values = field_get(field, "values");
	unsigned int op = SELECTOR_IN;
	int r;

	r = field_object(field) ?: field_only(field, expression_fields, false);
	r = r ?: decode_key(&ret->key, &key);
	r = r ?: field_require(&operator) ?: field_enum(&op, &operator, operators);
	if (r < 0)
		return r;
	ret->op = (enum selector_op)op;
	return decode_values(ret, &values);
}

static int decode_match_labels(struct selector *ret, const struct field *field)
{
	const char *name;
	json_t *value;
	int r;

	json_object_foreach ((json_t *)field->value, name, value) {
		struct field entry = field_key(field, name, value);

		r = decode_match_label(&ret->items[ret->count++], &entry);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_expressions(struct selector *ret, const struct field *field)
{
	int r;

	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);

		r = decode_expression(&ret->items[ret->count++], &element);
		if (r < 0)
			return r;
	}
	return 0;
}

int decode_selector(struct selector *ret, const struct field *field)
{
	struct field match_labels = field_get(field, "matchLabels");
	struct field expressions = field_get(field, "matchExpressions");
	size_t count;
	int r;

	r = field_object(field) ?: field_only(field, selector_fields, false);
	r = r ?: field_object(&match_labels) ?: field_list(&expressions);
	if (r < 0)
		return r;
	count = field_count(&match_labels) + field_count(&expressions);
	if (!count)
		return 0;
	ret->items = calloc(count, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	return decode_match_labels(ret, &match_labels) ?: decode_expressions(ret, &expressions);
}
