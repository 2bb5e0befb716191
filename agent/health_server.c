// SPDX-License-Identifier: Apache-2.0
#include "health_server.h"

#include <errno.h>
#include <event2/http.h>

#define IDLE_S 5
#define RETRY_S 5

int health_server_open(struct health_server *server, struct event_base *base,
		       event_callback_fn on_retry, void *arg)
{
	server->base = base;
	server->http = evhttp_new(base);
	server->retry = evtimer_new(base, on_retry, arg);
	if (!server->http || !server->retry ||
	    connections_open(&server->connections, server->http, base) < 0)
		return -ENOMEM;
	evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_timeout(server->http, IDLE_S);
	return 0;
}

void health_server_apply(struct health_server *server)
{
	const struct timeval later = { .tv_sec = RETRY_S };

	if (!doors_apply(&server->doors, server->http, server->base))
		evtimer_add(server->retry, &later);
}

void health_server_close(struct health_server *server)
{
	connections_close(&server->connections);
	if (server->http)
		evhttp_free(server->http);
	if (server->retry)
		event_free(server->retry);
	doors_done(&server->doors);
}
