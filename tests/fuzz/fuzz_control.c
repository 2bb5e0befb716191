// SPDX-License-Identifier: Apache-2.0
/*
 * The control socket of an agent over an imagined kernel. An input is either any
 * bytes that somebody writes to the socket, or, when it begins with "#", calls: a
 * line each, a letter for the call and the rest its body or the end of its path.
 * Each call is answered by one JSON object, and addresses, slots and host ports
 * add up after every call, and to nothing when all pods have left.
 */
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "control/control.h"
#include "fake_kernel.h"
#include "fake_node.h"
#include "fuzz.h"

#define ANSWER_MAX (1 << 20)
#define TURNS_MAX 10000

static const struct call {
	char letter;
	const char *method;
	const char *path;
} calls[] = {
	{ 'a', "POST", "/v1/cni/add" },	    { 't', "POST", "/v1/cni/attach" },
	{ 'd', "POST", "/v1/cni/del" },	    { 'c', "POST", "/v1/cni/check" },
	{ 'g', "POST", "/v1/cni/gc" },	    { 's', "GET", "/v1/cni/status" },
	{ 'S', "GET", "/v1/status" },	    { 'e', "GET", "/v1/endpoints" },
	{ 'E', "GET", "/v1/endpoints/" },   { 'p', "GET", "/v1/policies" },
	{ 'P', "GET", "/v1/policies/" },    { 'i', "GET", "/v1/identities" },
	{ 'f', "GET", "/v1/conntrack" },    { 'F', "DELETE", "/v1/conntrack" },
	{ 'x', "DELETE", "/v1/endpoints" },
};

static int dial(const struct agent *agent)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/weir.sock", agent->config.run_dir);
	PROMISE(fd >= 0 && !connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

/* All that the agent says to @data until it closes the connection. Returns how much. */
static size_t talk(char answer[static ANSWER_MAX], const void *data, size_t length)
{
	cleanup(closep) int fd = dial(fake_node());
	size_t sent = 0, got = 0;

	for (int turn = 0; turn < TURNS_MAX; turn++) {
		ssize_t n = send(fd, (const char *)data + sent, length - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		if (sent == length)
			shutdown(fd, SHUT_WR);
		event_base_loop(fake_node()->base, EVLOOP_NONBLOCK);
		n = recv(fd, answer + got, ANSWER_MAX - got - 1, MSG_DONTWAIT);
		if (!n || (n < 0 && errno == ECONNRESET))
			break;
		got += n > 0 ? (size_t)n : 0;
		PROMISE(turn < TURNS_MAX - 1 && got < ANSWER_MAX - 1);
	}
	answer[got] = '\0';
	return got;
}

static void check_answer(const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n");
	cleanup(json_decrefp) json_t *value = NULL;
	json_t *code;
	int status;

	PROMISE(sscanf(answer, "HTTP/1.%*d %d", &status) == 1 && body);
	value = json_loads(body + 4, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(value))
		fprintf(stderr, "%s\n", answer);
	PROMISE(json_is_object(value));
	if (status == 200)
		return;
	code = json_object_get(value, "code");
	PROMISE(status >= 400 && json_integer_value(code) > 0);
	PROMISE(json_is_string(json_object_get(value, "msg")) &&
		*json_string_value(json_object_get(value, "msg")));
	PROMISE(json_is_string(json_object_get(value, "details")));
}

static void ask(const char *method, const char *path, const char *tail, const char *body,
		size_t length)
{
	static char answer[ANSWER_MAX];
	cleanup(freep) char *text = NULL;
	int head = asprintf(&text, "%s %s%s HTTP/1.1\r\nConnection: close\r\n"
			    "Content-Length: %zu\r\n\r\n%*s", method, path, tail, length,
			    (int)length, "");

	PROMISE(head > 0);
	memcpy(text + head - length, body, length);
	if (talk(answer, text, (size_t)head))
		check_answer(answer);
	else
		PROMISE(*tail); /* what is no path is not answered */
}

/* As the plugin does it: with the number that was reserved. */
static void attach_reserved(void)
{
	struct pod_endpoint *ep;
	char body[1024];

	for (uint32_t pos = 0; (ep = endpoints_next(&fake_node()->endpoints, &pos));) {
		if (ep->state != POD_RESERVED)
			continue;
		snprintf(body, sizeof(body), "{\"containerID\": \"%s\", \"ifname\": \"%s\", "
			 "\"ifindex\": %u, \"mac\": \"02:00:00:00:00:01\"}", ep->container_id,
			 ep->ifname, ep->ifindex);
		ask("POST", "/v1/cni/attach", "", body, strlen(body));
		return;
	}
}

static void make_call(char letter, const char *rest, size_t length)
{
	char tail[256];

	if (letter == 'T')
		attach_reserved();
	if (letter == '!')
		fake_kernel_fails(length % 8);
	if (letter == '.')
		fake_node_turn();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct call *call = &calls[i];

		if (call->letter != letter)
			continue;
		snprintf(tail, sizeof(tail), "%.*s", (int)length, rest);
		if (call->path[strlen(call->path) - 1] == '/')
			ask(call->method, call->path, tail, "", 0);
		else
			ask(call->method, call->path, "", rest, length);
	}
}

static void make_calls(const char *data, size_t size)
{
	while (size) {
		const char *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;

		if (length)
			make_call(data[0], data + 1, length - 1);
		fake_node_check();
		length += !!end;
		data += length;
		size -= length;
	}
}

static void start(void)
{
	static struct control *control;

	if (!control)
		PROMISE(!control_new(&control, fake_node()));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[ANSWER_MAX];

	start();
	if (size && data[0] == '#')
		make_calls((const char *)data + 1, size - 1);
	else
		talk(answer, data, size);
	fake_node_check();
	fake_node_reset();
	return 0;
}
