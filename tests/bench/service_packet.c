// SPDX-License-Identifier: Apache-2.0
/* Cost of a packet to a ClusterIP, and of one of no service while services exist (cost.h). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "figure.h"
#include "packet_bench.h"
#include "service_paths.h"
#include "weir/service.h"

#define FRONTENDS 10000 /* of other services */

static void put(const char *map, const void *key, const void *value)
{
	int r = engine_update(map, key, value);

	if (r < 0)
		die(map, r);
}

/* Other services: the tables of frontends are as large as those of a large cluster. */
static void make_others(void)
{
	for (uint32_t i = 0; i < FRONTENDS; i++) {
		struct frontend4_key key4 = { .addr = htonl((30u << 24) + i) };
		struct frontend6_key key6 = { .addr = who_addr(VIP, true) };
		struct frontend value = { .flags = FRONTEND_WHOLE };

		key6.addr.words[2] = htonl(i + 1);
		put("frontend4", &key4, &value);
		put("frontend6", &key6, &value);
		key4.port = key6.port = htons(80);
		key4.proto = key6.proto = IPPROTO_TCP;
		value.service = 1000;
		put("frontend4", &key4, &value);
		put("frontend6", &key6, &value);
	}
}

static struct effort once(void)
{
	return (struct effort){ .rounds = 1, .packets = effort.packets, .fresh = effort.fresh };
}

/* The service and the direct way take turns. */
static void measure_path(const struct service_path *row, bool v6)
{
	const struct effort turn = once();
	double net[ROUNDS_MAX], direct[ROUNDS_MAX], floor[ROUNDS_MAX], middle;

	for (uint32_t round = 0; round < effort.rounds; round++) {
		struct cost cost;

		cost_flush();
		cost = cost_measure(&row->path, v6, 0, &turn);
		net[round] = cost.net;
		floor[round] = cost.floor;
		cost_flush();
		direct[round] = cost_measure(&row->direct, v6, 0, &turn).net;
	}
	middle = quantile(net, effort.rounds, 0.5);
	packet_report(row->path.name, "", v6, middle, floor_text(&row->path),
		      quantile(floor, effort.rounds, 0.5), 0);
	packet_report(row->path.name, ", beside direct", v6, middle, "to the pod itself",
		      quantile(direct, effort.rounds, 0.5), 0);
}

/* With services and without take turns. */
static void measure_bystander(const struct bystander *row, bool v6)
{
	const struct effort turn = once();
	double net[2][ROUNDS_MAX];

	for (uint32_t round = 0; round < effort.rounds; round++) {
		for (uint32_t services = 0; services < 2; services++) {
			services_set(services);
			cost_flush();
			net[services][round] = cost_measure(&row->path, v6, 0, &turn).net;
		}
	}
	packet_report(row->path.name, "", v6, quantile(net[1], effort.rounds, 0.5),
		      "the same without services", quantile(net[0], effort.rounds, 0.5),
		      row->ratio_most);
}

static void measure_all(void)
{
	rules_start();
	service_paths_start();
	make_others();
	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t i = 0; i < SERVICE_PATHS; i++)
			measure_path(&service_paths[i], v6);
		for (size_t i = 0; i < BYSTANDERS; i++)
			measure_bystander(&bystanders[i], v6);
	}
}

int main(int argc, char **argv)
{
	return packet_main(argc, argv, "service-packet", measure_all);
}
