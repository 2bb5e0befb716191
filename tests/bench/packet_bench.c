// SPDX-License-Identifier: Apache-2.0
#include "packet_bench.h"

#include <stdio.h>
#include <string.h>

#include "checked.h"
#include "engine_main.h"
#include "figure.h"

struct effort effort = { .rounds = 9, .packets = 400000, .fresh = 16384 };

void packet_report(const char *name, const char *what, bool v6, double value,
		   const char *floor_name, double floor, double most)
{
	char text[160];

	snprintf(text, sizeof(text), "%s, %s%s", name, v6 ? "IPv6" : "IPv4", what);
	figure_add(&(struct figure){ .name = text, .value = value, .unit = "ns",
				     .floor_name = floor_name, .floor = floor,
				     .ratio_most = most });
}

const char *floor_text(const struct path *path)
{
	return path->against == FLOOR_HIT ? "parse, LRU hit" : "parse, LRU insert";
}

int packet_main(int argc, char **argv, const char *name, void (*measure)(void))
{
	return packet_main_with(argc, argv, name, measure, false, 1);
}

int packet_main_with(int argc, char **argv, const char *name, void (*measure)(void), bool direct,
		     uint16_t source_ports)
{
	struct node_config config = engine_config;

	if (argc > 1 && !strcmp(argv[argc - 1], "--quick"))
		effort = (struct effort){ .rounds = 1, .packets = 1000, .fresh = 100 };
	config.direct = direct;
	config.source_ports = source_ports;
	engine_full_size = true;
	run_undisturbed(0);
	engine_start(&config);
	cost_start();
	return run_checked(name, measure);
}
