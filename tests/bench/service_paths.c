// SPDX-License-Identifier: Apache-2.0
#include "service_paths.h"

#include <linux/pkt_cls.h>
#include <netinet/in.h>

#include "services.h"

#define PORT 80
#define TARGET 443 /* the rules let it pass (packet_rules.h) */
#define DNS 53
#define BYSTANDER_MOST 1.05

enum {
	WEB = 1,
	NAMES,
};

#define OF_VIP { VIP, POD_B, PORT, TARGET }
#define OF_VIP_NAMES { VIP, POD_B, DNS, DNS }
#define THERE(kind, sport, dport, ...) { kind, POD_A, VIP, sport, dport, __VA_ARGS__ }
#define DIRECT(kind, sport, dport, ...) { kind, POD_A, POD_B, sport, dport, __VA_ARGS__ }
#define BACK(kind, sport, dport, ...) { kind, POD_B, POD_A, sport, dport, __VA_ARGS__ }

const struct service_path service_paths[SERVICE_PATHS] = {
	{ { "from_pod: established, to a ClusterIP, TCP", THERE(PACKET_TCP, 1024, PORT, ACK),
	    false, TCP_OPEN, TC_ACT_REDIRECT, FLOOR_HIT, OF_VIP },
	  { "direct", DIRECT(PACKET_TCP, 1024, TARGET, ACK), false, TCP_OPEN, TC_ACT_REDIRECT },
	  1, true },
	{ { "from_pod: established, answers of a ClusterIP, TCP",
	    BACK(PACKET_TCP, TARGET, 1024, ACK), true, TCP_OPEN, TC_ACT_REDIRECT, FLOOR_HIT,
	    OF_VIP },
	  { "direct", BACK(PACKET_TCP, TARGET, 1024, ACK), true, TCP_OPEN, TC_ACT_REDIRECT },
	  0, true },
	{ { "from_pod: established, to a ClusterIP, UDP", THERE(PACKET_UDP, 1024, DNS), false,
	    ANSWERED, TC_ACT_REDIRECT, FLOOR_HIT, OF_VIP_NAMES },
	  { "direct", DIRECT(PACKET_UDP, 1024, DNS), false, ANSWERED, TC_ACT_REDIRECT },
	  1, true },
	{ { "from_pod: established, answers of a ClusterIP, UDP", BACK(PACKET_UDP, DNS, 1024),
	    true, ANSWERED, TC_ACT_REDIRECT, FLOOR_HIT, OF_VIP_NAMES },
	  { "direct", BACK(PACKET_UDP, DNS, 1024), true, ANSWERED, TC_ACT_REDIRECT },
	  0, true },
	{ { "from_pod: new connection, to a ClusterIP, TCP", THERE(PACKET_TCP, 1024, PORT, SYN),
	    false, FRESH, TC_ACT_REDIRECT, FLOOR_INSERT, OF_VIP },
	  { "direct", DIRECT(PACKET_TCP, 1024, TARGET, SYN), false, FRESH, TC_ACT_REDIRECT,
	    FLOOR_INSERT } },
};

const struct bystander bystanders[BYSTANDERS] = {
	{ { "from_pod: of no service, established, TCP", DIRECT(PACKET_TCP, 1024, 80, ACK),
	    false, TCP_OPEN, TC_ACT_REDIRECT }, 0, BYSTANDER_MOST },
	{ { "from_pod: of no service, established, answers, TCP",
	    BACK(PACKET_TCP, 80, 1024, ACK), true, TCP_OPEN, TC_ACT_REDIRECT },
	  0, BYSTANDER_MOST },
	{ { "from_pod: of no service, new connection, TCP", DIRECT(PACKET_TCP, 1024, 80, SYN),
	    false, FRESH, TC_ACT_REDIRECT, FLOOR_INSERT }, 1 },
};

void service_paths_start(void)
{
	frontend_put(VIP, PORT, IPPROTO_TCP, WEB, FRONTEND_WHOLE);
	frontend_put(VIP, DNS, IPPROTO_UDP, NAMES, FRONTEND_WHOLE);
	backend_put(1, WEB, POD_B, TARGET, BACKEND_IN_CLUSTER);
	backend_put(2, NAMES, POD_B, DNS, BACKEND_IN_CLUSTER);
	set_put(WEB, SERVICE_CLUSTER, 1, 1);
	set_put(NAMES, SERVICE_CLUSTER, 2, 1);
	services_set(1);
}
