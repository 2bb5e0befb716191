/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masquerade (weir/masquerade.h): which connections of pods are translated where they leave by
 * an uplink, and from which address. That is the node's address, as others know it
 * (nodeaddr.h), where the uplink has it; otherwise the first one that the uplink has; and the
 * node's where it has none.
 */
#pragma once

#include "agent.h"

/*
 * From now on, or from now on no new ones: as it is configured. After the programs of pods and
 * uplinks are in place. 0 or a negative errno.
 */
int masquerade_start(struct agent *agent);

/* After each change of links, addresses, Nodes or pod CIDRs. What fails is tried with the next. */
void masquerade_follow(struct agent *agent);
