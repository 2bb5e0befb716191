// SPDX-License-Identifier: Apache-2.0
/*
 * Node: its labels, addresses and pod CIDRs, and what weir reports of it. Of addresses and pod
 * CIDRs what is unusable is left out and reported; the rest of the node counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/ipam.h"
#include "source/decode_parts.h"

#define CIDRS_MAX 2 /* one of each family */

static void insert_ip(struct node *node, const struct ip_addr *ip, bool internal)
{
	size_t at = internal ? node->internal_count++ : node->ip_count;

	memmove(&node->ips[at + 1], &node->ips[at], (node->ip_count - at) * sizeof(*ip));
	node->ips[at] = *ip;
	node->ip_count++;
}

static int decode_address(struct node *node, const struct field *field)
{
	struct field type = field_get(field, "type");
	struct field address = field_get(field, "address");
	const char *text = "";
	struct ip_addr ip;
	bool internal;
	int r;

	r = field_object(field) ?: field_string(&text, &type);
	internal = !strcmp(text, "InternalIP");
	if (r < 0 || (!internal && strcmp(text, "ExternalIP")))
		return r;
	r = decode_addr(&ip, &address);
	if (!r)
		insert_ip(node, &ip, internal);
	return r;
}

static int decode_addresses(struct node *node, const struct field *list)
{
	int r = field_list(list);

	if (r < 0 || !field_count(list))
		return r;
	node->ips = calloc(field_count(list), sizeof(*node->ips));
	if (!node->ips)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(list); i++) {
		struct field element = field_at(list, i);

		decode_address(node, &element);
	}
	return 0;
}

static int check_cidr(const struct node *node, const struct field *field, const struct prefix *cidr)
{
	const char *why = ipam_prefix_doubt(cidr);
	char text[PREFIX_TEXT_MAX];

	prefix_text(text, cidr);
	if (why)
		return field_error(field, "%s %s", text, why);
	for (size_t i = 0; i < node->cidr_count; i++)
		if (ip_addr_is_v4(&node->cidrs[i].addr) == ip_addr_is_v4(&cidr->addr))
			return field_error(field, "%s is a second one of the same family", text);
	return 0;
}

static void decode_cidr(struct node *node, const struct field *field)
{
	struct prefix cidr;

	if (node->cidr_count == CIDRS_MAX) {
		field_error(field, "is one too many: a node has at most one of each family");
		return;
	}
	if (!decode_prefix(&cidr, field) && !check_cidr(node, field, &cidr))
		node->cidrs[node->cidr_count++] = cidr;
}

/* podCIDR repeats the first one of podCIDRs, and is all there is of old API servers. */
static int decode_cidrs(struct node *node, const struct field *spec)
{
	struct field list = field_get(spec, "podCIDRs");
	struct field one = field_get(spec, "podCIDR");
	int r = field_object(spec) ?: field_list(&list);

	if (r < 0 || (!field_count(&list) && field_is_absent(&one)))
		return r;
	node->cidrs = calloc(CIDRS_MAX, sizeof(*node->cidrs));
	if (!node->cidrs)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(&list); i++) {
		struct field element = field_at(&list, i);

		decode_cidr(node, &element);
	}
	if (!field_count(&list))
		decode_cidr(node, &one);
	return 0;
}

static int decode_deletion(struct node *node, const struct field *root)
{
	struct field metadata = field_get(root, "metadata");
	struct field deletion = field_get(&metadata, "deletionTimestamp");
	const char *when = "";
	int r = field_is_absent(&deletion) ? 0 : field_string(&when, &deletion);

	node->deleting = *when;
	return r;
}

/* The string @name of @element, or "". */
static const char *text_of(const struct field *element, const char *name)
{
	struct field field = field_get(element, name);
	const char *text = "";

	return field_is_absent(&field) || field_string(&text, &field) < 0 ? "" : text;
}

/* What weir reports of the node itself, as it stands there (report/report.h). */
static int decode_readiness(struct node *node, const struct field *status)
{
	struct field conditions = field_get(status, "conditions");
	int r = field_list(&conditions);

	for (size_t i = 0; !r && i < field_count(&conditions); i++) {
		struct field element = field_at(&conditions, i);

		if (!strcmp(text_of(&element, "type"), "NetworkUnavailable"))
			node->network_ready = !strcmp(text_of(&element, "status"), "False");
	}
	return r;
}

static int decode_taints(struct node *node, const struct field *spec)
{
	struct field taints = field_get(spec, "taints");
	int r = field_list(&taints);

	if (r < 0 || !field_count(&taints))
		return r;
	node->taints = calloc(field_count(&taints), sizeof(*node->taints));
	if (!node->taints)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(&taints); i++) {
		struct field element = field_at(&taints, i);

		node->taints[i] = strdup(text_of(&element, "key"));
		if (!node->taints[i])
			return -ENOMEM;
		node->taint_count++;
	}
	return 0;
}

int decode_node(struct object *obj, const struct field *root)
{
	struct field spec = field_get(root, "spec");
	struct field status = field_get(root, "status");
	struct field addresses = field_get(&status, "addresses");
	struct node *node = &obj->node;
	int r;

	r = decode_object_labels(&node->labels, root);
	r = r ?: decode_deletion(node, root);
	r = r ?: decode_cidrs(node, &spec);
	r = r ?: decode_taints(node, &spec);
	r = r ?: field_object(&status) ?: decode_addresses(node, &addresses);
	return r ?: decode_readiness(node, &status);
}
