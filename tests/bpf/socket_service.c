// SPDX-License-Identifier: Apache-2.0
/* Services in the maps, as the agent would write them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "socket_world.h"
#include "weir/state.h"

#define SERVICES 4
#define RUN 8 /* slots of a set */
#define KEY_MAX 64

static void put(const char *map, const void *key, const void *value)
{
	ck_assert_msg(!bpf_map_update_elem(socket_map_fd(map), key, value, BPF_ANY),
		      "cannot write map %s", map);
}

static void get(const char *map, const void *key, void *value)
{
	ck_assert_msg(!bpf_map_lookup_elem(socket_map_fd(map), key, value), "cannot read map %s",
		      map);
}

void services_in_use(bool yes)
{
	struct node_state state = { .generation = 1, .services = yes };
	uint32_t zero = 0;

	put("state", &zero, &state);
}

void service_cidr_at(enum place place)
{
	struct node_state state = { .generation = 1, .service_cidrs = 2 };
	uint32_t zero = 0;

	for (int v6 = 0; v6 < 2; v6++)
		state.service_cidr[v6].addr = place_addr(place, v6);
	put("state", &zero, &state);
}

static void map_empty(const char *map)
{
	uint8_t key[KEY_MAX];

	while (!bpf_map_get_next_key(socket_map_fd(map), NULL, key))
		ck_assert_int_eq(bpf_map_delete_elem(socket_map_fd(map), key), 0);
}

void services_reset(void)
{
	static const char *const maps[] = { "frontend4", "frontend6", "affinity4", "affinity6",
					    "socket_peer" };
	struct service_hit *none = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*none));

	ck_assert_ptr_nonnull(none);
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		map_empty(maps[i]);
	for (uint32_t i = 0; i < SERVICES; i++) {
		put("service_port", &i, &(struct service_port){});
		put("service_hit", &i, none);
	}
	for (uint32_t i = 0; i < SERVICES * PLACES; i++)
		put("backend", &i, &(struct backend){});
	free(none);
	services_in_use(true);
}

static void service_store(uint32_t service, enum service_set set, uint64_t ref)
{
	struct service_port port;

	get("service_port", &service, &port);
	port.sets[set] = ref;
	put("service_port", &service, &port);
}

/* A run of its own each time, as the agent does it. */
void service_set(uint32_t service, enum service_set set, const enum place *places)
{
	static uint32_t next;
	uint32_t count = 0, first = next;

	for (; places[count] != NOWHERE; count++) {
		uint32_t slot = first + count, number = backend_of(service, places[count]);

		put("backend_slot", &slot, &number);
	}
	next += RUN;
	service_store(service, set, service_set_ref(first, count));
}

void service_empty(uint32_t service, enum service_set set, enum service_empty how)
{
	service_store(service, set, service_set_ref(how, 0));
}

void service_affinity(uint32_t service, uint32_t seconds)
{
	struct service_port port;

	get("service_port", &service, &port);
	port.affinity_s = seconds;
	put("service_port", &service, &port);
}

void backend_write(uint32_t number, uint32_t service, enum place place, struct way way,
		   uint8_t flags, uint32_t generation)
{
	struct backend backend = { .addr = place_addr(place, is_v6(way.speech)),
				   .port = htons(BACKEND_PORT), .proto = proto_of(way.type),
				   .flags = flags, .generation = generation, .service = service };

	put("backend", &number, &backend);
}

void backend_put(uint32_t service, enum place place, struct way way, uint8_t flags)
{
	backend_write(backend_of(service, place), service, place, way, flags, 7);
}

void backend_ends(uint32_t service, enum place place)
{
	uint32_t number = backend_of(service, place);
	struct backend backend;

	get("backend", &number, &backend);
	put("backend", &number, &(struct backend){ .generation = backend.generation + 1 });
}

static const char *frontend_key(void *ret, enum place place, struct way way, uint16_t port)
{
	struct ip_addr addr = place_addr(place, is_v6(way.speech));
	uint8_t proto = port ? proto_of(way.type) : 0;

	if (is_v6(way.speech)) {
		*(struct frontend6_key *)ret = (struct frontend6_key){ .addr = addr,
								       .port = htons(port),
								       .proto = proto };
		return "frontend6";
	}
	*(struct frontend4_key *)ret = (struct frontend4_key){ .addr = addr.words[3],
							       .port = htons(port),
							       .proto = proto };
	return "frontend4";
}

void frontend_put(enum place place, struct way way, uint16_t port, uint32_t service, uint32_t flags)
{
	struct frontend frontend = { .service = service, .flags = flags };
	struct frontend6_key key;

	put(frontend_key(&key, place, way, port), &key, &frontend);
}

void frontend_remove(enum place place, struct way way, uint16_t port)
{
	struct frontend6_key key;
	const char *map = frontend_key(&key, place, way, port);

	ck_assert_int_eq(bpf_map_delete_elem(socket_map_fd(map), &key), 0);
}

void service_make(struct way way, const enum place *places)
{
	for (const enum place *place = places; *place != NOWHERE; place++)
		backend_put(1, *place, way, BACKEND_IN_CLUSTER | BACKEND_IN_LOCAL);
	service_set(1, SERVICE_CLUSTER, places);
	service_set(1, SERVICE_LOCAL, places);
	frontend_put(SERVICE, way, 0, 0, FRONTEND_WHOLE);
	frontend_put(SERVICE, way, SERVICE_PORT, 1, 0);
}

struct service_hit service_hits(uint32_t service)
{
	int cpus = libbpf_num_possible_cpus();
	struct service_hit *values = calloc((size_t)cpus, sizeof(*values)), sum = {};

	ck_assert_ptr_nonnull(values);
	get("service_hit", &service, values);
	for (int i = 0; i < cpus; i++) {
		sum.connections += values[i].connections;
		sum.refused += values[i].refused;
		sum.silent += values[i].silent;
	}
	free(values);
	return sum;
}

unsigned int affinity_clients(bool v6)
{
	const char *map = v6 ? "affinity6" : "affinity4";
	uint8_t key[KEY_MAX];
	unsigned int count = 0;

	for (int r = bpf_map_get_next_key(socket_map_fd(map), NULL, key); !r;
	     r = bpf_map_get_next_key(socket_map_fd(map), key, key))
		count++;
	return count;
}

static void map_ages(const char *map, uint32_t seconds)
{
	struct affinity affinity;
	uint8_t key[KEY_MAX];

	for (int r = bpf_map_get_next_key(socket_map_fd(map), NULL, key); !r;
	     r = bpf_map_get_next_key(socket_map_fd(map), key, key)) {
		get(map, key, &affinity);
		affinity.used -= seconds * SOCKET_WORLD_HZ;
		put(map, key, &affinity);
	}
}

void affinity_ages(uint32_t seconds)
{
	map_ages("affinity4", seconds);
	map_ages("affinity6", seconds);
}

void socket_peers_forget(enum socket_peer_kind kind)
{
	struct socket_peer_key keys[32];
	int count = 0, map = socket_map_fd("socket_peer");

	while (!bpf_map_get_next_key(map, count ? &keys[count - 1] : NULL, &keys[count]))
		ck_assert_int_lt(++count, CHECK_COUNT(keys));
	while (count--)
		if (keys[count].kind == kind)
			ck_assert_int_eq(bpf_map_delete_elem(map, &keys[count]), 0);
}
