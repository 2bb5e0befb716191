/* SPDX-License-Identifier: Apache-2.0 */
/* Where the tests of sockets play: a network namespace and a cgroup of their own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "weir/types.h"

enum place {
	NOWHERE,
	BACKEND_1, /* addresses of this namespace */
	BACKEND_2,
	BACKEND_3,
	PLAIN, /* one more of them, in no service */
	SERVICE, /* addresses that nobody has */
	SERVICE_2,
	PLACES,
};

struct ip_addr place_addr(enum place place, bool v6);

/* NULL, or why there can be no such place here. */
const char *place_refuses(void);

/* A new namespace with the addresses above. Ends the process when it cannot be made. */
void place_network(void);

/* A new cgroup, which the caller enters; it goes with the process. Returns its path. */
const char *place_cgroup(void);

/* Of the caller's network namespace. */
uint64_t place_netns(void);

/* Ends the process: nothing can be tested. */
void place_die(const char *what, int err) __attribute__((noreturn));
