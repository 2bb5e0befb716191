// SPDX-License-Identifier: Apache-2.0
#include "lib/check_main.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/client.h"

#define PATIENCE_MS 20000
#define SHORT_MS 50

/* Serves one connection: keeps the request, sends @answer in pieces, closes or waits. */
struct server {
	char path[64];
	int listener;
	const char *answer;
	size_t piece;
	bool hang;
	char request[4096];
	pthread_t thread;
};

static void *serve(void *data)
{
	struct server *server = data;
	size_t left = strlen(server->answer), piece;
	const char *at = server->answer;
	int fd = accept(server->listener, NULL, NULL);
	ssize_t n = recv(fd, server->request, sizeof(server->request) - 1, 0);

	server->request[n > 0 ? n : 0] = '\0';
	for (; left; at += piece, left -= piece) {
		piece = left < server->piece ? left : server->piece;
		if (send(fd, at, piece, MSG_NOSIGNAL) < 0)
			break;
	}
	if (server->hang && recv(fd, server->request, sizeof(server->request), 0) < 0)
		perror("recv");
	close(fd);
	return NULL;
}

static void server_start(struct server *server, const char *answer)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	server->answer = answer;
	server->piece = server->piece ?: 4096;
	snprintf(server->path, sizeof(server->path), "/tmp/weir-test-client-%d", getpid());
	strcpy(addr.sun_path, server->path);
	unlink(server->path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(server->listener, 1), 0);
	ck_assert_int_eq(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	pthread_join(server->thread, NULL);
	close(server->listener);
	unlink(server->path);
}

static const struct {
	const char *answer;
	int r, status;
	const char *body;
} answers[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, 200, "{}" },
	{ "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
	  0, 503, "abcde" },
	{ "HTTP/1.0 200 OK\r\n\r\nuntil the end", 0, 200, "until the end" },
	{ "HTTP/1.1 204 None\r\n\r\n", 0, 204, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore than was said", 0, 200, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", -ECONNRESET, 0, NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Le", -ECONNRESET, 0, NULL },
	{ "", -ECONNRESET, 0, NULL },
	{ "220 ESMTP ready\r\n\r\n", -EPROTO, 0, NULL },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", -EPROTO, 0, NULL },
};

static void check_answer(int row, size_t piece)
{
	struct client_reply reply = {};
	struct server server = { .piece = piece };
	int r;

	server_start(&server, answers[row].answer);
	r = client_call(&reply, server.path, "POST", "/v1/x", "{}", PATIENCE_MS);
	server_stop(&server);
	ck_assert_int_eq(r, answers[row].r);
	ck_assert_int_eq(reply.status, answers[row].status);
	ck_assert_pstr_eq(reply.body, answers[row].body);
	if (!r)
		ck_assert_uint_eq(reply.length, strlen(answers[row].body));
	client_reply_done(&reply);
}

START_TEST(an_answer_is_read_however_it_is_cut)
{
	check_answer(_i, 4096);
	check_answer(_i, 1);
}
END_TEST

START_TEST(the_request_says_what_it_brings)
{
	struct client_reply reply = {};
	struct server server = {};

	server_start(&server, answers[0].answer);
	ck_assert_int_eq(client_call(&reply, server.path, "POST", "/v1/cni/add", "{\"a\":1}",
				     PATIENCE_MS),
			 0);
	server_stop(&server);
	ck_assert_ptr_nonnull(strstr(server.request, "POST /v1/cni/add HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(server.request, "Content-Length: 7\r\n"));
	ck_assert_ptr_nonnull(strstr(server.request, "Connection: close\r\n"));
	ck_assert_ptr_nonnull(strstr(server.request, "\r\n\r\n{\"a\":1}"));
	client_reply_done(&reply);
}
END_TEST

START_TEST(a_server_that_hangs_is_given_up)
{
	struct client_reply reply = {};
	struct server server = { .hang = true };

	server_start(&server, "HTTP/1.1 200 OK\r\n");
	ck_assert_int_eq(client_call(&reply, server.path, "GET", "/", NULL, SHORT_MS), -ETIMEDOUT);
	server_stop(&server);
	ck_assert_ptr_null(reply.body);
}
END_TEST

START_TEST(nobody_there_is_told_at_once)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct client_reply reply = {};
	int fd;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/weir-test-client-%d", getpid());
	unlink(addr.sun_path);
	ck_assert_int_eq(client_call(&reply, addr.sun_path, "GET", "/", NULL, PATIENCE_MS),
			 -ENOENT);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	ck_assert_int_eq(client_call(&reply, addr.sun_path, "GET", "/", NULL, PATIENCE_MS),
			 -ECONNREFUSED);
	unlink(addr.sun_path);
}
END_TEST

START_TEST(a_full_backlog_is_waited_for_in_vain)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct client_reply reply = {};
	int listener, first;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/weir-test-client-%d", getpid());
	unlink(addr.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(connect(first, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(client_call(&reply, addr.sun_path, "GET", "/", NULL, SHORT_MS),
			 -ETIMEDOUT);
	close(first);
	close(listener);
	unlink(addr.sun_path);
}
END_TEST

START_TEST(a_path_cannot_smuggle_a_header)
{
	static const char *const paths[] = { "/a b", "/a\r\nX: y", "/a\n", "/\x7f" };
	struct client_reply reply = {};
	struct server server = {};

	for (int i = 0; i < CHECK_COUNT(paths); i++) {
		server_start(&server, "");
		ck_assert_int_eq(client_call(&reply, server.path, "GET", paths[i], NULL,
					     PATIENCE_MS),
				 -EINVAL);
		server_stop(&server);
		ck_assert_str_eq(server.request, "");
	}
}
END_TEST

CHECK_MAIN("client", CHECK_LOOP(an_answer_is_read_however_it_is_cut, answers),
	   CHECK_TEST(the_request_says_what_it_brings), CHECK_TEST(a_server_that_hangs_is_given_up),
	   CHECK_TEST(nobody_there_is_told_at_once),
	   CHECK_TEST(a_full_backlog_is_waited_for_in_vain),
	   CHECK_TEST(a_path_cannot_smuggle_a_header))
