/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways from one pod to another, which take turns in a measurement. A JSON list on
 * stdin says which there are (pairs.py):
 *
 *	[{"name": ..., "forward": false, "target": IP, "a": END, "b": END}]
 *	END: {"netns": PATH, "ifname": ..., "mac": ..., "ips": [IPV4, IPV6],
 *	      "host_netns": PATH, "host_ifname": ..., "host_mac": ...}
 *
 * The first is weir, the second what it is measured against. "target", which may be left
 * out, is an address by which the client reaches the server: a service's.
 */
#pragma once

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAYS_MAX 16

struct end {
	char *netns, *ifname, *host_netns, *host_ifname;
	char *ips[2];
	uint8_t mac[ETH_ALEN], host_mac[ETH_ALEN];
};

struct way {
	char *name;
	char *target; /* NULL: the server's own address */
	bool forward; /* by the minimal program, which knows one direction and IPv4 */
	struct end ends[2]; /* client, server */
};

enum {
	WAY_WEIR,
	WAY_PLAIN,
};

/* How many ways there are, at least two. */
size_t ways_read(struct way ways[static WAYS_MAX]);
void ways_free(struct way *ways, size_t count);

/* This thread goes into a network namespace. */
void enter(const char *netns);
