// SPDX-License-Identifier: Apache-2.0
#include "random_world.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects_make.h"
#include "random_policy.h"

#define PODS 6

static const char *const nodes[] = { "n1", "n2", "n2", "n3", "" };
static const enum object_kind ordered_kinds[] = {
	OBJECT_CLUSTER_NETWORK_POLICY,
	OBJECT_ADMIN_NETWORK_POLICY,
	OBJECT_BASELINE_ADMIN_NETWORK_POLICY,
};
static const char *const addr_texts[] = {
	"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.127", "10.0.0.128", "10.0.1.1", "10.128.0.1",
	"11.0.0.1", "0.0.0.0", "255.255.255.255", "192.0.2.1", "192.0.2.2", "192.0.2.3",
	"fd00::1", "fd00::2", "fd00::1:0:1", "fd01::1", "ffff::1", "2001:db8::1",
};

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
	for (size_t i = 0; i < COUNT(world_keys); i++)
		if (world_random(world, 3))
			sprintf(text + strlen(text), " %s=%s", world_keys[i],
				PICK(world, world_values));
}

static void random_addrs(struct world *world, char text[static TEXT_MAX], unsigned int max)
{
	text[0] = '\0';
	for (unsigned int i = world_random(world, max + 1); i > 0; i--)
		sprintf(text + strlen(text), " %s", PICK(world, addr_texts));
}

static void pod_name(struct world *world, char name[static 16])
{
	sprintf(name, "p%u", world_random(world, PODS));
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
		sprintf(named + strlen(named), " %s/%s=%u", PICK(world, world_port_names),
			world_random(world, 2) ? "tcp" : "udp", PICK(world, world_ports));
	obj = make_pod(PICK(world, world_namespaces), name, PICK(world, nodes), labels, addrs,
		       named);
	obj->pod.host_network = !world_random(world, 10);
	obj->pod.finished = !world_random(world, 10);
	put(world, obj);
}

static void put_namespace(struct world *world)
{
	char labels[TEXT_MAX];

	random_labels(world, labels);
	put(world, make_namespace(PICK(world, world_namespaces), labels));
}

static void random_endpoint(struct world *world, size_t i)
{
	static const char *const pod_texts[] = { "p0", "p1", "p2", "p3", "ghost" };
	struct image_endpoint *ep = &world->endpoints[i];

	*ep = (struct image_endpoint){
		.ifindex = (uint32_t)(100 - i),
		.namespace = PICK(world, world_namespaces),
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
	store_delete(world->store, OBJECT_POD, PICK(world, world_namespaces), name);
	if (world_random(world, 2))
		store_delete(world->store, OBJECT_NAMESPACE, "", PICK(world, world_namespaces));
	name[0] = '\0';
	sprintf(name, "np%u", world_random(world, WORLD_POLICIES));
	store_delete(world->store, OBJECT_NETWORK_POLICY, PICK(world, world_namespaces), name);
	sprintf(name, "op%u", world_random(world, WORLD_POLICIES));
	store_delete(world->store, PICK(world, ordered_kinds), "", name);
}

static void put_node(struct world *world, const char *name, const char *addrs)
{
	struct object *obj = make_node(name, addrs);
	char labels[TEXT_MAX];

	random_labels(world, labels);
	label_node(obj, labels);
	put(world, obj);
}

/* Its address may be anybody's. */
static void put_some_node(struct world *world)
{
	static const char *const names[] = { "n2", "n3" };
	char addrs[TEXT_MAX];

	random_addrs(world, addrs, 2);
	put_node(world, PICK(world, names), addrs);
}

void world_step(struct world *world)
{
	switch (world_random(world, 10)) {
	case 0:
	case 1:
		put(world, random_policy(world));
		break;
	case 2:
	case 3:
		put_pod(world);
		break;
	case 4:
		put_namespace(world);
		break;
	case 6:
	case 7:
		put(world, random_ordered_policy(world));
		break;
	case 8:
		put_some_node(world);
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
	put_node(world, "n1", "192.0.2.1 192.0.2.3");
	put_node(world, "n2", "192.0.2.2");
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
		.proto = PICK(world, world_protos),
		.port = PICK(world, world_ports),
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
