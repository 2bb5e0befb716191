// SPDX-License-Identifier: Apache-2.0
/*
 * Map look-ups of a packet to a ClusterIP, and of one of no service while services exist:
 * the datapath compiled for the host (tests/hostsim) counts them, so the machine has no say.
 */
#include "hostsim/shim.h"

#include <errno.h>
#include <stdio.h>

#include "checked.h"
#include "engine_main.h"
#include "figure.h"
#include "packet_rules.h"
#include "service_paths.h"

static int play(const struct packet *packet, bool v6)
{
	static struct frame frame;
	struct engine_run run = { .program = FROM_POD, .frame = &frame,
				  .ifindex = ifindex_of(packet->src),
				  .ingress_ifindex = ifindex_of(packet->src) };

	packet_build(&frame, packet, v6);
	if (!engine_run(&run))
		die("the host engine does not run such a packet", 0);
	return run.action;
}

/* Of the packet that is measured. @services: whether there are any. */
static struct sim_lookups lookups_of(const struct path *path, bool v6, bool services)
{
	const struct path_step *steps;
	size_t count = path_history(&steps, path);
	struct sim_lookups before;

	rules_start();
	service_paths_start();
	services_set(services);
	for (size_t i = 0; i < count; i++) {
		struct packet packet = path_packet(path, steps[i].from_server, steps[i].flags);

		play(&packet, v6);
	}
	before = sim_lookups;
	if (play(&path->packet, v6) != path->action)
		die(path->name, EPERM);
	return (struct sim_lookups){ sim_lookups.hashes - before.hashes,
				     sim_lookups.tries - before.tries,
				     sim_lookups.arrays - before.arrays };
}

/* @more look-ups by hash are allowed beside @floor, if there is a @bound at all. */
static void compare(const char *name, bool v6, struct sim_lookups value, struct sim_lookups floor,
		    const char *beside, unsigned int more, bool bound)
{
	const struct {
		const char *what;
		unsigned int value, floor, more;
	} rows[] = {
		{ "look-ups by hash", value.hashes, floor.hashes, more },
		{ "longest prefix matches", value.tries, floor.tries, 0 },
		{ "look-ups in arrays", value.arrays, floor.arrays, 0 },
	};
	char text[160], than[96];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(text, sizeof(text), "%s, %s: %s", name, v6 ? "IPv6" : "IPv4",
			 rows[i].what);
		snprintf(than, sizeof(than), rows[i].more ? "%s and %u more" : "%s", beside,
			 rows[i].more);
		figure_add(&(struct figure){ .name = text, .value = rows[i].value, .unit = "",
					     .floor_name = than,
					     .floor = rows[i].floor + rows[i].more,
					     .ratio_most = bound && !i, .breakdown = i });
	}
}

static void count_all(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t i = 0; i < SERVICE_PATHS; i++) {
			const struct service_path *row = &service_paths[i];

			compare(row->path.name, v6, lookups_of(&row->path, v6, true),
				lookups_of(&row->direct, v6, true), "to the pod itself",
				row->lookups_more, row->lookups_bound);
		}
		for (size_t i = 0; i < BYSTANDERS; i++) {
			const struct bystander *row = &bystanders[i];

			compare(row->path.name, v6, lookups_of(&row->path, v6, true),
				lookups_of(&row->path, v6, false), "without services",
				row->lookups_more, true);
		}
	}
}

int main(void)
{
	engine_start(&engine_config);
	return run_checked("service-lookups", count_all);
}
