// SPDX-License-Identifier: Apache-2.0
/* Terms: the distinct peers that rules select by labels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/image_private.h"

/* Writes nothing when the term is known. 1: it is new. */
static int term_add(uint32_t *ret, struct image_build *build, const struct term_key *key)
{
	struct image_terms *terms = &build->terms;
	int r = intern_add(ret, &terms->keys, &build->arena, key, sizeof(*key));

	if (r > 0 && !array_add(terms->items, terms->count))
		return -ENOMEM;
	if (r > 0)
		terms->items[*ret].key = *key;
	return r;
}

static int term_name(struct image_build *build, uint32_t id)
{
	struct buf *buf = &build->scratch;

	if (!buf->failed)
		build->terms.items[id].text = arena_copy(&build->arena, buf->data, buf->length + 1);
	return build->terms.items[id].text ? 0 : -ENOMEM;
}

/* "pods app=web in namespace shop" */
static void put_pods(struct buf *buf, const struct image_terms *terms, uint32_t pods,
		     const char *where, const char *namespaces)
{
	buf_str(buf, "pods ");
	buf_str(buf, selector_index_text(&terms->pods, pods));
	buf_str(buf, where);
	buf_str(buf, namespaces);
}

static int own_term(uint32_t *ret, struct image_build *build, const char *namespace, uint32_t pods)
{
	struct image_terms *terms = &build->terms;
	struct term_key key = { .kind = TERM_OWN, .b = pods };
	int r;

	r = intern_add(&key.a, &terms->own, &build->arena, namespace, strlen(namespace) + 1);
	if (r >= 0)
		r = term_add(ret, build, &key);
	if (r <= 0)
		return r;
	buf_reset(&build->scratch);
	put_pods(&build->scratch, terms, pods, " in namespace ", namespace);
	return term_name(build, *ret);
}

static int selected_term(uint32_t *ret, struct image_build *build,
			 const struct selector *namespaces, uint32_t pods)
{
	struct image_terms *terms = &build->terms;
	struct term_key key = { .kind = TERM_SELECTED, .b = pods };
	int r;

	r = selector_index_add(&key.a, &terms->namespaces, &build->arena, &build->scratch,
			       namespaces);
	if (r >= 0)
		r = term_add(ret, build, &key);
	if (r <= 0)
		return r;
	while (terms->by_selector_count <= pods)
		if (!array_add(terms->by_selector, terms->by_selector_count))
			return -ENOMEM;
	if (id_list_add(&terms->by_selector[pods], *ret) < 0)
		return -ENOMEM;
	buf_reset(&build->scratch);
	put_pods(&build->scratch, terms, pods, " in namespaces ",
		 selector_index_text(&terms->namespaces, key.a));
	return term_name(build, *ret);
}

static int add_peer(uint32_t *ret, struct image_build *build, const char *namespace,
		    const struct policy_peer *peer)
{
	struct image_terms *terms = &build->terms;
	uint32_t index, pods;
	int r;

	r = selector_index_add(&pods, &terms->pods, &build->arena, &build->scratch, &peer->pods);
	if (r >= 0)
		r = selector_keys(&build->label_keys, &build->arena, &peer->pods);
	if (r < 0)
		return r;
	if (peer->own_namespace)
		r = own_term(ret, build, namespace, pods);
	else
		r = selected_term(ret, build, &peer->namespaces, pods);
	if (r < 0)
		return r;
	r = intern_add(&index, &terms->peers, &build->arena, &peer, sizeof(peer));
	return r <= 0 ? r : id_list_add(&terms->of_peer, *ret);
}

uint32_t terms_of_peer(const struct image_terms *terms, const struct policy_peer *peer)
{
	return terms->of_peer.items[intern_find(&terms->peers, &peer, sizeof(peer))];
}

static void port_name_key(struct buf *buf, uint8_t proto, const char *name)
{
	buf_reset(buf);
	buf_put(buf, &proto, sizeof(proto));
	buf_put(buf, name, strlen(name) + 1);
}

uint32_t terms_port_name(const struct image_terms *terms, struct buf *scratch, uint8_t proto,
			 const char *name)
{
	port_name_key(scratch, proto, name);
	if (scratch->failed)
		return INTERN_NONE;
	return intern_find(&terms->port_names, scratch->data, scratch->length);
}

static int add_port_name(uint32_t *ret, struct image_build *build, const struct policy_port *port)
{
	port_name_key(&build->scratch, port->proto, port->name);
	if (build->scratch.failed)
		return -ENOMEM;
	return intern_add(ret, &build->terms.port_names, &build->arena, build->scratch.data,
			  build->scratch.length);
}

static int add_ask(struct image_build *build, uint32_t base, uint32_t port_name)
{
	struct term_key key = { .kind = TERM_ASK, .a = port_name, .b = base };
	uint32_t id;

	return term_add(&id, build, &key);
}

uint32_t terms_ask(const struct image_terms *terms, uint32_t base, uint32_t port_name)
{
	struct term_key key = { .kind = TERM_ASK, .a = port_name, .b = base };

	return intern_find(&terms->keys, &key, sizeof(key));
}

int terms_number(uint32_t *ret, struct image_build *build, uint32_t ask, uint16_t port)
{
	struct image_terms *terms = &build->terms;
	struct term_key key = { .kind = TERM_NUMBER, .a = ask, .b = port };
	const char *name;
	uint32_t base;
	int r = term_add(ret, build, &key);

	if (r <= 0)
		return r;
	if (id_list_add(&terms->items[ask].numbers, *ret) < 0)
		return -ENOMEM;
	base = terms->items[ask].key.b;
	name = terms->port_names.keys[terms->items[ask].key.a].data;
	buf_reset(&build->scratch);
	buf_printf(&build->scratch, "%s with port %s/%s=%u",
		   base == TERM_ANY_POD ? "pods" : terms->items[base].text, name + 1,
		   ip_proto_name((uint8_t)name[0]), port);
	return term_name(build, *ret);
}

/* @base asks for the named ports of an egress rule. */
static int add_asks(struct image_build *build, const struct policy_rule *rule, uint32_t base)
{
	uint32_t name;
	int r = 0;

	for (size_t i = 0; i < rule->port_count && r >= 0; i++) {
		if (!rule->ports[i].name)
			continue;
		r = add_port_name(&name, build, &rule->ports[i]);
		if (r >= 0)
			r = add_ask(build, base, name);
	}
	return r;
}

static int collect_rule(struct image_build *build, const char *namespace,
			const struct policy_rule *rule, enum policy_dir dir)
{
	uint32_t term, name;
	int r = 0;

	for (size_t i = 0; i < rule->port_count && r >= 0; i++)
		if (rule->ports[i].name)
			r = add_port_name(&name, build, &rule->ports[i]);
	if (!rule->peer_count && r >= 0 && dir == POLICY_EGRESS)
		r = add_asks(build, rule, TERM_ANY_POD);
	for (size_t i = 0; i < rule->peer_count && r >= 0; i++) {
		if (rule->peers[i].is_cidr || rule->peers[i].is_nodes)
			continue;
		r = add_peer(&term, build, namespace, &rule->peers[i]);
		if (r >= 0 && dir == POLICY_EGRESS)
			r = add_asks(build, rule, term);
	}
	return r;
}

int terms_collect(struct image_build *build)
{
	int r = 0;

	for (size_t i = 0; i < build->policy_count; i++) {
		const struct object *obj = build->policies[i];

		for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
			if (!policy_applies(&obj->policy, (enum policy_dir)dir))
				continue;
			for (size_t k = 0; k < obj->policy.rule_count[dir] && r >= 0; k++)
				if (!obj->policy.rules[dir][k].matches_nothing)
					r = collect_rule(build, obj->namespace,
							 &obj->policy.rules[dir][k],
							 (enum policy_dir)dir);
		}
	}
	return r < 0 ? r : 0;
}

void terms_done(struct image_terms *terms)
{
	for (size_t i = 0; i < terms->count; i++) {
		id_list_done(&terms->items[i].numbers);
		id_list_done(&terms->items[i].classes);
	}
	free(terms->items);
	for (size_t i = 0; i < terms->by_selector_count; i++)
		id_list_done(&terms->by_selector[i]);
	free(terms->by_selector);
	id_list_done(&terms->of_peer);
	selector_index_done(&terms->pods);
	selector_index_done(&terms->namespaces);
	intern_done(&terms->own);
	intern_done(&terms->keys);
	intern_done(&terms->peers);
	intern_done(&terms->port_names);
}
