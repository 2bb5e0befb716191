// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/maglev.h"
#include "reconcile/service_cidrs.h"
#include "source/decode.h"

#define KEY_MAX 64

void die(const char *what, int r)
{
	fprintf(stderr, "judge: %s: %s\n", what, strerror(r < 0 ? -r : r));
	exit(EXIT_FAILURE);
}

int world_find(const struct world *world, const struct ip_addr *addr)
{
	for (int i = 0; i < WORLD_PODS; i++)
		for (int j = 0; world->pods[i].used && j < 2; j++)
			if (ip_addr_equal(&world->pods[i].ips[j], addr))
				return i;
	return -1;
}

/* As an agent does that starts: what the kernel holds is read back. */
static void open_services(struct world *world)
{
	struct service_maps maps;
	int r;

	r = services_new(&world->services, world->store);
	r = r ?: service_maps_open(&maps, world->dp, MAGLEV_SIZE_DEFAULT);
	r = r ?: service_writer_new(&world->writer, &maps);
	if (r < 0)
		die("services", r);
}

static void close_services(struct world *world)
{
	service_writer_free(world->writer);
	services_free(world->services);
}

static int write_service(const struct service_images *images, void *arg)
{
	struct world *world = arg;

	return service_writer_apply(world->writer, images, world->now_ms);
}

static void apply_services(struct world *world)
{
	const struct service_node node = { .name = world->node, .ips = world->host_ips,
					   .ip_count = world->host_ip_count };
	int r;

	r = services_set_node(world->services, &node);
	r = r ?: services_each_change(world->services, write_service, world);
	if (r < 0)
		die("services", r);
	service_writer_synced(world->writer, world->now_ms);
	if (service_writer_commit(world->writer))
		reconcile_judge_again(world->rec);
}

/* What services' connections to other nodes come from: the first of each family. */
static void tell_addresses(struct world *world)
{
	volatile struct node_state *state = datapath_state(world->dp);

	for (size_t i = world->host_ip_count; i-- > 0;) {
		const struct ip_addr *addr = &world->host_ips[i];

		if (ip_addr_is_v4(addr))
			state->addr4 = addr->words[3];
		else
			state->addr6 = *addr;
	}
}

static void settle_services(struct world *world)
{
	int64_t wait;

	while ((wait = service_writer_settle(world->writer, world->now_ms)) >= 0)
		world->now_ms += wait + 1;
}

static void open_kernel(struct world *world)
{
	struct datapath_config config = { .bpffs = WORLD_BPFFS };
	char error[DATAPATH_ERROR_MAX] = "";
	int r;

	r = datapath_open(&world->dp, &config, error);
	if (r < 0)
		die(error, r);
	r = reconcile_new(&world->rec, world->dp);
	if (r < 0)
		die("reconcile_new", r);
}

void world_open(struct world *world)
{
	*world = (struct world){};
	world_make_place();
	open_kernel(world);
	if (store_new(&world->store) < 0)
		die("store", ENOMEM);
	open_services(world);
}

void world_close(struct world *world)
{
	close_services(world);
	reconcile_free(world->rec);
	datapath_free(world->dp);
	store_free(world->store);
}

static void map_empty(int fd)
{
	uint8_t key[KEY_MAX];

	while (!bpf_map_get_next_key(fd, NULL, key))
		if (bpf_map_delete_elem(fd, key))
			die("emptying a map", errno);
}

void world_forget(struct world *world)
{
	static const enum datapath_map tables[] = { MAP_CT4, MAP_CT6, MAP_CT4_NEW, MAP_CT6_NEW };

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		map_empty(datapath_map_fd(world->dp, tables[i]));
}

static void rulesets_empty(int fd)
{
	static const struct ruleset none;
	struct ruleset header;

	for (uint32_t id = 0; id < RULESETS_MAX; id++) {
		if (bpf_map_lookup_elem(fd, &id, &header))
			die("ruleset", errno);
		if (header.words && bpf_map_update_elem(fd, &id, &none, BPF_ANY))
			die("ruleset", errno);
	}
}

void world_reset(struct world *world)
{
	int r;

	for (unsigned int slot = 0; slot < WORLD_PODS; slot++)
		world_unplug(world, slot);
	close_services(world);
	reconcile_free(world->rec);
	store_free(world->store);
	for (int map = MAP_PEER4; map <= MAP_FRAG; map++)
		if (map == MAP_RULESET)
			rulesets_empty(datapath_map_fd(world->dp, map));
		else
			map_empty(datapath_map_fd(world->dp, map));
	datapath_state(world->dp)->generation = 0;
	service_cidrs_write(world->dp, &(struct service_cidrs){});
	r = reconcile_new(&world->rec, world->dp);
	r = r ?: store_new(&world->store);
	if (r < 0)
		die("reset", r);
	/* A writer that nobody tells of a Service takes away what it finds. */
	open_services(world);
	apply_services(world);
	settle_services(world);
}

static void on_object(void *arg, struct object *obj)
{
	struct world *world = arg;

	if (store_put(world->store, obj) < 0)
		die("store", ENOMEM);
}

static void on_problem(void *arg, const struct decode_problem *problem)
{
	if (getenv("JUDGE_PROBLEMS"))
		fprintf(stderr, "%s: %s: %s\n", problem->object, problem->field, problem->text);
}

void world_put(struct world *world, const char *text, size_t length)
{
	const struct decode_sink sink = { world, on_object, on_problem };

	if (decode_text(&sink, text, length) < 0)
		die("decode", ENOMEM);
}

void world_delete(struct world *world, const char *kind, const char *namespace, const char *name)
{
	for (int i = 0; i < OBJECT_KIND_MAX; i++)
		if (!strcmp(object_kind_name((enum object_kind)i), kind))
			store_delete(world->store, (enum object_kind)i, namespace, name);
}

void world_plug(struct world *world, unsigned int slot, const struct world_pod *pod)
{
	struct endpoint ep = { .ifindex = world_ifindex(slot), .mtu = 1500 };
	int r;

	world->pods[slot] = *pod;
	world->pods[slot].used = true;
	world_mac(ep.mac, slot, false);
	world_mac(ep.host_mac, slot, true);
	for (int i = 0; i < 2; i++)
		if (ip_addr_is_v4(&pod->ips[i]))
			ep.addr4 = pod->ips[i].words[3];
		else if (pod->ips[i].halves[0] | pod->ips[i].halves[1])
			ep.addr6 = pod->ips[i];
	r = reconcile_endpoint_open(world->rec, &ep);
	if (r < 0)
		die("endpoint", r);
}

void world_unplug(struct world *world, unsigned int slot)
{
	int r = reconcile_endpoint_close(world->rec, world_ifindex(slot));

	if (r < 0)
		die("endpoint", r);
	world->pods[slot] = (struct world_pod){};
}

void world_apply(struct world *world)
{
	struct image_endpoint endpoints[WORLD_PODS];
	struct image_input input = { .store = world->store, .node_name = world->node,
				     .endpoints = endpoints, .host_ips = world->host_ips,
				     .host_ip_count = world->host_ip_count };
	struct image *image;
	int r;

	for (unsigned int slot = 0; slot < WORLD_PODS; slot++) {
		const struct world_pod *pod = &world->pods[slot];

		if (pod->used)
			endpoints[input.endpoint_count++] = (struct image_endpoint){
				world_ifindex(slot), pod->namespace, pod->name,
				{ pod->ips[0], pod->ips[1] } };
	}
	r = reconcile_compile(&image, world->rec, &input);
	r = r ?: reconcile_apply(world->rec, image, NULL);
	for (unsigned int slot = 0; !r && slot < WORLD_PODS; slot++)
		if (world->pods[slot].used)
			r = reconcile_endpoint_ready(world->rec, world_ifindex(slot));
	if (r < 0)
		die("apply", r);
	tell_addresses(world);
	apply_services(world);
}

void world_settle(struct world *world)
{
	reconcile_settle(world->rec);
	settle_services(world);
}

void world_restart(struct world *world)
{
	int r;

	close_services(world);
	reconcile_free(world->rec);
	r = reconcile_new(&world->rec, world->dp);
	if (r < 0)
		die("restart", r);
	open_services(world);
}
