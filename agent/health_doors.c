// SPDX-License-Identifier: Apache-2.0
#include "health_doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define BACKLOG 64

static struct evconnlistener *listen_on(struct event_base *base, const struct door *door)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(door->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(door->port) };
	unsigned int flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;

	if (ip_addr_is_v4(&door->addr)) {
		v4.sin_addr.s_addr = door->addr.words[3];
		return evconnlistener_new_bind(base, NULL, NULL, flags, BACKLOG,
					       (struct sockaddr *)&v4, sizeof(v4));
	}
	memcpy(&v6.sin6_addr, &door->addr, sizeof(v6.sin6_addr));
	return evconnlistener_new_bind(base, NULL, NULL, flags | LEV_OPT_BIND_IPV6ONLY, BACKLOG,
				       (struct sockaddr *)&v6, sizeof(v6));
}

static int open_door(struct door *door, struct evhttp *http, struct event_base *base)
{
	struct evconnlistener *listener;

	errno = 0;
	listener = listen_on(base, door);
	if (!listener)
		return -errno ?: -ENOMEM;
	door->socket = evhttp_bind_listener(http, listener);
	if (door->socket)
		return 0;
	evconnlistener_free(listener);
	return -ENOMEM;
}

void doors_want(struct doors *doors, const struct ip_addr *addr, uint16_t port)
{
	size_t room = doors->room * 2 ?: 8;
	struct door *items;

	for (size_t i = 0; i < doors->count; i++) {
		struct door *door = &doors->items[i];

		if (door->port == port && ip_addr_equal(&door->addr, addr)) {
			door->wanted = true;
			return;
		}
	}
	if (doors->count == doors->room) {
		items = reallocarray(doors->items, room, sizeof(*items));
		if (!items) {
			log_error("port %u cannot be opened: out of memory", port);
			return;
		}
		doors->items = items;
		doors->room = room;
	}
	doors->items[doors->count++] = (struct door){ .addr = *addr, .port = port, .wanted = true };
}

/* First, so that a port that moves is free for its next one. */
static void close_unwanted(struct doors *doors, struct evhttp *http)
{
	size_t kept = 0;

	for (size_t i = 0; i < doors->count; i++) {
		if (doors->items[i].wanted)
			doors->items[kept++] = doors->items[i];
		else if (doors->items[i].socket)
			evhttp_del_accept_socket(http, doors->items[i].socket);
	}
	doors->count = kept;
}

bool doors_apply(struct doors *doors, struct evhttp *http, struct event_base *base)
{
	bool all = true;

	close_unwanted(doors, http);
	for (size_t i = 0; i < doors->count; i++) {
		struct door *door = &doors->items[i];

		door->error = door->socket ? 0 : open_door(door, http, base);
		door->wanted = false;
		all &= !door->error;
	}
	return all;
}

void doors_done(struct doors *doors)
{
	free(doors->items);
	*doors = (struct doors){};
}
