/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address of this node that backends elsewhere see, of either family: connections from
 * outside to a service take it when they go on to another node (weir/state.h).
 */
#pragma once

#include "agent.h"

/*
 * Tells the programs: the address of the uplink; of an uplink without one, the first address
 * of the node's Node object that one of its links has. After each change of any of these.
 */
void node_address_update(struct agent *agent);
