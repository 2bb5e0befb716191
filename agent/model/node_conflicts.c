// SPDX-License-Identifier: Apache-2.0
#include "model/node_conflicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define OWN (-1) /* as an owner: this node */

/* Who has a pod CIDR, or an address that must be in none. */
struct entry {
	struct prefix prefix;
	int owner; /* index of the node, or OWN */
	bool is_address;
};

struct conflicts {
	const struct node_routes_input *input;
	struct texts *problems;
	struct other_node *others;
	size_t other_count;
	struct entry *entries;
	size_t entry_count;
};

static void conflicts_done(struct conflicts *conflicts)
{
	free(conflicts->others);
	free(conflicts->entries);
}

static void add_entry(struct conflicts *conflicts, const struct prefix *prefix, int owner,
		      bool is_address)
{
	conflicts->entries[conflicts->entry_count++] =
		(struct entry){ *prefix, owner, is_address };
}

static void add_address(struct conflicts *conflicts, const struct ip_addr *ip, int owner)
{
	struct prefix host = { .addr = *ip, .bits = ip_addr_is_v4(ip) ? 32 : 128 };

	add_entry(conflicts, &host, owner, true);
}

static int count_node(const struct object *obj, void *arg)
{
	size_t *count = arg;

	*count += obj->node.ip_count + obj->node.cidr_count;
	return 0;
}

static int collect_node(const struct object *obj, void *arg)
{
	struct conflicts *conflicts = arg;
	bool own = !strcmp(obj->name, conflicts->input->node_name);
	int owner = own ? OWN : (int)conflicts->other_count;

	for (size_t i = 0; i < obj->node.ip_count; i++)
		add_address(conflicts, &obj->node.ips[i], owner);
	if (own)
		return 0;
	for (size_t i = 0; i < obj->node.cidr_count; i++)
		add_entry(conflicts, &obj->node.cidrs[i], owner, false);
	conflicts->others[conflicts->other_count++] = (struct other_node){ .obj = obj };
	return 0;
}

/* Addresses behind the CIDRs that they are in, and an owner's own CIDR before others'. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = prefix_compare(&x->prefix, &y->prefix);

	return r ?: (x->is_address - y->is_address) ?:
	       (x->owner > y->owner) - (x->owner < y->owner);
}

static int collect(struct conflicts *conflicts)
{
	const struct node_routes_input *input = conflicts->input;
	size_t count = input->own_cidr_count + input->host_ip_count;

	store_each(input->store, OBJECT_NODE, count_node, &count);
	conflicts->entries = calloc(count + 1, sizeof(*conflicts->entries));
	conflicts->others = calloc(store_count(input->store, OBJECT_NODE) + 1,
				   sizeof(*conflicts->others));
	if (!conflicts->entries || !conflicts->others)
		return -ENOMEM;
	for (size_t i = 0; i < input->own_cidr_count; i++)
		add_entry(conflicts, &input->own_cidrs[i], OWN, false);
	for (size_t i = 0; i < input->host_ip_count; i++)
		add_address(conflicts, &input->host_ips[i], OWN);
	store_each(input->store, OBJECT_NODE, collect_node, conflicts);
	qsort(conflicts->entries, conflicts->entry_count, sizeof(*conflicts->entries),
	      compare_entries);
	return 0;
}

static const char *owner_name(const struct conflicts *conflicts, int owner)
{
	return owner == OWN ? conflicts->input->node_name : conflicts->others[owner].obj->name;
}

static int refuse_overlap(struct conflicts *conflicts, const struct entry *outer,
			  const struct entry *inner)
{
	char one[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];
	bool of_own = outer->owner == OWN || inner->owner == OWN;

	if (outer->owner != OWN)
		conflicts->others[outer->owner].refused = true;
	if (inner->owner != OWN)
		conflicts->others[inner->owner].refused = true;
	return texts_add(conflicts->problems,
			 "pod CIDR %s of node %s overlaps with %s of node %s: %s",
			 prefix_text(one, &inner->prefix), owner_name(conflicts, inner->owner),
			 prefix_text(other, &outer->prefix), owner_name(conflicts, outer->owner),
			 of_own ? "the other node gets no route" : "neither node gets a route");
}

/* The gateway of this node's pods is meant to be in its pod CIDR. */
static int refuse_address(struct conflicts *conflicts, const struct entry *cidr,
			  const struct entry *address)
{
	char text[PREFIX_TEXT_MAX], ip[ADDR_TEXT_MAX];

	if (cidr->owner == OWN && address->owner == OWN)
		return 0;
	if (cidr->owner != OWN)
		conflicts->others[cidr->owner].refused = true;
	return texts_add(conflicts->problems,
			 "pod CIDR %s of node %s has the address %s of node %s in it%s",
			 prefix_text(text, &cidr->prefix), owner_name(conflicts, cidr->owner),
			 addr_text(ip, &address->prefix.addr),
			 owner_name(conflicts, address->owner),
			 cidr->owner == OWN ? "" : ": it gets no route");
}

/* Prefixes lie in each other or apart: in order, those around an entry are a stack. */
static int find_conflicts(struct conflicts *conflicts)
{
	const struct entry *around[129];
	size_t depth = 0;
	int r = 0;

	for (size_t i = 0; i < conflicts->entry_count && r >= 0; i++) {
		const struct entry *entry = &conflicts->entries[i];

		while (depth && !prefix_covers(&around[depth - 1]->prefix, &entry->prefix))
			depth--;
		if (depth && entry->is_address)
			r = refuse_address(conflicts, around[depth - 1], entry);
		else if (depth && around[depth - 1]->owner != entry->owner)
			r = refuse_overlap(conflicts, around[depth - 1], entry);
		/* Of equal ones the first stands for all. */
		if (!entry->is_address &&
		    (!depth || prefix_compare(&around[depth - 1]->prefix, &entry->prefix)))
			around[depth++] = entry;
	}
	return r;
}

int other_nodes(struct other_node **ret, size_t *count, struct texts *problems,
		const struct node_routes_input *input)
{
	cleanup(conflicts_done) struct conflicts conflicts = {
		.input = input,
		.problems = problems,
	};
	int r;

	r = collect(&conflicts);
	r = r ?: find_conflicts(&conflicts);
	if (r < 0)
		return r;
	*ret = take_ptr(&conflicts.others);
	*count = conflicts.other_count;
	return 0;
}

struct doubt {
	const struct prefix *cidr;
	struct texts *texts;
};

static int find_address(const struct object *obj, void *arg)
{
	char text[PREFIX_TEXT_MAX], ip[ADDR_TEXT_MAX];
	struct doubt *doubt = arg;

	for (size_t i = 0; i < obj->node.ip_count; i++)
		if (prefix_contains(doubt->cidr, &obj->node.ips[i]))
			return texts_add(doubt->texts, "pod CIDR %s of this node has the address "
					 "%s of node %s in it: it is not used",
					 prefix_text(text, doubt->cidr),
					 addr_text(ip, &obj->node.ips[i]), obj->name) ?: 1;
	return 0;
}

int node_cidr_doubt(struct texts *texts, const struct store *store, const struct prefix *cidr)
{
	struct doubt doubt = { .cidr = cidr, .texts = texts };

	return store_each(store, OBJECT_NODE, find_address, &doubt);
}
