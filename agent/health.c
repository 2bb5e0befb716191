// SPDX-License-Identifier: Apache-2.0
/*
 * One HTTP server for all Services: the port that a request came to says whose it is. So all
 * of them together have the bounds of one (control/connections.h).
 */
#include "health.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "control/connections.h"

#define IDLE_S 5
#define RETRY_S 5
#define BACKLOG 64
#define PROBLEM_MAX 512

/* An address and port that is open, or could not be opened. */
struct door {
	struct ip_addr addr;
	uint16_t port;
	bool wanted;
	struct evhttp_bound_socket *socket; /* NULL: not open */
	int error; /* why: negative errno */
};

/* By name of its Service. */
struct check {
	char *namespace, *name;
	uint16_t port;
	size_t ready_local;
};

struct health {
	struct event_base *base;
	struct evhttp *http;
	struct connections connections;
	struct event *retry;
	struct ip_addr *ips;
	size_t ip_count;
	struct check *checks;
	size_t check_count;
	struct door *doors;
	size_t door_count, door_room;
	bool changed;
};

static struct check *find_check(const struct health *health, uint16_t port)
{
	for (size_t i = 0; i < health->check_count; i++)
		if (health->checks[i].port == port)
			return &health->checks[i];
	return NULL;
}

/* 0: it is not known. */
static uint16_t local_port(struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
	struct sockaddr_storage addr = {};
	socklen_t length = sizeof(addr);

	if (getsockname(bufferevent_getfd(stream), (struct sockaddr *)&addr, &length) < 0)
		return 0;
	if (addr.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&addr)->sin_port);
	return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
}

static char *body_of(const struct check *check)
{
	json_t *body = json_pack("{s:{s:s,s:s},s:I,s:b}", "service", "namespace", check->namespace,
				 "name", check->name, "localEndpoints",
				 (json_int_t)check->ready_local, "serviceProxyHealthy", 1);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	return text;
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct health *health = arg;
	const struct check *check = find_check(health, local_port(request));
	cleanup(freep) char *text = check ? body_of(check) : NULL;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *buffer = evbuffer_new();

	connections_end_slow(&health->connections);
	if (text && buffer) {
		evbuffer_add_printf(buffer, "%s\n", text);
		evhttp_add_header(headers, "Content-Type", "application/json");
		evhttp_send_reply(request, check->ready_local ? 200 : 503, NULL, buffer);
	} else {
		evhttp_send_error(request, check ? 500 : 404, NULL);
	}
	if (buffer)
		evbuffer_free(buffer);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct health *health = arg;

	health->changed = true;
	health_apply(health);
}

int health_new(struct health **ret, struct event_base *base)
{
	struct health *health = calloc(1, sizeof(*health));

	if (!health)
		return -ENOMEM;
	health->base = base;
	health->http = evhttp_new(base);
	health->retry = evtimer_new(base, on_retry, health);
	if (!health->http || !health->retry ||
	    connections_open(&health->connections, health->http, base) < 0) {
		health_free(health);
		return -ENOMEM;
	}
	evhttp_set_allowed_methods(health->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_timeout(health->http, IDLE_S);
	evhttp_set_gencb(health->http, on_request, health);
	*ret = health;
	return 0;
}

static void check_done(struct check *check)
{
	free(check->namespace);
	free(check->name);
}

void health_free(struct health *health)
{
	if (!health)
		return;
	connections_close(&health->connections);
	if (health->http)
		evhttp_free(health->http);
	if (health->retry)
		event_free(health->retry);
	for (size_t i = 0; i < health->check_count; i++)
		check_done(&health->checks[i]);
	free(health->checks);
	free(health->doors);
	free(health->ips);
	free(health);
}

void health_set_addresses(struct health *health, const struct ip_addr *ips, size_t count)
{
	size_t size = count * sizeof(*ips);
	struct ip_addr *copy;

	if (count == health->ip_count && (!count || !memcmp(ips, health->ips, size)))
		return;
	copy = malloc(size + 1);
	if (!copy)
		return;
	if (count)
		memcpy(copy, ips, size);
	free(health->ips);
	health->ips = copy;
	health->ip_count = count;
	health->changed = true;
}

/* Where it is, or would be: false. */
static bool find_service(size_t *ret, const struct health *health,
			 const struct service_images *images)
{
	size_t low = 0, high = health->check_count, middle;
	int order;

	while (low < high) {
		middle = (low + high) / 2;
		order = strcmp(health->checks[middle].namespace, images->namespace) ?:
				strcmp(health->checks[middle].name, images->name);
		if (!order) {
			*ret = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low;
	return false;
}

static struct check *add_check(struct health *health, size_t index,
			       const struct service_images *images)
{
	struct check *checks, check = { strdup(images->namespace), strdup(images->name) };

	checks = check.namespace && check.name ?
			 reallocarray(health->checks, health->check_count + 1, sizeof(*checks)) :
			 NULL;
	if (!checks) {
		check_done(&check);
		return NULL;
	}
	health->checks = checks;
	memmove(&checks[index + 1], &checks[index],
		(health->check_count++ - index) * sizeof(*checks));
	checks[index] = check;
	return &checks[index];
}

void health_set(struct health *health, const struct service_images *images)
{
	uint16_t port = images->count ? images->health_port : 0;
	struct check *check = NULL;
	size_t index;

	if (find_service(&index, health, images))
		check = &health->checks[index];
	else if (port)
		check = add_check(health, index, images);
	if (!check)
		return;
	health->changed |= check->port != port;
	check->port = port;
	check->ready_local = images->ready_local;
	if (port)
		return;
	check_done(check);
	memmove(check, check + 1, (--health->check_count - index) * sizeof(*check));
}

static int open_door(struct health *health, struct door *door)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(door->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(door->port) };
	bool is_v4 = ip_addr_is_v4(&door->addr);
	struct evconnlistener *listener;

	v4.sin_addr.s_addr = door->addr.words[3];
	memcpy(&v6.sin6_addr, &door->addr, sizeof(v6.sin6_addr));
	errno = 0;
	listener = evconnlistener_new_bind(health->base, NULL, NULL,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
						   LEV_OPT_REUSEABLE | LEV_OPT_BIND_IPV6ONLY,
					   BACKLOG, is_v4 ? (struct sockaddr *)&v4 :
							    (struct sockaddr *)&v6,
					   is_v4 ? (int)sizeof(v4) : (int)sizeof(v6));
	if (!listener)
		return -errno ?: -ENOMEM;
	door->socket = evhttp_bind_listener(health->http, listener);
	if (door->socket)
		return 0;
	evconnlistener_free(listener);
	return -ENOMEM;
}

static void want_door(struct health *health, const struct ip_addr *addr, uint16_t port)
{
	size_t room = health->door_room * 2 ?: 8;
	struct door *doors;

	for (size_t i = 0; i < health->door_count; i++) {
		struct door *door = &health->doors[i];

		if (door->port == port && ip_addr_equal(&door->addr, addr)) {
			door->wanted = true;
			return;
		}
	}
	if (health->door_count == health->door_room) {
		doors = reallocarray(health->doors, room, sizeof(*doors));
		if (!doors)
			return;
		health->doors = doors;
		health->door_room = room;
	}
	health->doors[health->door_count++] =
		(struct door){ .addr = *addr, .port = port, .wanted = true };
}

/* Of the doors those that nobody wants any more. */
static void close_doors(struct health *health)
{
	size_t kept = 0;

	for (size_t i = 0; i < health->door_count; i++) {
		if (health->doors[i].wanted)
			health->doors[kept++] = health->doors[i];
		else if (health->doors[i].socket)
			evhttp_del_accept_socket(health->http, health->doors[i].socket);
	}
	health->door_count = kept;
}

void health_apply(struct health *health)
{
	const struct timeval later = { .tv_sec = RETRY_S };
	bool missing = false;

	if (!health->changed)
		return;
	health->changed = false;
	for (size_t i = 0; i < health->door_count; i++)
		health->doors[i].wanted = false;
	for (size_t i = 0; i < health->check_count; i++)
		for (size_t j = 0; j < health->ip_count; j++)
			want_door(health, &health->ips[j], health->checks[i].port);
	close_doors(health);
	for (size_t i = 0; i < health->door_count; i++) {
		struct door *door = &health->doors[i];

		door->error = door->socket ? 0 : open_door(health, door);
		missing |= door->error < 0;
	}
	if (missing)
		evtimer_add(health->retry, &later);
}

void health_each_problem(const struct health *health, void (*fn)(const char *text, void *arg),
			 void *arg)
{
	char text[PROBLEM_MAX], addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < health->door_count; i++) {
		const struct door *door = &health->doors[i];
		const struct check *check = door->error ? find_check(health, door->port) : NULL;

		if (!check)
			continue;
		snprintf(text, sizeof(text),
			 "Service %s/%s: spec.healthCheckNodePort: port %u of %s cannot be opened: "
			 "%s; it is tried again", check->namespace, check->name, door->port,
			 addr_text(addr, &door->addr), strerror(-door->error));
		fn(text, arg);
	}
}
