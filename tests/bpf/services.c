// SPDX-License-Identifier: Apache-2.0
#include "services.h"

#include <arpa/inet.h>
#include <string.h>

#define SERVICES 16
#define BACKENDS 64
#define SLOTS 256
#define SLOTS_OF_SET 8
#define SLOTS_OF_TABLE 4096 /* of a large set; behind SLOTS */

static void put(const char *map, const void *key, const void *value)
{
	ck_assert_msg(!engine_update(map, key, value), "cannot write map %s", map);
}

int packet_send(enum program via, const struct packet *packet, struct frame *frame, bool v6)
{
	struct engine_run run = { .program = via, .ifindex = ifindex_of(packet->src),
				  .ingress_ifindex = ifindex_of(packet->src), .frame = frame };

	packet_build(frame, packet, v6);
	ck_assert(engine_run(&run));
	return run.action;
}

void services_clear(void)
{
	for (uint32_t i = 0; i < SERVICES; i++)
		put("service_port", &i, &(struct service_port){});
	for (uint32_t i = 0; i < BACKENDS; i++)
		put("backend", &i, &(struct backend){});
	for (uint32_t i = 0; i < SLOTS; i++)
		put("backend_slot", &i, &(uint32_t){ 0 });
}

static void frontend_write(enum who vip, uint16_t port, uint8_t proto,
			   const struct frontend *value, bool v6)
{
	struct ip_addr addr = who_addr(vip, v6);
	struct frontend4_key key4 = { addr.words[3], htons(port), proto };
	struct frontend6_key key6 = { addr, htons(port), proto };
	const void *key = v6 ? (void *)&key6 : &key4;

	if (value)
		put(map_of("frontend", v6, ""), key, value);
	else
		engine_delete(map_of("frontend", v6, ""), key);
}

void frontend_put(enum who vip, uint16_t port, uint8_t proto, uint32_t n, uint32_t flags)
{
	for (int v6 = 0; v6 < 2; v6++) {
		frontend_write(vip, 0, 0, &(struct frontend){ .flags = flags }, v6);
		if (port)
			frontend_write(vip, port, proto,
				       &(struct frontend){ NUMBER_OF(n, v6), flags }, v6);
	}
	services_set(1);
}

void frontend_clear(enum who vip, uint16_t port, uint8_t proto)
{
	frontend_write(vip, port, proto, NULL, false);
	frontend_write(vip, port, proto, NULL, true);
}

void backend_put(uint32_t n, uint32_t service, enum who who, uint16_t port, uint8_t flags)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		uint32_t number = NUMBER_OF(n, v6);
		struct backend backend;

		ck_assert_int_eq(engine_lookup("backend", &number, &backend), 0);
		backend.addr = who_addr(who, v6);
		backend.port = htons(port);
		backend.flags = flags;
		backend.service = NUMBER_OF(service, v6);
		put("backend", &number, &backend);
	}
}

void backend_end(uint32_t n)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		uint32_t number = NUMBER_OF(n, v6);
		struct backend backend;

		ck_assert_int_eq(engine_lookup("backend", &number, &backend), 0);
		backend.generation++;
		put("backend", &number, &backend);
	}
}

static struct service_port port_get(uint32_t number)
{
	struct service_port port;

	ck_assert_int_eq(engine_lookup("service_port", &number, &port), 0);
	return port;
}

void set_put(uint32_t service, enum service_set set, uint32_t first, uint32_t count)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		uint32_t number = NUMBER_OF(service, v6);
		uint32_t slot = (2 * number + set) * SLOTS_OF_SET;
		struct service_port port = port_get(number);

		port.sets[set] = service_set_ref(slot, count);
		for (uint32_t i = 0; i < count; i++, slot++)
			put("backend_slot", &slot, &(uint32_t){ NUMBER_OF(first + i, v6) });
		put("service_port", &number, &port);
	}
}

void table_put(uint32_t service, enum service_set set, const uint32_t *backends, uint32_t count)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		uint32_t number = NUMBER_OF(service, v6);
		uint32_t slot = SLOTS + (2 * number + set) * SLOTS_OF_TABLE;
		struct service_port port = port_get(number);

		port.sets[set] = service_set_ref(slot, count);
		for (uint32_t i = 0; i < count; i++, slot++)
			put("backend_slot", &slot, &(uint32_t){ NUMBER_OF(backends[i], v6) });
		put("service_port", &number, &port);
	}
}

void set_empty(uint32_t service, enum service_set set, enum service_empty empty)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		uint32_t number = NUMBER_OF(service, v6);
		struct service_port port = port_get(number);

		port.sets[set] = service_set_ref(empty, 0);
		put("service_port", &number, &port);
	}
}

void affinity_set(uint32_t service, uint32_t seconds)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		uint32_t number = NUMBER_OF(service, v6);
		struct service_port port = port_get(number);

		port.affinity_s = seconds;
		put("service_port", &number, &port);
	}
}

void range_put(uint32_t service, enum who who, uint32_t bits4, uint32_t bits6)
{
	struct service_range4_key key4 = { SERVICE_RANGE_BITS + bits4,
					   htonl(NUMBER_OF(service, false)),
					   who_addr(who, false).words[3] };
	struct service_range6_key key6 = { SERVICE_RANGE_BITS + bits6,
					   htonl(NUMBER_OF(service, true)), who_addr(who, true) };

	put("service_range4", &key4, &(uint32_t){ 1 });
	put("service_range6", &key6, &(uint32_t){ 1 });
}
