// SPDX-License-Identifier: Apache-2.0
/* Destination ports of rule groups: normal form, text, and prefixes of the port number. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

#define PORT_MAX 65535
#define PORT_BITS 16
#define PROTO_PREFIX_BITS (POLICY_PORT_PROTO_BITS - POLICY_PORT_SET_BITS)

int port_set_add(struct port_set *set, uint8_t proto, uint16_t first, uint16_t last)
{
	struct port_range *range;

	/* Only "every port" includes 0: that is what packets without ports carry. */
	if (!first && last != PORT_MAX)
		first = 1;
	if (first > last)
		return 0;
	range = array_add(set->items, set->count);
	if (!range)
		return -ENOMEM;
	*range = (struct port_range){ .proto = proto, .first = first, .last = last };
	return 0;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct port_range *a = left, *b = right;

	return ((int)a->proto - b->proto) ?: ((int)a->first - b->first) ?: ((int)a->last - b->last);
}

void port_set_normalise(struct port_set *set)
{
	size_t kept = 0;

	if (!set->count)
		return;
	qsort(set->items, set->count, sizeof(*set->items), compare_ranges);
	for (size_t i = 1; i < set->count; i++) {
		struct port_range *last = &set->items[kept], *next = &set->items[i];

		if (next->proto != last->proto || next->first > (uint32_t)last->last + 1)
			set->items[++kept] = *next;
		else if (next->last > last->last)
			last->last = next->last;
	}
	set->count = kept + 1;
}

void port_range_text(struct buf *buf, uint8_t proto, uint16_t first, uint16_t last)
{
	if (!first) {
		buf_str(buf, "all ");
		buf_str(buf, ip_proto_name(proto));
		return;
	}
	buf_number(buf, first);
	if (first != last) {
		buf_str(buf, "-");
		buf_number(buf, last);
	}
	buf_str(buf, "/");
	buf_str(buf, ip_proto_name(proto));
}

void port_set_text(struct buf *buf, const struct port_set *set)
{
	if (set->any) {
		buf_str(buf, "all ports and protocols");
		return;
	}
	buf_str(buf, "ports ");
	for (size_t i = 0; i < set->count; i++) {
		if (i)
			buf_str(buf, ", ");
		port_range_text(buf, set->items[i].proto, set->items[i].first, set->items[i].last);
	}
}

void port_set_done(struct port_set *set)
{
	free(set->items);
	*set = (struct port_set){};
}

struct element_list {
	struct cover_element *items;
	size_t count;
};

static void element_list_done(struct element_list *list)
{
	free(list->items);
}

/* The first @bits bits of { proto, 0, port }. */
static int add_element(struct element_list *list, uint32_t group, uint8_t proto, uint16_t port,
		       uint8_t bits)
{
	struct cover_element *element = array_add(list->items, list->count);
	__be16 wire = htons(port);

	if (!element)
		return -ENOMEM;
	element->group = group;
	element->prefix.bits = bits;
	element->prefix.addr.bytes[0] = proto;
	memcpy(&element->prefix.addr.bytes[2], &wire, sizeof(wire));
	return 0;
}

/* The fewest aligned blocks that make up the range. */
static int split_range(struct element_list *list, uint32_t group, const struct port_range *range)
{
	uint32_t first = range->first, end = (uint32_t)range->last + 1;
	int r = 0;

	while (first < end && r >= 0) {
		unsigned int free_bits = (unsigned int)__builtin_ctz(first);

		while (first + (1U << free_bits) > end)
			free_bits--;
		r = add_element(list, group, range->proto, (uint16_t)first,
				(uint8_t)(PROTO_PREFIX_BITS + PORT_BITS - free_bits));
		first += 1U << free_bits;
	}
	return r;
}

static int add_group(struct element_list *list, uint32_t group, const struct port_set *ports)
{
	int r = 0;

	if (ports->any)
		return add_element(list, group, 0, 0, 0);
	for (size_t i = 0; i < ports->count && r >= 0; i++) {
		const struct port_range *range = &ports->items[i];

		r = range->first ? split_range(list, group, range) :
				   add_element(list, group, range->proto, 0, PROTO_PREFIX_BITS);
	}
	return r;
}

int ports_elements(struct cover_element **ret, size_t *ret_count,
		   const struct rule_groups *groups)
{
	cleanup(element_list_done) struct element_list list = {};

	for (size_t i = 0; i < groups->count; i++)
		if (add_group(&list, (uint32_t)i, &groups->items[i].ports) < 0)
			return -ENOMEM;
	*ret_count = list.count;
	*ret = take_ptr(&list.items);
	return 0;
}

struct policy_port_key ports_key(const struct prefix *prefix, uint32_t set)
{
	struct policy_port_key key = {
		.prefixlen = POLICY_PORT_SET_BITS + prefix->bits,
		.set = htonl(set),
		.proto = prefix->addr.bytes[0],
	};

	memcpy(&key.port, &prefix->addr.bytes[2], sizeof(key.port));
	return key;
}
