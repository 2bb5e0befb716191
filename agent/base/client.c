// SPDX-License-Identifier: Apache-2.0
#include "base/client.h"

#include <errno.h>
#include <http_parser.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define READ_BYTES 16384
#define BODY_FIRST_BYTES 1024
#define BACKLOG_RETRY_MS 2

/* What the parser's callbacks fill; @error is the first thing that went wrong there. */
struct answer {
	char *body;
	size_t length;
	size_t room;
	int error;
	bool complete;
};

static void answer_done(struct answer *answer)
{
	free(answer->body);
}

/* Until @fd is ready for @events (or broken: the next call on it tells). 0 or -errno. */
static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd entry = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - clock_ms();
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&entry, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* A unix socket whose backlog is full answers EAGAIN and offers nothing to wait for. */
static int connect_to(int *ret, const char *socket_path, int64_t deadline)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup(closep) int fd = -1;

	if (strlen(socket_path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (clock_ms() >= deadline)
			return -ETIMEDOUT;
		poll(NULL, 0, BACKLOG_RETRY_MS);
	}
	*ret = take_fd(&fd);
	return 0;
}

/* A server that answers without reading everything is still heard: EPIPE is no error here. */
static int send_all(int fd, const char *data, size_t length, int64_t deadline)
{
	while (length) {
		ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			data += n;
			length -= (size_t)n;
			continue;
		}
		if (errno == EPIPE)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_request(int fd, const char *method, const char *path, const char *body,
			int64_t deadline)
{
	cleanup(freep) char *text = NULL;
	int length;

	/* Nothing may end the request line early. */
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return -EINVAL;
	length = asprintf(&text,
			  "%s %s HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n"
			  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			  method, path, body ? strlen(body) : 0, body ?: "");
	if (length < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return send_all(fd, text, (size_t)length, deadline);
}

static int on_body(http_parser *parser, const char *data, size_t length)
{
	struct answer *answer = parser->data;
	size_t needed = answer->length + length + 1;

	if (needed > CLIENT_REPLY_MAX) {
		answer->error = -EFBIG;
		return -1;
	}
	if (needed > answer->room) {
		size_t room = answer->room ? answer->room * 2 : BODY_FIRST_BYTES;
		char *body;

		room = room < needed ? needed : room;
		body = realloc(answer->body, room);
		if (!body) {
			answer->error = -ENOMEM;
			return -1;
		}
		answer->body = body;
		answer->room = room;
	}
	memcpy(answer->body + answer->length, data, length);
	answer->length += length;
	return 0;
}

static int on_complete(http_parser *parser)
{
	struct answer *answer = parser->data;

	answer->complete = true;
	http_parser_pause(parser, 1); /* what follows is not ours */
	return 0;
}

/* Up to the end of the message or of the stream. */
static int receive(int fd, http_parser *parser, struct answer *answer, int64_t deadline)
{
	static const http_parser_settings settings = {
		.on_body = on_body,
		.on_message_complete = on_complete,
	};
	char data[READ_BYTES];

	while (!answer->complete) {
		ssize_t n = recv(fd, data, sizeof(data), 0);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0) {
			r = wait_for(fd, POLLIN, deadline);
			if (r < 0)
				return r;
			continue;
		}
		http_parser_execute(parser, &settings, data, (size_t)n);
		if (answer->error)
			return answer->error;
		if (!n && !answer->complete)
			return -ECONNRESET;
		if (HTTP_PARSER_ERRNO(parser) != HPE_OK && !answer->complete)
			return -EPROTO;
	}
	return 0;
}

int client_call(struct client_reply *ret, const char *socket, const char *method, const char *path,
		const char *body, int timeout_ms)
{
	cleanup(answer_done) struct answer answer = {};
	int64_t deadline = clock_ms() + timeout_ms;
	cleanup(closep) int fd = -1;
	http_parser parser;
	int r;

	r = connect_to(&fd, socket, deadline);
	if (r < 0)
		return r;
	r = send_request(fd, method, path, body, deadline);
	if (r < 0)
		return r;
	http_parser_init(&parser, HTTP_RESPONSE);
	parser.data = &answer;
	r = receive(fd, &parser, &answer, deadline);
	if (r < 0)
		return r;
	/* An empty body is "" and not NULL. */
	if (!answer.body)
		answer.body = malloc(1);
	if (!answer.body)
		return -ENOMEM;
	answer.body[answer.length] = '\0';
	ret->status = (int)parser.status_code;
	ret->length = answer.length;
	ret->body = take_ptr(&answer.body);
	return 0;
}

void client_reply_done(struct client_reply *reply)
{
	free(reply->body);
	*reply = (struct client_reply){};
}
