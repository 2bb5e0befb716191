// SPDX-License-Identifier: Apache-2.0
#include "random_policy.h"

#include <stdio.h>
#include <string.h>

#include "objects_make.h"

static const char *const cidrs[] = {
	"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9",
	"10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/25", "10.0.0.128/25",
	"10.0.0.0/31", "10.0.0.1/32", "10.0.0.2/32", "255.255.255.255/32", "192.0.2.0/30",
	"::/0", "fc00::/7", "fd00::/16", "fd00::/64", "fd00::1/128", "8000::/1",
};

static void random_requirement(struct world *world, char word[static 64], const char *key,
			       const char *value)
{
	static const char *const operators[] = { "=", "!=" };

	switch (world_random(world, 6)) {
	case 0:
		snprintf(word, 64, " %s", key);
		break;
	case 1:
		snprintf(word, 64, " !%s", key);
		break;
	case 2:
		snprintf(word, 64, " %s%s%s|3", key, PICK(world, operators), value);
		break;
	default:
		snprintf(word, 64, " %s%s%s", key, PICK(world, operators), value);
	}
}

static void random_selector(struct world *world, char text[static TEXT_MAX], const char *own_key)
{
	text[0] = '\0';
	for (unsigned int i = world_random(world, 4); i < 3; i++) {
		const char *key = world_random(world, 5) ? PICK(world, world_keys) : own_key;
		const char *value = world_random(world, 5) ? PICK(world, world_values) :
							     PICK(world, world_namespaces);
		char word[64];

		random_requirement(world, word, key, value);
		strcat(text, word);
	}
}

static void random_block(struct world *world, struct policy_rule *rule)
{
	const char *cidr = PICK(world, cidrs);
	struct prefix outer = make_prefix(cidr);
	char except[TEXT_MAX] = "";

	for (unsigned int i = world_random(world, 5); i > 0; i--) {
		const char *text = PICK(world, cidrs);
		struct prefix inner = make_prefix(text);

		if (prefix_covers(&outer, &inner) && inner.bits > outer.bits)
			sprintf(except + strlen(except), " %s", text);
	}
	add_cidr(rule, cidr, except);
}

static void random_peers(struct world *world, struct policy_rule *rule)
{
	char ns[TEXT_MAX], pods[TEXT_MAX];

	for (unsigned int i = world_random(world, 4); i > 0; i--) {
		random_selector(world, ns, "kubernetes.io/metadata.name");
		random_selector(world, pods, "app");
		switch (world_random(world, 3)) {
		case 0:
			add_pods(rule, NULL, pods);
			break;
		case 1:
			add_pods(rule, ns, pods);
			break;
		default:
			random_block(world, rule);
		}
	}
}

static void random_ports(struct world *world, struct policy_rule *rule)
{
	for (unsigned int i = world_random(world, 4); i > 0; i--) {
		uint16_t first = PICK(world, world_ports), last = PICK(world, world_ports);

		switch (world_random(world, 4)) {
		case 0:
			add_named_port(rule, PICK(world, world_protos),
				       PICK(world, world_port_names));
			break;
		case 1:
			add_ports(rule, PICK(world, world_protos), 0, 65535);
			break;
		case 2:
			if (first <= last)
				add_ports(rule, PICK(world, world_protos), first, last);
			break;
		default:
			add_ports(rule, PICK(world, world_protos), first, first);
		}
	}
}

/* Peers of a policy that is in no namespace: never none, except to match everybody. */
static void random_ordered_peers(struct world *world, struct policy_rule *rule)
{
	char ns[TEXT_MAX], pods[TEXT_MAX];

	if (!world_random(world, 8))
		return;
	for (unsigned int i = 1 + world_random(world, 3); i > 0; i--) {
		random_selector(world, ns, "kubernetes.io/metadata.name");
		random_selector(world, pods, "app");
		switch (world_random(world, 4)) {
		case 0:
			add_cidr(rule, PICK(world, cidrs), "");
			break;
		case 1:
			add_nodes(rule, pods);
			break;
		default:
			add_pods(rule, ns, pods);
		}
	}
}

/* Port sets that nobody else has make rule groups of their own. */
static void add_wide_rules(struct world *world, struct object *obj, enum policy_dir dir)
{
	static const unsigned int counts[] = { 0, 40, 90, 5000 };
	unsigned int count = counts[world->wide];

	for (unsigned int i = 0; i < count; i++) {
		struct policy_rule *rule = add_rule(obj, dir);
		uint16_t port = (uint16_t)(2 + i + world_random(world, 10));

		random_peers(world, rule);
		add_ports(rule, IPPROTO_TCP, port, (uint16_t)(port + world_random(world, 70)));
	}
}

struct object *random_policy(struct world *world)
{
	static const char *const types[] = { "i", "e", "ie" };
	char name[16], selector[TEXT_MAX];
	struct object *obj;

	sprintf(name, "np%u", world_random(world, WORLD_POLICIES));
	random_selector(world, selector, "app");
	obj = make_policy(PICK(world, world_namespaces), name, selector, PICK(world, types));
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		for (unsigned int i = world_random(world, 4); i > 0; i--) {
			struct policy_rule *rule = add_rule(obj, (enum policy_dir)dir);

			random_peers(world, rule);
			random_ports(world, rule);
			rule->matches_nothing = !world_random(world, 12);
		}
		if (!world_random(world, 3))
			add_wide_rules(world, obj, (enum policy_dir)dir);
	}
	return obj;
}

static enum object_kind random_kind(struct world *world, enum policy_tier tier)
{
	if (world_random(world, 2))
		return OBJECT_CLUSTER_NETWORK_POLICY;
	return tier == TIER_ADMIN ? OBJECT_ADMIN_NETWORK_POLICY :
				    OBJECT_BASELINE_ADMIN_NETWORK_POLICY;
}

/* Actions take turns, so that every rule is a rule group of its own. */
static void add_alternating_rules(struct world *world, struct object *obj, enum policy_dir dir)
{
	static const unsigned int counts[] = { 0, 40, 90, 5000 };

	for (unsigned int i = 0; i < counts[world->wide]; i++) {
		struct policy_rule *rule = add_rule(obj, dir);
		uint16_t port = (uint16_t)(2 + world_random(world, 400));

		rule->action = (enum policy_action)(i % 3);
		random_ordered_peers(world, rule);
		add_ports(rule, IPPROTO_TCP, port, (uint16_t)(port + world_random(world, 70)));
	}
}

struct object *random_ordered_policy(struct world *world)
{
	static const enum policy_tier tiers[] = { TIER_ADMIN, TIER_BASELINE };
	enum policy_tier tier = PICK(world, tiers);
	char name[16], namespaces[TEXT_MAX], pods[TEXT_MAX];
	struct object *obj;

	sprintf(name, "op%u", world_random(world, WORLD_POLICIES));
	random_selector(world, namespaces, "kubernetes.io/metadata.name");
	random_selector(world, pods, "app");
	/* Few priorities, so that some policies share one. */
	obj = make_ordered_policy(random_kind(world, tier), name, tier, world_random(world, 4),
				  namespaces, pods);
	for (int dir = 0; dir < POLICY_DIR_MAX; dir++) {
		for (unsigned int i = world_random(world, 5); i > 0; i--) {
			struct policy_rule *rule = add_rule(obj, (enum policy_dir)dir);

			rule->action = (enum policy_action)world_random(world, 3);
			random_ordered_peers(world, rule);
			random_ports(world, rule);
			rule->matches_nothing = !world_random(world, 12);
		}
		if (!world_random(world, 3))
			add_alternating_rules(world, obj, (enum policy_dir)dir);
	}
	return obj;
}
