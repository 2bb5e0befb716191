// SPDX-License-Identifier: Apache-2.0
/*
 * Cost of a packet that a node forwards for a service, in TC and in XDP (cost.h). What does not
 * go into one configuration is another run: "snat", "snat-new" (many source ports), "dsr".
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "figure.h"
#include "packet_bench.h"
#include "services.h"

#define WEB 1
#define PORT 80
#define TARGET 8080
#define MANY_PORTS 40000

#define OF_WEB { HOST, POD_AWAY, PORT, TARGET }
#define BY_NODE { HOST, POD_AWAY, PORT, TARGET, true }
#define ASKS(dport, flags) { PACKET_TCP, WORLD, HOST, 1024, dport, flags }
#define ANSWERS { PACKET_TCP, POD_AWAY, HOST, TARGET, SOURCE_PORT, ACK }
#define IN_XDP .xdp = true

static const struct path snat[] = {
	{ "from_wire: established, SNAT, forward", ASKS(PORT, ACK), false, TCP_OPEN, TC_ACT_REDIRECT,
	  FLOOR_HIT, BY_NODE },
	{ "edge: established, SNAT, forward", ASKS(PORT, ACK), false, TCP_OPEN, XDP_TX, FLOOR_HIT,
	  BY_NODE, IN_XDP },
	{ "from_wire: established, SNAT, answers", ANSWERS, true, TCP_OPEN, TC_ACT_REDIRECT,
	  FLOOR_HIT, BY_NODE },
	{ "edge: established, SNAT, answers", ANSWERS, true, TCP_OPEN, XDP_TX, FLOOR_HIT, BY_NODE,
	  IN_XDP },
	{ "from_wire: of no service", ASKS(22, ACK), false, NO_FLOW, TC_ACT_OK, FLOOR_HIT },
	{ "edge: of no service", ASKS(22, ACK), false, NO_FLOW, XDP_PASS, FLOOR_HIT, IN_XDP },
};

static const struct path snat_new[] = {
	{ "from_wire: new connection, SNAT", ASKS(PORT, SYN), false, FRESH, TC_ACT_REDIRECT,
	  FLOOR_INSERT, OF_WEB },
	{ "edge: new connection, SNAT, left to from_wire", ASKS(PORT, SYN), false, FRESH, XDP_PASS,
	  FLOOR_INSERT, OF_WEB, IN_XDP },
};

static const struct path dsr[] = {
	{ "from_wire: established, DSR", ASKS(PORT, ACK), false, ONE_WAY, TC_ACT_REDIRECT, FLOOR_HIT,
	  OF_WEB },
	{ "edge: established, DSR", ASKS(PORT, ACK), false, ONE_WAY, XDP_TX, FLOOR_HIT, OF_WEB,
	  IN_XDP },
	{ "from_wire: new connection, DSR", ASKS(PORT, SYN), false, FRESH, TC_ACT_REDIRECT,
	  FLOOR_INSERT, OF_WEB },
	{ "edge: new connection, DSR", ASKS(PORT, SYN), false, FRESH, XDP_TX, FLOOR_INSERT, OF_WEB,
	  IN_XDP },
	{ "from_wire: of no service, with DSR", ASKS(22, ACK), false, NO_FLOW, TC_ACT_OK, FLOOR_HIT },
	{ "edge: of no service, with DSR", ASKS(22, ACK), false, NO_FLOW, XDP_PASS, FLOOR_HIT,
	  IN_XDP },
};

static const struct group {
	const char *name;
	const struct path *paths;
	size_t count;
	bool direct;
	uint16_t source_ports;
} groups[] = {
	{ "snat", snat, sizeof(snat) / sizeof(*snat), false, 1 },
	{ "snat-new", snat_new, sizeof(snat_new) / sizeof(*snat_new), false, MANY_PORTS },
	{ "dsr", dsr, sizeof(dsr) / sizeof(*dsr), true, 1 },
};

static const struct group *group;

static void measure_all(void)
{
	rules_start();
	frontend_put(HOST, PORT, IPPROTO_TCP, WEB, FRONTEND_EXTERNAL);
	backend_put(1, WEB, POD_AWAY, TARGET, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_empty(WEB, SERVICE_LOCAL, SERVICE_SILENT);
	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t i = 0; i < group->count; i++) {
			struct cost cost;

			cost_flush();
			cost = cost_measure(&group->paths[i], v6, 0, &effort);
			packet_report(group->paths[i].name, "", v6, cost.net,
				      floor_text(&group->paths[i]), cost.floor, 0);
		}
	}
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (argc > 1 && !strcmp(argv[1], groups[i].name))
			group = &groups[i];
	if (!group) {
		fprintf(stderr, "usage: %s snat|snat-new|dsr [--quick]\n", argv[0]);
		return 2;
	}
	return packet_main_with(argc, argv, "service-forward", measure_all, group->direct,
				group->source_ports);
}
