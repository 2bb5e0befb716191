/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server that load balancers ask for health: bounded in connections, slow clients and
 * methods, at addresses that may change. A port that somebody else has is tried again.
 * Inside of health.h and node_health.h.
 */
#pragma once

#include <event2/event.h>

#include "control/connections.h"
#include "health_doors.h"

struct health_server {
	struct event_base *base; /* borrowed */
	struct evhttp *http;
	struct connections connections;
	struct event *retry;
	struct doors doors;
};

/* @on_retry is called when it is time to apply again. 0, or -ENOMEM: close it all the same. */
int health_server_open(struct health_server *server, struct event_base *base,
		       event_callback_fn on_retry, void *arg);

/* After doors_want(): opens what is wanted, closes all else, and tries again what failed. */
void health_server_apply(struct health_server *server);

/* Of zeroes too. */
void health_server_close(struct health_server *server);
