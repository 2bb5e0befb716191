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
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "health_server.h"

#define PROBLEM_MAX 512

/* By name of its Service. */
struct check {
	char *namespace, *name;
	uint16_t port;
	size_t ready_local;
};

struct health {
	struct health_server server;
	struct ip_addr *ips;
	size_t ip_count;
	struct check *checks;
	size_t check_count;
	bool changed;
	struct health_asker asker;
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

static char *body_of(const struct check *check, bool is_proxy_healthy)
{
	json_t *body = json_pack("{s:{s:s,s:s},s:I,s:b}", "service", "namespace", check->namespace,
				 "name", check->name, "localEndpoints",
				 (json_int_t)check->ready_local, "serviceProxyHealthy",
				 is_proxy_healthy);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	return text;
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct health *health = arg;
	const struct check *check = find_check(health, local_port(request));
	bool is_healthy = health->asker.is_proxy_healthy(health->asker.arg);
	cleanup(freep) char *text = check ? body_of(check, is_healthy) : NULL;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *buffer = evbuffer_new();

	connections_end_slow(&health->server.connections);
	if (text && buffer) {
		evbuffer_add_printf(buffer, "%s\n", text);
		evhttp_add_header(headers, "Content-Type", "application/json");
		evhttp_send_reply(request, is_healthy && check->ready_local ? 200 : 503, NULL,
				  buffer);
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
	health->asker.retried(health->asker.arg);
}

int health_new(struct health **ret, struct event_base *base, const struct health_asker *asker)
{
	struct health *health = calloc(1, sizeof(*health));

	if (!health)
		return -ENOMEM;
	health->asker = *asker;
	if (health_server_open(&health->server, base, on_retry, health) < 0) {
		health_free(health);
		return -ENOMEM;
	}
	evhttp_set_gencb(health->server.http, on_request, health);
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
	health_server_close(&health->server);
	for (size_t i = 0; i < health->check_count; i++)
		check_done(&health->checks[i]);
	free(health->checks);
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

void health_apply(struct health *health)
{
	if (!health->changed)
		return;
	health->changed = false;
	for (size_t i = 0; i < health->check_count; i++)
		for (size_t j = 0; j < health->ip_count; j++)
			doors_want(&health->server.doors, &health->ips[j],
				   health->checks[i].port);
	health_server_apply(&health->server);
}

/* The first one by name has the port. */
static void tell_double_ports(const struct health *health,
			      void (*fn)(const char *text, void *arg), void *arg)
{
	uint64_t seen[65536 / 64] = {};
	char text[PROBLEM_MAX];

	for (size_t i = 0; i < health->check_count; i++) {
		const struct check *check = &health->checks[i], *first;
		uint64_t bit = 1ull << check->port % 64;

		if (seen[check->port / 64] & bit) {
			first = find_check(health, check->port);
			snprintf(text, sizeof(text),
				 "Service %s/%s: spec.healthCheckNodePort: port %u is that of "
				 "Service %s/%s", check->namespace, check->name, check->port,
				 first->namespace, first->name);
			fn(text, arg);
		}
		seen[check->port / 64] |= bit;
	}
}

void health_each_problem(const struct health *health, void (*fn)(const char *text, void *arg),
			 void *arg)
{
	char text[PROBLEM_MAX], addr[ADDR_TEXT_MAX];

	tell_double_ports(health, fn, arg);
	for (size_t i = 0; i < health->server.doors.count; i++) {
		const struct door *door = &health->server.doors.items[i];
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
