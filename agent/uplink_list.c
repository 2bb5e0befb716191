// SPDX-License-Identifier: Apache-2.0
/* What uplinks there are, without the ways to change them. */
#include "uplink.h"

bool uplink_is(const struct agent *agent, uint32_t ifindex)
{
	for (size_t i = 0; i < agent->uplink_count; i++)
		if (ifindex && agent->uplinks[i].ifindex == ifindex)
			return true;
	return false;
}

const struct uplink_xdp *uplink_xdp(const struct agent *agent)
{
	for (size_t i = 0; i < agent->uplink_count; i++)
		if (agent->uplink_xdp[i].problem[0])
			return &agent->uplink_xdp[i];
	return &agent->uplink_xdp[0];
}

unsigned int uplink_mtu(const struct agent *agent)
{
	unsigned int mtu = 0;

	for (size_t i = 0; i < agent->uplink_count; i++)
		if (agent->uplinks[i].ifindex && (!mtu || agent->uplinks[i].mtu < mtu))
			mtu = agent->uplinks[i].mtu;
	return mtu;
}
