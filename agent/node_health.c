// SPDX-License-Identifier: Apache-2.0
#include "node_health.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent.h"
#include "base/clock.h"
#include "health_server.h"
#include "services.h"

#define PROBLEM_MAX 256

struct node_health {
	struct health_server server;
	time_t updated; /* services were as the objects say */
};

static bool is_being_deleted(const struct agent *agent)
{
	const char *name = agent->config.node_name;
	const struct object *obj = store_get(agent->store, OBJECT_NODE, "", name);

	return obj && obj->node.deleting;
}

static void answer(struct evhttp_request *request, const struct agent *agent, bool healthy)
{
	struct evbuffer *buffer = evbuffer_new();
	char updated[CLOCK_TEXT_MAX], now[CLOCK_TEXT_MAX];

	if (!buffer) {
		evhttp_send_error(request, 500, NULL);
		return;
	}
	evbuffer_add_printf(buffer,
			    "{\"lastUpdated\":\"%s\",\"currentTime\":\"%s\",\"nodeEligible\":%s}\n",
			    clock_text(updated, agent->node_health->updated),
			    clock_text(now, time(NULL)), is_being_deleted(agent) ? "false" : "true");
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
			  "application/json");
	evhttp_send_reply(request, healthy ? 200 : 503, NULL, buffer);
	evbuffer_free(buffer);
}

static void on_ready(struct evhttp_request *request, void *arg)
{
	const struct agent *agent = arg;

	connections_end_slow(&agent->node_health->server.connections);
	answer(request, agent, !agent_services_stale(agent) && !is_being_deleted(agent));
}

static void on_live(struct evhttp_request *request, void *arg)
{
	const struct agent *agent = arg;

	connections_end_slow(&agent->node_health->server.connections);
	answer(request, agent, !agent_services_stale(agent));
}

/* The same again as long as it is not open. */
static void open_door(struct agent *agent)
{
	struct health_server *server = &agent->node_health->server;

	doors_want(&server->doors, &agent->config.health_ip, agent->config.health_port);
	health_server_apply(server);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	open_door(arg);
	service_problems_update(arg);
}

int node_health_open(struct agent *agent)
{
	struct node_health *health;

	if (!agent->config.health_port)
		return 0;
	health = agent->node_health = calloc(1, sizeof(*health));
	if (!health)
		return -ENOMEM;
	health->updated = time(NULL);
	if (health_server_open(&health->server, agent->base, on_retry, agent) < 0 ||
	    evhttp_set_cb(health->server.http, "/healthz", on_ready, agent) < 0 ||
	    evhttp_set_cb(health->server.http, "/livez", on_live, agent) < 0)
		return -ENOMEM;
	open_door(agent);
	return 0;
}

void node_health_close(struct agent *agent)
{
	struct node_health *health = agent->node_health;

	if (!health)
		return;
	health_server_close(&health->server);
	free(health);
	agent->node_health = NULL;
}

void node_health_applied(struct agent *agent, bool failed)
{
	struct node_health *health = agent->node_health;

	if (health && !failed)
		health->updated = time(NULL);
}

void node_health_each_problem(const struct agent *agent, void (*fn)(const char *text, void *arg),
			      void *arg)
{
	const struct node_health *health = agent->node_health;
	char text[PROBLEM_MAX], addr[ADDR_TEXT_MAX];

	for (size_t i = 0; health && i < health->server.doors.count; i++) {
		const struct door *door = &health->server.doors.items[i];

		if (!door->error)
			continue;
		snprintf(text, sizeof(text),
			 "health-address: port %u of %s cannot be opened: %s; it is tried again",
			 door->port, addr_text(addr, &door->addr), strerror(-door->error));
		fn(text, arg);
	}
}
