// SPDX-License-Identifier: Apache-2.0
/*
 * The endpoints of a slice. There are many more of them than of anything else, and few
 * nodes and zones: their names are kept once, and an endpoint has no allocation of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/decode_parts.h"

static const char *text_of(const struct field *field)
{
	const char *text = "";

	field_string(&text, field); /* the schema has been checked */
	return text;
}

/* The names that the endpoints say; borrowed from their fields. */
struct names {
	const char **items;
	size_t count;
	size_t hint_count; /* those that hints say */
};

static int add_name(struct names *names, const char *text)
{
	/* Grows when the count is a power of two. */
	if (!(names->count & (names->count - 1))) {
		const char **grown = reallocarray(names->items, names->count * 2 ?: 1,
						  sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		names->items = grown;
	}
	names->items[names->count++] = text;
	return 0;
}

static int add_hints(struct names *names, const struct field *list)
{
	int r = 0;

	for (size_t i = 0; !r && i < field_count(list); i++) {
		struct field element = field_at(list, i);
		struct field name = field_get(&element, "name");

		r = add_name(names, text_of(&name));
	}
	names->hint_count += field_count(list);
	return r;
}

static int gather_names(struct names *names, const struct field *endpoints)
{
	int r = 0;

	for (size_t i = 0; !r && i < field_count(endpoints); i++) {
		struct field endpoint = field_at(endpoints, i);
		struct field node = field_get(&endpoint, "nodeName");
		struct field hints = field_get(&endpoint, "hints");
		struct field zones = field_get(&hints, "forZones");
		struct field nodes = field_get(&hints, "forNodes");

		if (*text_of(&node))
			r = add_name(names, text_of(&node));
		r = r ?: add_hints(names, &zones) ?: add_hints(names, &nodes);
	}
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order, each once; returns how many bytes they take. */
static size_t sort_names(struct names *names)
{
	size_t kept = 0, bytes = 0;

	qsort(names->items, names->count, sizeof(*names->items), compare_names);
	for (size_t i = 0; i < names->count; i++) {
		if (i && !strcmp(names->items[kept - 1], names->items[i]))
			continue;
		names->items[kept++] = names->items[i];
		bytes += strlen(names->items[i]) + 1;
	}
	names->count = kept;
	return bytes;
}

static int own_names(struct endpoint_slice *slice, struct names *names)
{
	size_t bytes;
	char *text;

	if (!names->count)
		return 0;
	bytes = sort_names(names);
	slice->names = malloc(names->count * sizeof(*slice->names) + bytes);
	if (!slice->names)
		return -ENOMEM;
	text = (char *)(slice->names + names->count);
	for (size_t i = 0; i < names->count; i++) {
		slice->names[i] = text;
		text = stpcpy(text, names->items[i]) + 1;
	}
	slice->name_count = names->count;
	if (!names->hint_count)
		return 0;
	slice->hints = calloc(names->hint_count, sizeof(*slice->hints));
	return slice->hints ? 0 : -ENOMEM;
}

static int decode_names(struct endpoint_slice *slice, const struct field *endpoints)
{
	struct names names = {};
	int r = gather_names(&names, endpoints) ?: own_names(slice, &names);

	free(names.items);
	return r;
}

/* The schema bounds endpoints, and the hints of each: 16 bits are enough for all places. */
static uint16_t place_of(const struct endpoint_slice *slice, const char *text)
{
	/* All of them have been gathered. */
	char **found = bsearch(&text, slice->names, slice->name_count, sizeof(*slice->names),
			       compare_names);

	return (uint16_t)(found - slice->names);
}

/* Puts them at @*place, which moves on; returns how many. */
static uint8_t decode_hints(uint16_t *place, const struct endpoint_slice *slice,
			    const struct field *list)
{
	for (size_t i = 0; i < field_count(list); i++) {
		struct field element = field_at(list, i);
		struct field name = field_get(&element, "name");

		slice->hints[(*place)++] = place_of(slice, text_of(&name));
	}
	return (uint8_t)field_count(list);
}

static uint8_t decode_conditions(const struct field *field)
{
	struct field ready_field = field_get(field, "ready");
	struct field serving_field = field_get(field, "serving");
	struct field terminating_field = field_get(field, "terminating");
	bool ready = true, serving, terminating = false;

	field_bool(&ready, &ready_field);
	serving = ready;
	field_bool(&serving, &serving_field);
	field_bool(&terminating, &terminating_field);
	return (ready ? SLICE_READY : 0) | (serving ? SLICE_SERVING : 0) |
	       (terminating ? SLICE_TERMINATING : 0);
}

static int decode_address(struct ip_addr *ret, bool is_v4, const struct field *endpoint)
{
	struct field addresses = field_get(endpoint, "addresses");
	struct field first = field_at(&addresses, 0);
	int r = decode_host_addr(ret, &first);

	if (r < 0 || ip_addr_is_v4(ret) == is_v4)
		return r;
	return field_error(&first, "must be an %s address like the addressType, not \"%s\"",
			   is_v4 ? "IPv4" : "IPv6", text_of(&first));
}

int decode_endpoints(struct endpoint_slice *slice, const struct field *list)
{
	uint16_t hint_place = 0;
	int r;

	if (!field_count(list))
		return 0;
	r = decode_names(slice, list);
	if (r < 0)
		return r;
	slice->endpoints = calloc(field_count(list), sizeof(*slice->endpoints));
	if (!slice->endpoints)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(list); i++) {
		struct field endpoint = field_at(list, i);
		struct field node = field_get(&endpoint, "nodeName");
		struct field conditions = field_get(&endpoint, "conditions");
		struct field hints = field_get(&endpoint, "hints");
		struct field zones = field_get(&hints, "forZones");
		struct field nodes = field_get(&hints, "forNodes");
		struct slice_endpoint *ep = &slice->endpoints[slice->endpoint_count];

		if (decode_address(&ep->addr, slice->is_v4, &endpoint) < 0)
			continue;
		slice->endpoint_count++;
		ep->conditions = decode_conditions(&conditions);
		ep->node = *text_of(&node) ? place_of(slice, text_of(&node)) + 1 : 0;
		ep->hints = hint_place;
		ep->zone_count = decode_hints(&hint_place, slice, &zones);
		ep->node_count = decode_hints(&hint_place, slice, &nodes);
	}
	return 0;
}
