// SPDX-License-Identifier: Apache-2.0
/* What a pod may send, and where it goes. Policy, connections and neighbours have their own. */
#include "engine_main.h"

static const struct scene delivery[] = {
	{ "TCP to a pod of this node", BOTH, {
		{ FROM_POD, { PACKET_TCP, POD_A, POD_B, 4000, 80, SYN } } } },
};

START_TEST(packets_go_where_they_belong)
{
	PLAY(delivery);
}
END_TEST

ENGINE_MAIN("from_pod", SCENES(packets_go_where_they_belong, delivery))
