// SPDX-License-Identifier: Apache-2.0
/* From the policies that select a pod to rule groups. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/image_groups.h"

/* The rule that is read. */
struct reader {
	struct image_build *build;
	struct rule_groups *groups;
	const struct object *policy;
	const struct policy_rule *rule;
	uint32_t run; /* struct rule_group */
	enum policy_tier tier; /* of the rule before */
	enum policy_action action;
};

static int find_group(uint32_t *ret, struct reader *reader, struct port_set *ports)
{
	struct rule_groups *groups = reader->groups;
	struct buf *buf = &reader->build->key;
	struct rule_group *group;
	uint32_t head[] = { reader->tier, reader->run, reader->action };
	int r;

	port_set_normalise(ports);
	buf_reset(buf);
	buf_put(buf, head, sizeof(head));
	port_set_text(buf, ports);
	buf_put(buf, "", 1);
	if (buf->failed)
		return -ENOMEM;
	r = intern_add(ret, &groups->keys, &reader->build->arena, buf->data, buf->length);
	if (r <= 0)
		return r;
	group = array_add(groups->items, groups->count);
	if (!group)
		return -ENOMEM;
	group->tier = reader->tier;
	group->run = reader->run;
	group->action = reader->action;
	group->ports_text = (const char *)groups->keys.keys[*ret].data + sizeof(head);
	group->ports = *ports;
	*ports = (struct port_set){};
	return 0;
}

/* The group with @ports of the present run; takes the ports. */
static struct rule_group *open_group(struct reader *reader, struct port_set *ports)
{
	uint32_t id;

	return find_group(&id, reader, ports) < 0 ? NULL : &reader->groups->items[id];
}

static int add_element(struct rule_group *group, const struct cidr_element *element)
{
	struct cidr_element *item = array_add(group->cidrs, group->cidr_count);

	if (!item)
		return -ENOMEM;
	*item = *element;
	return 0;
}

static int add_cidr(struct reader *reader, struct rule_group *group, const struct prefix *cidr,
		    const struct prefix *except, size_t except_count)
{
	struct cidr_element element;
	int r = cidr_element_make(&element, reader->build, cidr, except, except_count);

	return r <= 0 ? r : add_element(group, &element);
}

static int add_nodes(struct reader *reader, struct rule_group *group,
		     const struct selector *selector)
{
	const struct cidr_element *elements;
	size_t count;
	int r = nodes_select(&elements, &count, reader->build, selector);

	for (size_t i = 0; r >= 0 && i < count; i++)
		r = add_element(group, &elements[i]);
	return r;
}

/* All peers of the rule, for ports that are numbers. */
static int add_peers(struct reader *reader, struct rule_group *group)
{
	const struct policy_rule *rule = reader->rule;
	int r = 0;

	group->any_peer |= !rule->peer_count;
	for (size_t i = 0; i < rule->peer_count && r >= 0; i++) {
		const struct policy_peer *peer = &rule->peers[i];

		if (peer->is_cidr)
			r = add_cidr(reader, group, &peer->cidr, peer->except, peer->except_count);
		else if (peer->is_nodes)
			r = add_nodes(reader, group, &peer->nodes);
		else
			r = id_list_add(&group->terms, terms_of_peer(&reader->build->terms, peer));
	}
	return r;
}

static struct rule_group *open_number(struct reader *reader, uint8_t proto, uint16_t port)
{
	cleanup(port_set_done) struct port_set ports = {};

	if (port_set_add(&ports, proto, port, port) < 0)
		return NULL;
	return open_group(reader, &ports);
}

/* The pods of @base that have port @name: a group for each number that they mean by it. */
static int add_asked(struct reader *reader, uint32_t base, uint32_t name, uint8_t proto)
{
	const struct image_terms *terms = &reader->build->terms;
	uint32_t ask = terms_ask(terms, base, name);
	const struct id_list *numbers = &terms->items[ask].numbers;

	for (size_t i = 0; i < numbers->count; i++) {
		uint32_t port = terms->items[numbers->items[i]].key.b;
		struct rule_group *group = open_number(reader, proto, (uint16_t)port);

		if (!group || id_list_add(&group->terms, numbers->items[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_address(struct reader *reader, const struct image_peer *peer,
		       const struct image_shape *shape, uint32_t name, uint8_t proto)
{
	struct prefix host = { .addr = peer->addr,
			       .bits = ip_addr_is_v4(&peer->addr) ? 32 : 128 };

	for (size_t i = 0; i < shape->port_count; i++) {
		struct rule_group *group;

		if (shape->ports[i].name != name)
			continue;
		group = open_number(reader, proto, shape->ports[i].port);
		if (!group || add_cidr(reader, group, &host, NULL, 0) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * An ipBlock with a port name means the pods at addresses in the block, each with
 * its own number. Classes know nothing of addresses, so the addresses stand here.
 */
static int add_block(struct reader *reader, const struct policy_peer *block, uint32_t name,
		     uint8_t proto)
{
	const struct image_build *build = reader->build;
	size_t end = peers_from(build, &block->cidr, true);

	for (size_t i = peers_from(build, &block->cidr, false); i < end; i++) {
		const struct image_peer *peer = &build->image->peers[i];
		const struct image_shape *shape;

		if (build->peer_pods[i] == INTERN_NONE)
			continue;
		shape = &build->shapes[build->pods[build->peer_pods[i]].shape];
		if (shape->selectable &&
		    cidr_matches(&block->cidr, block->except, block->except_count, &peer->addr) &&
		    add_address(reader, peer, shape, name, proto) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Egress: the other side says what the name means. */
static int add_named(struct reader *reader, const struct policy_port *port)
{
	struct image_build *build = reader->build;
	const struct policy_rule *rule = reader->rule;
	uint32_t name = terms_port_name(&build->terms, &build->scratch, port->proto, port->name);
	int r = 0;

	if (name == INTERN_NONE)
		return -ENOMEM;
	if (!rule->peer_count)
		return add_asked(reader, TERM_ANY_POD, name, port->proto);
	for (size_t i = 0; i < rule->peer_count && r >= 0; i++) {
		const struct policy_peer *peer = &rule->peers[i];

		if (peer->is_nodes)
			continue; /* no pods, no names */
		if (peer->is_cidr)
			r = add_block(reader, peer, name, port->proto);
		else
			r = add_asked(reader, terms_of_peer(&build->terms, peer), name,
				      port->proto);
	}
	return r;
}

/* Ingress: the subject says what the name means. */
static int resolve_name(struct port_set *ports, struct reader *reader,
			const struct policy_port *port)
{
	struct image_build *build = reader->build;
	const struct image_shape *shape = reader->groups->shape;
	uint32_t name = terms_port_name(&build->terms, &build->scratch, port->proto, port->name);

	if (name == INTERN_NONE)
		return -ENOMEM;
	for (size_t i = 0; i < shape->port_count; i++) {
		uint16_t number = shape->ports[i].port;

		if (shape->ports[i].name == name &&
		    port_set_add(ports, port->proto, number, number) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_rule(struct reader *reader)
{
	cleanup(port_set_done) struct port_set ports = { .any = !reader->rule->port_count };
	struct rule_group *group;
	int r = 0;

	for (size_t i = 0; i < reader->rule->port_count && r >= 0; i++) {
		const struct policy_port *port = &reader->rule->ports[i];

		if (!port->name)
			r = port_set_add(&ports, port->proto, port->first, port->last);
		else if (reader->groups->dir == POLICY_INGRESS)
			r = resolve_name(&ports, reader, port);
		else
			r = add_named(reader, port);
	}
	if (r < 0 || (!ports.any && !ports.count))
		return r;
	group = open_group(reader, &ports);
	return group ? add_peers(reader, group) : -ENOMEM;
}

/* The run that the present rule belongs to. The order of NetworkPolicies does not matter. */
static void continue_run(struct reader *reader)
{
	enum policy_tier tier = reader->policy->policy.tier;

	if (tier != reader->tier || reader->rule->action != reader->action)
		reader->run++;
	reader->tier = tier;
	reader->action = reader->rule->action;
}

static int read_policy(struct reader *reader)
{
	const struct network_policy *policy = &reader->policy->policy;
	enum policy_dir dir = reader->groups->dir;
	int r = 0;

	for (size_t i = 0; i < policy->rule_count[dir] && r >= 0; i++) {
		reader->rule = &policy->rules[dir][i];
		if (reader->rule->matches_nothing)
			continue;
		continue_run(reader);
		r = read_rule(reader);
	}
	return r;
}

int groups_build(struct rule_groups *groups, struct image_build *build,
		 const struct id_list *policies)
{
	struct reader reader = { .build = build, .groups = groups };
	int r = 0;

	for (size_t i = 0; i < policies->count && r >= 0; i++) {
		reader.policy = build->policies[policies->items[i]];
		groups->isolated |= reader.policy->policy.isolates[groups->dir];
		r = id_list_add(&groups->policies, policies->items[i]);
		if (r >= 0)
			r = read_policy(&reader);
	}
	if (r < 0)
		return r;
	groups_order(groups, build);
	return 0;
}
