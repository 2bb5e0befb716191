/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs that measure packets have in common: effort, reports, main(). */
#pragma once

#include "cost.h"
#include "packet_rules.h"

extern struct effort effort;

/* Figure "@name, IPv4 @what" in nanoseconds; @most: budget of the ratio, 0: none. */
void packet_report(const char *name, const char *what, bool v6, double value,
		   const char *floor_name, double floor, double most);

/* What stands beside the path's cost. */
const char *floor_text(const struct path *path);

/* As packet_main(), with direct server return, and so many source ports for other nodes. */
int packet_main_with(int argc, char **argv, const char *name, void (*measure)(void), bool direct,
		     uint16_t source_ports);

/* Starts the datapath of the bpf suite, measures, and prints. Returns the exit status. */
int packet_main(int argc, char **argv, const char *name, void (*measure)(void));
