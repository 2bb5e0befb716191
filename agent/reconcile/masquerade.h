/* SPDX-License-Identifier: Apache-2.0 */
/* What the datapath knows of masquerade, written so that it fits what is wanted. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "datapath/datapath.h"
#include "weir/masquerade.h"

struct masquerade_wanted {
	bool on;
	const struct masquerade_source *sources; /* of new connections; at most one a link and family */
	size_t source_count;
	const struct prefix *unmasqueraded;
	size_t unmasqueraded_count;
	bool keep_unmasqueraded; /* they are not all known yet: what is there stays */
	const struct ip_addr *host_ips; /* connections keep their source as long as it is here */
	size_t host_ip_count;
};

/*
 * Connections that are masqueraded already go on, whatever is wanted, as long as the node has
 * their address. 0; -ENOSPC: there are more addresses than the datapath has numbers for, and
 * the rest has none; or another negative errno.
 */
int masquerade_write(struct datapath *dp, const struct masquerade_wanted *wanted);
