// SPDX-License-Identifier: Apache-2.0
/* Pure: what must be written to come from one image to another. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "reconcile/private.h"

void change_done(struct change *change)
{
	journal_done(&change->add);
	journal_done(&change->turn);
	journal_done(&change->back);
	journal_done(&change->settle);
	journal_done(&change->del);
}

/* Peers. */

static int peer_entry(struct journal *journal, const struct image_peer *peer, uint32_t class0,
		      uint32_t class1)
{
	struct peer value = { .class = { class0, class1 }, .ifindex = peer->ifindex,
			      .kind = peer->kind };

	if (ip_addr_is_v4(&peer->addr))
		return journal_add(journal, MAP_PEER4, &peer->addr.words[3], &value);
	return journal_add(journal, MAP_PEER6, &peer->addr, &value);
}

/* @old is the class in the generation in force, 0 for an address that was world. */
static int peer_halves(struct journal *journal, const struct image_peer *peer, uint32_t old,
		       uint32_t next)
{
	return next & 1 ? peer_entry(journal, peer, old, peer->class) :
			  peer_entry(journal, peer, peer->class, old);
}

static bool peer_equal(const struct image_peer *a, const struct image_peer *b)
{
	return a->class == b->class && a->ifindex == b->ifindex && a->kind == b->kind;
}

static int peer_compare(const struct image_peer *a, const struct image_peer *b)
{
	return memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
}

/* A pod of this node comes or goes with its own interface: nobody else's verdict depends on it. */
static bool peer_is_local(const struct image_peer *peer)
{
	return peer->kind == PEER_LOCAL_POD;
}

static int peer_changed(struct change *change, const struct image_peer *old,
			const struct image_peer *new, uint32_t next)
{
	int r;

	change->must_turn = true;
	r = peer_halves(&change->turn, new, old->class, next);
	r = r ?: peer_entry(&change->back, old, old->class, old->class);
	return r ?: peer_entry(&change->settle, new, new->class, new->class);
}

/*
 * A pod of this node is cut off with its endpoint, and so is its address until the
 * entry goes. Any other address is world from the turn on: a verdict of the new
 * generation must not know the class that it had.
 */
static int peer_removed(struct change *change, const struct image_peer *old, uint32_t next)
{
	struct image_peer world = *old;
	int r;

	r = peer_entry(&change->del, old, 0, 0);
	if (r || peer_is_local(old))
		return r;
	change->must_turn = true;
	world.class = 0;
	r = peer_halves(&change->turn, &world, old->class, next);
	return r ?: peer_entry(&change->back, old, old->class, old->class);
}

static int peers(struct change *change, const struct image *from, const struct image *to,
		 uint32_t next, bool all)
{
	size_t i = 0, j = 0;
	int r = 0, order;

	while (!r && (i < from->peer_count || j < to->peer_count)) {
		const struct image_peer *old = &from->peers[i], *new = &to->peers[j];

		if (i == from->peer_count)
			order = 1;
		else if (j == to->peer_count)
			order = -1;
		else
			order = peer_compare(old, new);
		if (order < 0) {
			r = peer_removed(change, old, next);
			i++;
		} else if (order > 0) {
			change->must_turn |= !peer_is_local(new);
			r = peer_entry(&change->add, new, new->class, new->class);
			j++;
		} else {
			if (all || !peer_equal(old, new))
				r = peer_changed(change, old, new, next);
			i++;
			j++;
		}
	}
	return r;
}

/* Rule sets. */

static int class_entry(struct journal *journal, uint32_t set, const struct image_class_bits *bits)
{
	struct policy_class_key key = { .set = set, .class = bits->class };

	return journal_add(journal, MAP_POLICY_CLASS, &key, &bits->bits);
}

static int cidr_entry(struct journal *journal, uint32_t set, const struct image_cidr_bits *cidr)
{
	struct policy_cidr4_key key4 = { .prefixlen = 32U + cidr->prefix.bits, .set = htonl(set),
					 .addr = cidr->prefix.addr.words[3] };
	struct policy_cidr6_key key6 = { .prefixlen = 32U + cidr->prefix.bits, .set = htonl(set),
					 .addr = cidr->prefix.addr };

	if (ip_addr_is_v4(&cidr->prefix.addr))
		return journal_add(journal, MAP_POLICY_CIDR4, &key4, &cidr->bits);
	return journal_add(journal, MAP_POLICY_CIDR6, &key6, &cidr->bits);
}

static int whole_ruleset(struct journal *journal, const struct image_ruleset *set)
{
	int r = journal_add(journal, MAP_RULESET, &set->id, &set->header);

	for (size_t i = 0; !r && i < set->class_count; i++)
		r = class_entry(journal, set->id, &set->classes[i]);
	for (size_t i = 0; !r && i < set->port_count; i++)
		r = journal_add(journal, MAP_POLICY_PORT, &set->ports[i].key, &set->ports[i].bits);
	for (size_t i = 0; !r && i < set->cidr_count; i++)
		r = cidr_entry(journal, set->id, &set->cidrs[i]);
	return r;
}

/* A set that stays gains or loses classes only. */
static int kept_ruleset(struct change *change, const struct image_ruleset *old,
			const struct image_ruleset *new)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (!r && (i < old->class_count || j < new->class_count)) {
		if (j == new->class_count ||
		    (i < old->class_count && old->classes[i].class < new->classes[j].class)) {
			r = class_entry(&change->del, old->id, &old->classes[i++]);
		} else if (i == old->class_count ||
			   old->classes[i].class > new->classes[j].class) {
			r = class_entry(&change->add, new->id, &new->classes[j++]);
		} else {
			i++;
			j++;
		}
	}
	return r;
}

static int rulesets(struct change *change, const struct image *from, const struct image *to)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (!r && (i < from->ruleset_count || j < to->ruleset_count)) {
		const struct image_ruleset *old = &from->rulesets[i], *new = &to->rulesets[j];

		if (j == to->ruleset_count || (i < from->ruleset_count && old->id < new->id)) {
			r = whole_ruleset(&change->del, old);
			i++;
		} else if (i == from->ruleset_count || old->id > new->id) {
			r = whole_ruleset(&change->add, new);
			j++;
		} else {
			r = kept_ruleset(change, old, new);
			i++;
			j++;
		}
	}
	return r;
}

static int row_entry(struct journal *journal, const struct image_row *row)
{
	struct policy_bits_key key = { .row = row->row, .chunk = row->chunk };

	return journal_add(journal, MAP_POLICY_BITS, &key, &row->bits);
}

static int row_compare(const struct image_row *a, const struct image_row *b)
{
	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	return a->chunk < b->chunk ? -1 : a->chunk > b->chunk;
}

static int rows(struct change *change, const struct image *from, const struct image *to)
{
	size_t i = 0, j = 0;
	int r = 0, order;

	while (!r && (i < from->row_count || j < to->row_count)) {
		if (i == from->row_count)
			order = 1;
		else if (j == to->row_count)
			order = -1;
		else
			order = row_compare(&from->rows[i], &to->rows[j]);
		if (order < 0)
			r = row_entry(&change->del, &from->rows[i]);
		else if (order > 0)
			r = row_entry(&change->add, &to->rows[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return r;
}

/* Endpoints. */

static bool binding_equal(const struct image_binding *a, const struct image_binding *b)
{
	return a->class == b->class && !memcmp(a->ruleset, b->ruleset, sizeof(a->ruleset));
}

static bool bindings_change(const struct image *from, const struct image *to)
{
	size_t i = 0, j = 0;

	while (i < from->binding_count && j < to->binding_count) {
		const struct image_binding *old = &from->bindings[i], *new = &to->bindings[j];

		if (old->ifindex == new->ifindex && !binding_equal(old, new))
			return true;
		i += old->ifindex <= new->ifindex;
		j += new->ifindex <= old->ifindex;
	}
	return false;
}

/* When the halves turn, a new peer is world until then. */
static int hide_new_peers(struct change *change, const struct image *from, const struct image *to,
			  uint32_t next)
{
	size_t i = 0;
	int r = 0;

	journal_done(&change->add);
	for (size_t j = 0; !r && j < to->peer_count; j++) {
		const struct image_peer *new = &to->peers[j];

		while (i < from->peer_count && peer_compare(&from->peers[i], new) < 0)
			i++;
		if (i < from->peer_count && !peer_compare(&from->peers[i], new))
			continue;
		r = peer_halves(&change->add, new, 0, next);
		r = r ?: peer_entry(&change->settle, new, new->class, new->class);
	}
	return r;
}

int change_compute(struct change *change, const struct image *from, const struct image *to,
		   uint32_t generation, bool all)
{
	int r;

	change->must_turn = all || bindings_change(from, to);
	r = peers(change, from, to, generation, all);
	if (!r && change->must_turn)
		r = hide_new_peers(change, from, to, generation);
	r = r ?: rulesets(change, from, to);
	r = r ?: rows(change, from, to);
	if (r)
		change_done(change);
	return r;
}
