// SPDX-License-Identifier: Apache-2.0
#include "control/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/jsoncost.h"
#include "base/log.h"
#include "control/connections.h"

#define BODY_COST_MAX (16 << 20) /* in memory */
#define BACKLOG 256
#define IDLE_S 30

struct control {
	struct agent *agent;
	struct evhttp *http;
	struct connections connections;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static const struct control_row *const tables[] = { control_cni_rows, control_query_rows };

static const char *method_name(enum evhttp_cmd_type method)
{
	switch (method) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	default:
		return "";
	}
}

static bool path_matches(const struct control_row *row, const char *path, const char **tail)
{
	size_t length = strlen(row->path);

	if (strncmp(path, row->path, length))
		return false;
	*tail = path + length;
	if (!row->has_tail)
		return !path[length];
	if (path[length] != '/' || !path[length + 1])
		return false;
	(*tail)++;
	return true;
}

static const struct control_row *find_row(const char *method, const char *path, const char **tail)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct control_row *row = tables[i]; row->path; row++)
			if (!strcmp(row->method, method) && path_matches(row, path, tail))
				return row;
	return NULL;
}

static int http_status(const struct fault *fault)
{
	switch (fault->code) {
	case FAULT_NOT_FOUND:
	case FAULT_UNKNOWN_CONTAINER:
		return 404;
	case FAULT_ENVIRONMENT:
	case FAULT_DECODE:
	case FAULT_CONFIG:
		return 400;
	case FAULT_TRY_LATER:
	case FAULT_NOT_AVAILABLE:
		return 503;
	default:
		return 500;
	}
}

static void reply(struct evhttp_request *request, int status, json_t *value)
{
	cleanup(freep) char *text = json_dumps(value, JSON_COMPACT);
	struct evbuffer *buffer = evbuffer_new();

	if (!text || !buffer) {
		evhttp_send_error(request, 500, NULL);
	} else {
		evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
				  "application/json");
		evbuffer_add(buffer, text, strlen(text));
		evbuffer_add(buffer, "\n", 1);
		evhttp_send_reply(request, status, NULL, buffer);
	}
	if (buffer)
		evbuffer_free(buffer);
}

static void reply_fault(struct evhttp_request *request, const struct fault *fault)
{
	json_t *value = json_pack("{s:i,s:s,s:s}", "code", (int)fault->code, "msg", fault->msg,
				  "details", fault->details);

	reply(request, http_status(fault), value);
	json_decref(value);
}

/* An empty body is no body. */
static int read_body(json_t **ret, struct evhttp_request *request, struct fault *fault)
{
	struct evbuffer *buffer = evhttp_request_get_input_buffer(request);
	size_t length = evbuffer_get_length(buffer);
	json_error_t error;
	const char *text;

	*ret = NULL;
	if (!length)
		return 0;
	text = (const char *)evbuffer_pullup(buffer, -1);
	if (!text || json_cost(text, length) > BODY_COST_MAX)
		return fault_set(fault, FAULT_DECODE, "request is too large", "%s",
				 "it has too many values");
	*ret = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!*ret)
		return fault_set(fault, FAULT_DECODE, "request is not JSON", "line %d: %s",
				 error.line, error.text);
	if (!json_is_object(*ret))
		return fault_set(fault, FAULT_DECODE, "request is not a JSON object", "%s",
				 "an object is expected");
	return 0;
}

static int call(json_t **ret, struct control *control, struct evhttp_request *request,
		struct fault *fault)
{
	const char *method = method_name(evhttp_request_get_command(request));
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	cleanup(json_decrefp) json_t *body = NULL;
	cleanup(freep) char *decoded = NULL;
	const struct control_row *row;
	const char *tail = "";
	int r;

	decoded = path ? evhttp_uridecode(path, 0, NULL) : NULL;
	row = decoded ? find_row(method, decoded, &tail) : NULL;
	if (!row)
		return fault_set(fault, FAULT_NOT_FOUND, "no such call", "%s %s", method,
				 path ?: "");
	r = read_body(&body, request, fault);
	return r ?: row->fn(ret, control->agent, body, tail, fault);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct control *control = arg;
	json_t *answer = NULL;
	struct fault fault = {};

	connections_end_slow(&control->connections);
	if (call(&answer, control, request, &fault) < 0) {
		log_debug("%s: %s: %s", evhttp_request_get_uri(request), fault.msg, fault.details);
		reply_fault(request, &fault);
		return;
	}
	reply(request, 200, answer);
	json_decref(answer);
}

/* Whoever may write to the socket may have any pod's address: root only. */
static int listen_on(struct control *control)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct evconnlistener *listener;
	mode_t before;

	strcpy(addr.sun_path, control->path);
	unlink(control->path);
	before = umask(0177);
	listener = evconnlistener_new_bind(control->agent->base, NULL, NULL,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
					   (struct sockaddr *)&addr, sizeof(addr));
	umask(before);
	if (!listener)
		return -errno;
	if (!evhttp_bind_listener(control->http, listener)) {
		evconnlistener_free(listener);
		return -ENOMEM;
	}
	return 0;
}

static int prepare(struct control *control)
{
	const char *dir = control->agent->config.run_dir;

	if ((size_t)snprintf(control->path, sizeof(control->path), "%s/weir.sock", dir) >=
	    sizeof(control->path))
		return -ENAMETOOLONG;
	control->http = evhttp_new(control->agent->base);
	if (!control->http)
		return -ENOMEM;
	evhttp_set_allowed_methods(control->http,
				   EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE);
	evhttp_set_timeout(control->http, IDLE_S);
	evhttp_set_gencb(control->http, on_request, control);
	return connections_open(&control->connections, control->http, control->agent->base);
}

int control_new(struct control **ret, struct agent *agent)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	control->agent = agent;
	r = prepare(control);
	r = r ?: listen_on(control);
	if (r < 0) {
		log_error_errno(r, "socket %s/weir.sock", agent->config.run_dir);
		control_free(control);
		return r;
	}
	*ret = control;
	return 0;
}

/* The socket's file stays: an agent that follows replaces it, and until then nobody answers. */
void control_free(struct control *control)
{
	if (!control)
		return;
	connections_close(&control->connections);
	if (control->http)
		evhttp_free(control->http);
	free(control);
}
