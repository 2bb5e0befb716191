// SPDX-License-Identifier: Apache-2.0
/* Real sockets, of either family and of both at once. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "socket_world.h"

#define PATIENCE_MS 20000

const struct way ways[6] = {
	{ SPEAK_4, SOCK_STREAM }, { SPEAK_6, SOCK_STREAM }, { SPEAK_MAPPED, SOCK_STREAM },
	{ SPEAK_4, SOCK_DGRAM },  { SPEAK_6, SOCK_DGRAM },  { SPEAK_MAPPED, SOCK_DGRAM },
};

union name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t name_of(union name *ret, struct way way, enum place place, uint16_t port)
{
	struct ip_addr addr = place_addr(place, is_v6(way.speech));

	memset(ret, 0, sizeof(*ret));
	if (way.speech == SPEAK_4) {
		ret->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
						.sin_addr.s_addr = addr.words[3] };
		return sizeof(ret->v4);
	}
	ret->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&ret->v6.sin6_addr, &addr, sizeof(addr));
	return sizeof(ret->v6);
}

static enum place place_of(const union name *name, struct way way, uint16_t *port)
{
	struct ip_addr addr, other;

	ck_assert_int_eq(name->any.sa_family, way.speech == SPEAK_4 ? AF_INET : AF_INET6);
	if (way.speech == SPEAK_4) {
		ip_addr_set_v4(&addr, name->v4.sin_addr.s_addr);
		*port = ntohs(name->v4.sin_port);
	} else {
		memcpy(&addr, &name->v6.sin6_addr, sizeof(addr));
		*port = ntohs(name->v6.sin6_port);
	}
	for (int place = NOWHERE + 1; place < PLACES; place++) {
		other = place_addr((enum place)place, is_v6(way.speech));
		if (ip_addr_equal(&addr, &other))
			return (enum place)place;
	}
	return NOWHERE;
}

int client(struct way way)
{
	int fd = socket(way.speech == SPEAK_4 ? AF_INET : AF_INET6, way.type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

int server(struct way way, enum place place)
{
	int fd = client(way), yes = 1;
	union name name;
	socklen_t length = name_of(&name, way, place, BACKEND_PORT);

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
	ck_assert_int_eq(bind(fd, &name.any, length), 0);
	if (way.type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 128), 0);
	return fd;
}

int connect_to(int fd, struct way way, enum place place, uint16_t port)
{
	union name name;
	socklen_t length = name_of(&name, way, place, port);

	return connect(fd, &name.any, length) ? -errno : 0;
}

int send_to(int fd, struct way way, enum place place, uint16_t port)
{
	union name name;
	socklen_t length = name_of(&name, way, place, port);

	return sendto(fd, "?", 1, 0, &name.any, length) == 1 ? 0 : -errno;
}

enum place heard_from(int fd, struct way way, uint16_t *port)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	union name name = {};
	socklen_t length = sizeof(name);
	char data;

	ck_assert_int_eq(poll(&poll_fd, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(recvfrom(fd, &data, 1, 0, &name.any, &length), 1);
	return place_of(&name, way, port);
}

enum place peer_of(int fd, struct way way, uint16_t *port)
{
	union name name = {};
	socklen_t length = sizeof(name);

	ck_assert_int_eq(getpeername(fd, &name.any, &length), 0);
	return place_of(&name, way, port);
}

void servers_open(int ret[PLACES], struct way way)
{
	for (int place = 0; place < PLACES; place++)
		ret[place] = place >= BACKEND_1 && place <= PLAIN ? server(way, (enum place)place) :
								    -1;
}

/* A datagram is answered, so that the client can see who seems to have done it. */
static void serve(int fd, struct way way)
{
	union name name = {};
	socklen_t length = sizeof(name);
	char data;

	if (way.type == SOCK_STREAM) {
		int accepted = accept(fd, &name.any, &length);

		ck_assert_int_ge(accepted, 0);
		close(accepted);
		return;
	}
	ck_assert_int_eq(recvfrom(fd, &data, 1, 0, &name.any, &length), 1);
	ck_assert_int_eq(sendto(fd, "!", 1, 0, &name.any, length), 1);
}

enum place served_by(const int servers[PLACES], struct way way)
{
	struct pollfd fds[PLACES];

	for (int i = 0; i < PLACES; i++)
		fds[i] = (struct pollfd){ .fd = servers[i], .events = POLLIN };
	ck_assert_int_eq(poll(fds, PLACES, PATIENCE_MS), 1);
	for (int i = 0; i < PLACES; i++) {
		if (!fds[i].revents)
			continue;
		serve(servers[i], way);
		return (enum place)i;
	}
	return NOWHERE;
}
