/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own network as policy sees it: its addresses, and the device to the outside. */
#pragma once

#include "agent.h"

/* Read addresses and uplink, and follow their changes. 0 or a negative errno. */
int uplink_watch(struct agent *agent);

/* The programs of the wire on the uplink, if there is one. */
int uplink_attach(struct agent *agent);
