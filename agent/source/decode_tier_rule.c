// SPDX-License-Identifier: Apache-2.0
/*
 * A rule of the Admin or Baseline tier. An order of rules with allow, deny and
 * pass leaves no way to drop a part of a rule and be on the safe side, so a rule
 * is read as a whole or fails closed by its action, as the API asks for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/decode_tier.h"

#define NAME_MAX_LENGTH 100
#define NETWORKS_MAX 25

/* The order of the peers, so that those of an ingress rule are the first two. */
enum peer_form {
	PEER_FORM_NAMESPACES,
	PEER_FORM_PODS,
	PEER_FORM_NODES,
	PEER_FORM_NETWORKS,
	PEER_FORM_DOMAIN_NAMES,
};

static const char *const pods_fields[] = { "namespaceSelector", "podSelector", NULL };
static const char *const subject_fields[] = { "namespaces", "pods", NULL };
static const char *const egress_fields[] = { "namespaces", "pods", "nodes", "networks",
					     "domainNames", NULL };
static const char *const peers_names[POLICY_DIR_MAX] = { "from", "to" };

int decode_one_of(unsigned int *ret, const struct field *field, const char *const *known)
{
	unsigned int present = 0;
	int r = field_object(field) ?: field_only(field, known, false);

	if (r < 0)
		return r;
	for (unsigned int i = 0; known[i]; i++) {
		struct field child = field_get(field, known[i]);

		if (field_is_absent(&child))
			continue;
		*ret = i;
		present++;
	}
	if (present != 1)
		return field_error(field, "must have exactly one of its fields, not %u", present);
	return 0;
}

void warn_of_length(const struct field *list, size_t max)
{
	if (field_count(list) > max)
		field_warning(list, "has %zu elements, the API takes %zu", field_count(list), max);
}

int decode_tier_pods(struct selector *namespaces, struct selector *pods, const struct field *field,
		     const struct tier_dialect *dialect)
{
	unsigned int form = 0;
	struct field content, namespace_selector, pod_selector;
	int r = decode_one_of(&form, field, subject_fields);

	if (r < 0)
		return r;
	content = field_get(field, subject_fields[form]);
	if (form == PEER_FORM_NAMESPACES)
		return decode_selector(namespaces, &content);
	r = field_object(&content) ?: field_only(&content, pods_fields, false);
	if (r < 0)
		return r;
	namespace_selector = field_get(&content, "namespaceSelector");
	pod_selector = field_get(&content, "podSelector");
	if (dialect->namespaces_required)
		r = field_require(&namespace_selector);
	r = r ?: field_require(&pod_selector) ?: decode_selector(namespaces, &namespace_selector);
	return r ?: decode_selector(pods, &pod_selector);
}

static int decode_networks(struct policy_rule *ret, const struct field *field)
{
	int r = field_list(field);

	if (r < 0)
		return r;
	if (!field_count(field))
		return field_error(field, "must not be empty");
	warn_of_length(field, NETWORKS_MAX);
	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);
		struct policy_peer *peer = &ret->peers[ret->peer_count];

		r = decode_prefix(&peer->cidr, &element);
		if (r < 0)
			return r;
		peer->is_cidr = true;
		ret->peer_count++;
	}
	return 0;
}

static int decode_egress_peer(struct policy_rule *ret, const struct field *field,
			      const struct tier_dialect *dialect)
{
	struct policy_peer *peer = &ret->peers[ret->peer_count];
	unsigned int form = 0;
	struct field content;
	int r = decode_one_of(&form, field, egress_fields);

	if (r < 0)
		return r;
	content = field_get(field, egress_fields[form]);
	switch ((enum peer_form)form) {
	case PEER_FORM_NAMESPACES:
	case PEER_FORM_PODS:
		ret->peer_count++;
		return decode_tier_pods(&peer->namespaces, &peer->pods, field, dialect);
	case PEER_FORM_NODES:
		ret->peer_count++;
		peer->is_nodes = true;
		return decode_selector(&peer->nodes, &content);
	case PEER_FORM_NETWORKS:
		return decode_networks(ret, &content);
	case PEER_FORM_DOMAIN_NAMES:
		break;
	}
	return field_error(&content, "is not supported: weir does not watch name resolution");
}

static int decode_ingress_peer(struct policy_rule *ret, const struct field *field,
			       const struct tier_dialect *dialect)
{
	struct policy_peer *peer = &ret->peers[ret->peer_count++];

	return decode_tier_pods(&peer->namespaces, &peer->pods, field, dialect);
}

/* A list that must be there, or if it is there, and must have elements then. */
static int check_list(const struct field *field, size_t max)
{
	int r = field_list(field);

	if (r < 0)
		return r;
	if (!field_count(field))
		return field_error(field, "must not be empty");
	warn_of_length(field, max);
	return 0;
}

/* Elements that stand for several peers have them in a list. */
static size_t count_peers(const struct field *field)
{
	size_t count = field_count(field);

	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);
		struct field networks = field_get(&element, "networks");

		count += field_count(&networks);
	}
	return count;
}

/* -EINVAL once all problems are reported. */
static int decode_peers(struct policy_rule *ret, const struct field *field, enum policy_dir dir,
			const struct tier_dialect *dialect)
{
	int r = field_require(field) ?: check_list(field, dialect->list_max);

	if (r < 0)
		return r;
	ret->peers = calloc(count_peers(field), sizeof(*ret->peers));
	if (!ret->peers)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);
		int one = dir == POLICY_INGRESS ? decode_ingress_peer(ret, &element, dialect) :
						  decode_egress_peer(ret, &element, dialect);

		if (one == -ENOMEM)
			return one;
		r = r ?: one;
	}
	return r;
}

static int decode_ports(struct policy_rule *ret, const struct field *field,
			const struct tier_dialect *dialect)
{
	int r = field_list(field);

	if (r < 0 || field_is_absent(field) || (dialect->no_ports_is_any && !field_count(field)))
		return r;
	r = check_list(field, dialect->list_max);
	if (r < 0)
		return r;
	ret->ports = calloc(field_count(field) * TIER_PORTS_MAX, sizeof(*ret->ports));
	if (!ret->ports)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);
		int one = dialect->decode_port(ret, &element);

		if (one == -ENOMEM)
			return one;
		r = r ?: one;
	}
	return r;
}

/* Networks and nodes declare no ports. */
static int check_names(const struct policy_rule *rule, const struct field *ports)
{
	bool named = false, nameless = false;

	for (size_t i = 0; i < rule->port_count; i++)
		named |= rule->ports[i].name != NULL;
	for (size_t i = 0; i < rule->peer_count; i++)
		nameless |= rule->peers[i].is_cidr || rule->peers[i].is_nodes;
	if (named && nameless)
		return field_error(ports, "must not have names beside networks or nodes");
	return 0;
}

/* 0 or -ENOMEM: it is for people, and the rule is the same without it. */
static int decode_name(char **ret, const struct field *field)
{
	const char *text = NULL;

	if (field_string(&text, field) < 0 || !text || !*text)
		return 0;
	if (strlen(text) > NAME_MAX_LENGTH)
		field_warning(field, "has more than %d characters", NAME_MAX_LENGTH);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* Unreadable: it may have been a deny. */
static int decode_action(enum policy_action *ret, const struct field *field,
			 const struct tier_dialect *dialect)
{
	unsigned int index = ACTION_DENY;
	int r = field_require(field) ?: field_enum(&index, field, dialect->actions);

	*ret = (enum policy_action)index;
	return r;
}

/* The first problem, but nothing outweighs a lack of memory. */
static int worse(int first, int second)
{
	return second == -ENOMEM ? second : first ?: second;
}

/* Reports all problems of the rule, not only the first. */
static int read_rule(struct policy_rule *ret, const struct field *field, enum policy_dir dir,
		     const struct tier_dialect *dialect)
{
	struct field name = field_get(field, "name");
	struct field action = field_get(field, "action");
	struct field peers = field_get(field, peers_names[dir]);
	struct field ports = field_get(field, dialect->ports);
	int r;

	r = field_only(field, dialect->rule_fields[dir], false);
	r = worse(r, decode_action(&ret->action, &action, dialect));
	r = worse(r, decode_name(&ret->name, &name));
	r = worse(r, decode_peers(ret, &peers, dir, dialect));
	r = worse(r, decode_ports(ret, &ports, dialect));
	return r ?: check_names(ret, &ports);
}

int decode_tier_rule(struct policy_rule *ret, const struct field *field, enum policy_dir dir,
		     const struct tier_dialect *dialect)
{
	int r;

	ret->action = ACTION_DENY;
	r = field_object(field) ?: read_rule(ret, field, dir, dialect);
	if (r == -EINVAL)
		policy_rule_close(ret);
	return r == -ENOMEM ? r : 0;
}
