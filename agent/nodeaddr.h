/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the addresses of its links are the node's in the eyes of others:
 *
 * agent->node_ips: the address of either family that backends elsewhere see, which the
 * programs are told (weir/state.h): the first address of the Node object that is here,
 * otherwise that of the uplink.
 *
 * agent->node_port_ips: on which NodePorts answer. With node-port-addresses the node's
 * addresses in those ranges; otherwise the addresses of its Node object that are here;
 * without any the uplink's; without those all by which others could reach it.
 */
#pragma once

#include "agent.h"

/*
 * To be called after each change of links, addresses or the Node object. @changed: those of
 * NodePorts did. 0, or a negative errno and they stay as they were.
 */
int node_addresses_update(struct agent *agent, bool *changed);

/* What the programs were told is not what they have: they have it again, and true. */
bool node_addresses_heal(struct agent *agent);
