// SPDX-License-Identifier: Apache-2.0
/* What is left of connections that an HTTP server has ended. */
#include "lib/check_main.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/connections.h"

#define FILES 4
#define ROUNDS 10 /* of the loop, for what is deferred */

/* How calls end: by the server, by a client that keeps alive and goes, by one that asks nothing. */
static const struct ending {
	const char *request;
	bool by_client;
} endings[] = {
	{ "GET / HTTP/1.0\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
	{ "", true },
	{ "GET / HTTP/1.1\r\nHo", true },
	{ "nonsense\r\n\r\n" },
};

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct connections connections;
	struct sockaddr_in addr;
	int fd; /* of the connection that was answered last */
};

static void on_request(struct evhttp_request *request, void *arg)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct server *server = arg;

	server->fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
	evhttp_send_reply(request, 200, "OK", NULL);
}

static void open_server(struct server *server)
{
	struct evhttp_bound_socket *bound;
	socklen_t length = sizeof(server->addr);

	*server = (struct server){ .base = event_base_new(), .fd = -1 };
	server->http = evhttp_new(server->base);
	ck_assert_int_eq(connections_open(&server->connections, server->http, server->base), 0);
	evhttp_set_gencb(server->http, on_request, server);
	bound = evhttp_bind_socket_with_handle(server->http, "127.0.0.1", 0);
	ck_assert_ptr_nonnull(bound);
	ck_assert_int_eq(getsockname(evhttp_bound_socket_get_fd(bound),
				     (struct sockaddr *)&server->addr, &length), 0);
}

static void close_server(struct server *server)
{
	connections_close(&server->connections);
	evhttp_free(server->http);
	event_base_free(server->base);
}

/* A call and its end, as far as the server has seen both. */
static void call(struct server *server, const struct ending *ending)
{
	int client = socket(AF_INET, SOCK_STREAM, 0);
	size_t length = strlen(ending->request);
	char answer[256];

	ck_assert_int_eq(connect(client, (struct sockaddr *)&server->addr,
				 sizeof(server->addr)), 0);
	ck_assert_int_eq(write(client, ending->request, length), length);
	ck_assert_int_eq(fcntl(client, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < ROUNDS; i++)
		event_base_loop(server->base, EVLOOP_NONBLOCK);
	if (!ending->by_client)
		while (read(client, answer, sizeof(answer)) != 0)
			ck_assert(errno == 0 || errno == EAGAIN);
	close(client);
	for (int i = 0; i < ROUNDS; i++)
		event_base_loop(server->base, EVLOOP_NONBLOCK);
}

static void on_heard(evutil_socket_t fd, short what, void *arg)
{
	*(bool *)arg = true;
}

/* The file stays open, so that the next one has another number. */
static struct event *expect_next_file_to_be_heard(struct server *server)
{
	struct event *event;
	bool heard = false;
	int fd = eventfd(1, 0); /* there is something to read from the start */

	ck_assert_int_ge(fd, 0);
	event = event_new(server->base, fd, EV_READ, on_heard, &heard);
	ck_assert_int_eq(event_add(event, NULL), 0);
	event_base_loop(server->base, EVLOOP_NONBLOCK);
	ck_assert_msg(heard, "nothing was heard of file %d", fd);
	return event;
}

/* Files get the lowest numbers that are free: libevent must not know these any more. */
START_TEST(files_that_are_opened_after_a_call_are_heard)
{
	struct event *heard[FILES];
	struct server server;

	open_server(&server);
	call(&server, &endings[_i]);
	for (int i = 0; i < FILES; i++)
		heard[i] = expect_next_file_to_be_heard(&server);
	for (int i = 0; i < FILES; i++) {
		close(event_get_fd(heard[i]));
		event_free(heard[i]);
	}
	close_server(&server);
}
END_TEST

START_TEST(connections_that_are_over_are_closed)
{
	struct server server;

	open_server(&server);
	for (int i = 0; i < 3 * CONNECTIONS_FEW; i++)
		call(&server, &endings[0]);
	ck_assert_uint_le(server.connections.count, CONNECTIONS_FEW + 1);
	connections_end_slow(&server.connections);
	ck_assert_uint_eq(server.connections.count, 0);
	event_base_loop(server.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(fcntl(server.fd, F_GETFD), -1);
	close_server(&server);
}
END_TEST

CHECK_MAIN("connections", CHECK_LOOP(files_that_are_opened_after_a_call_are_heard, endings),
	   CHECK_TEST(connections_that_are_over_are_closed))
