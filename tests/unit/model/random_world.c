// SPDX-License-Identifier: Apache-2.0
#include "random_world.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects_make.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PICK(world, array) (array)[world_random((world), COUNT(array))]
#define NAMES 6
#define POLICIES 7
#define TEXT_MAX 256

static const char *const namespaces[] = { "a", "b", "c" };
static const char *const keys[] = { "app", "tier", "x" };
static const char *const values[] = { "1", "2", "" };
static const char *const nodes[] = { "n1", "n2", "n2", "n3", "" };
static const char *const port_names[] = { "http", "dns" };
static const char *const addr_texts[] = {
	"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.127", "10.0.0.128", "10.0.1.1", "10.128.0.1",
	"11.0.0.1", "0.0.0.0", "255.255.255.255", "192.0.2.1", "192.0.2.2", "192.0.2.3",
	"fd00::1", "fd00::2", "fd00::1:0:1", "fd01::1", "ffff::1", "2001:db8::1",
};
static const char *const cidrs[] = {
	"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9",
	"10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/25", "10.0.0.128/25",
	"10.0.0.0/31", "10.0.0.1/32", "10.0.0.2/32", "255.255.255.255/32", "192.0.2.0/30",
	"::/0", "fc00::/7", "fd00::/16", "fd00::/64", "fd00::1/128", "8000::/1",
};
static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
static const uint16_t ports[] = { 1, 53, 79, 80, 81, 1023, 8080, 32768, 65534, 65535 };

unsigned int world_random(struct world *world, unsigned int n)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (unsigned int)((world->random >> 11) % n);
}

static void random_labels(struct world *world, char text[static TEXT_MAX])
{
	text[0] = '\0';
	for (size_t i = 0; i < COUNT(keys); i++)
		if (world_random(world, 3))
			sprintf(text + strlen(text), " %s=%s", keys[i], PICK(world, values));
}

static void random_selector(struct world *world, char text[static TEXT_MAX], const char *own_key)
{
	static const char *const forms[] = { "%s=%s", "%s!=%s", "%s", "!%s", "%s=%s|%s", "%s!=%s|%s" };
	char word[64];

	text[0] = '\0';
	for (unsigned int i = world_random(world, 4); i < 3; i++) {
		const char *key = world_random(world, 5) ? PICK(world, keys) : own_key;
		const char *value = world_random(world, 5) ? PICK(world, values) :
							     PICK(world, namespaces);
		const char *form = PICK(world, forms);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(word, sizeof(word), form, key, value, "3");
#pragma GCC diagnostic pop
		sprintf(text + strlen(text), " %s", word);
	}
}

static void random_addrs(struct world *world, char text[static TEXT_MAX], unsigned int max)
{
	text[0] = '\0';
	for (unsigned int i = world_random(world, max + 1); i > 0; i--)
		sprintf(text + strlen(text), " %s", PICK(world, addr_texts));
}

static void pod_name(struct world *world, char name[static 16])
{
	sprintf(name, "p%u", world_random(world, NAMES));
}

static void put(struct world *world, struct object *obj)
{
	if (store_put(world->store, obj) < 0)
		abort();
}

static void put_pod(struct world *world)
{
	char name[16], labels[TEXT_MAX], addrs[TEXT_MAX], named[TEXT_MAX] = "";
	struct object *obj;

	pod_name(world, name);
	random_labels(world, labels);
	random_addrs(world, addrs, 2);
	for (unsigned int i = world_random(world, 4); i > 0; i--)
		sprintf(named + strlen(named), " %s/%s=%u", PICK(world, port_names),
			world_random(world, 2) ? "tcp" : "udp", PICK(world, ports));
	obj = make_pod(PICK(world, namespaces), name, PICK(world, nodes), labels, addrs, named);
	obj->pod.host_network = !world_random(world, 10);
	obj->pod.finished = !world_random(world, 10);
	put(world, obj);
}

static void put_namespace(struct world *world)
{
	char labels[TEXT_MAX];

	random_labels(world, labels);
	put(world, make_namespace(PICK(world, namespaces), labels));
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
		uint16_t first = PICK(world, ports), last = PICK(world, ports);

		switch (world_random(world, 4)) {
		case 0:
			add_named_port(rule, PICK(world, protos), PICK(world, port_names));
			break;
		case 1:
			add_ports(rule, PICK(world, protos), 0, 65535);
			break;
		case 2:
			if (first <= last)
				add_ports(rule, PICK(world, protos), first, last);
			break;
		default:
			add_ports(rule, PICK(world, protos), first, first);
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

static void put_policy(struct world *world)
{
	static const char *const types[] = { "i", "e", "ie" };
	char name[16], selector[TEXT_MAX];
	struct object *obj;

	sprintf(name, "np%u", world_random(world, POLICIES));
	random_selector(world, selector, "app");
	obj = make_policy(PICK(world, namespaces), name, selector, PICK(world, types));
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
	put(world, obj);
}

static void random_endpoint(struct world *world, size_t i)
{
	static const char *const pod_texts[] = { "p0", "p1", "p2", "p3", "ghost" };
	struct image_endpoint *ep = &world->endpoints[i];

	*ep = (struct image_endpoint){
		.ifindex = (uint32_t)(100 - i),
		.namespace = PICK(world, namespaces),
		.pod = PICK(world, pod_texts),
	};
	if (world_random(world, 8))
		ep->ips[0] = make_addr(PICK(world, addr_texts));
	if (world_random(world, 2))
		ep->ips[1] = make_addr(PICK(world, addr_texts));
}

static void delete_something(struct world *world)
{
	char name[16];

	pod_name(world, name);
	store_delete(world->store, OBJECT_POD, PICK(world, namespaces), name);
	if (world_random(world, 2))
		store_delete(world->store, OBJECT_NAMESPACE, "", PICK(world, namespaces));
	name[0] = '\0';
	sprintf(name, "np%u", world_random(world, POLICIES));
	store_delete(world->store, OBJECT_NETWORK_POLICY, PICK(world, namespaces), name);
}

void world_step(struct world *world)
{
	switch (world_random(world, 7)) {
	case 0:
	case 1:
		put_policy(world);
		break;
	case 2:
	case 3:
		put_pod(world);
		break;
	case 4:
		put_namespace(world);
		break;
	case 5:
		delete_something(world);
		break;
	default:
		random_endpoint(world, world_random(world, WORLD_ENDPOINTS));
		world->input.endpoint_count = 1 + world_random(world, WORLD_ENDPOINTS);
	}
}

void world_init(struct world *world, uint64_t seed)
{
	*world = (struct world){ .random = seed * 0x9e3779b97f4a7c15 + 1 };
	if (store_new(&world->store) < 0)
		abort();
	world->wide = (unsigned int)(seed % 3);
	world->host_ips[0] = make_addr("192.0.2.1");
	world->host_ips[1] = make_addr("2001:db8::1");
	put(world, make_node("n1", "192.0.2.1 192.0.2.3"));
	put(world, make_node("n2", "192.0.2.2"));
	for (size_t i = 0; i < WORLD_ENDPOINTS; i++)
		random_endpoint(world, i);
	world->input = (struct image_input){
		.store = world->store,
		.node_name = "n1",
		.endpoints = world->endpoints,
		.endpoint_count = WORLD_ENDPOINTS,
		.host_ips = world->host_ips,
		.host_ip_count = COUNT(world->host_ips),
	};
	for (int i = 0; i < 40; i++)
		world_step(world);
}

void world_done(struct world *world)
{
	store_free(world->store);
}

struct naive_packet world_packet(struct world *world, enum policy_dir dir,
				 const struct image_endpoint **subject)
{
	const struct image_endpoint *ep =
		&world->endpoints[world_random(world, (unsigned int)world->input.endpoint_count)];
	struct ip_addr other = make_addr(PICK(world, addr_texts));
	struct naive_packet packet = {
		.src = dir == POLICY_INGRESS ? other : ep->ips[0],
		.dst = dir == POLICY_INGRESS ? ep->ips[0] : other,
		.proto = PICK(world, protos),
		.port = PICK(world, ports),
	};

	if (!world_random(world, 4)) /* a port right beside others, or of the wide rules */
		packet.port = (uint16_t)(packet.port + world_random(world, 150));
	if (!world_random(world, 8)) {
		packet.proto = IPPROTO_ICMP;
		packet.port = 0;
	}
	if (!world_random(world, 20))
		packet.port = 0;
	*subject = ep;
	return packet;
}
