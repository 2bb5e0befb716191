/* SPDX-License-Identifier: Apache-2.0 */
/* Where an HTTP server listens, which changes while it runs. Inside of health_server.h. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct evhttp;
struct evhttp_bound_socket;

/* An address and port that is open, or could not be opened. */
struct door {
	struct ip_addr addr;
	uint16_t port;
	bool wanted; /* since the last doors_apply() */
	struct evhttp_bound_socket *socket; /* NULL: not open */
	int error; /* why: negative errno */
};

/* Zero is none. */
struct doors {
	struct door *items;
	size_t count, room;
};

void doors_want(struct doors *doors, const struct ip_addr *addr, uint16_t port);

/* Opens what was wanted since the last call, and closes all else. False: something is not open. */
bool doors_apply(struct doors *doors, struct evhttp *http, struct event_base *base);

/* The sockets are the server's. */
void doors_done(struct doors *doors);
