/* SPDX-License-Identifier: Apache-2.0 */
/* Host ports of pods, as the CNI plugin was told them (capability portMappings). */
#pragma once

#include "agent.h"

/* Host ports of all endpoints into nftables. 0 or a negative errno. */
int ports_apply(struct agent *agent);

/*
 * The host ports of @ep are somebody else's now: so is UDP to them that was known before. What
 * cannot be is logged.
 */
void ports_forget_datagrams(const struct pod_endpoint *ep);

/* Whether a host port of @ep is one of IPv4 loopback addresses, alone or among all others. */
bool ports_at_loopback(const struct pod_endpoint *ep);

/* Logs the host ports of @ep that not everybody reaches who might expect it. */
void ports_warn(const struct pod_endpoint *ep);
