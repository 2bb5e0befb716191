/* SPDX-License-Identifier: Apache-2.0 */
/* The end of weir on a device that goes on without it: another plugin's link, a former uplink. */
#pragma once

#include "net/net.h"

/* Take the filters away, and the qdisc if it was made for them and nobody else uses it. */
void unguard(struct net *net, const char *bpffs, uint32_t ifindex);
