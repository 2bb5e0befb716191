// SPDX-License-Identifier: Apache-2.0
#include "control/connections.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"

#define LIFE_MS 60000 /* a call takes milliseconds */
#define LOOK_S 5
#define HEADERS_BYTES 8192
#define BODY_BYTES (1 << 20) /* of a GC with thousands of pods */
#define BODY_BYTES_IN_CROWD (32 << 10)
#define UNSENT_MAX (32 << 20) /* bytes of answers */

/* evhttp tells nobody that it has let go of a connection, but it takes its callbacks away. */
static bool is_over(struct bufferevent *stream)
{
	bufferevent_event_cb on_event = NULL;

	bufferevent_getcb(stream, NULL, NULL, &on_event, NULL);
	return !on_event;
}

static void forget_over(struct connections *connections)
{
	size_t kept = 0;

	for (size_t i = 0; i < connections->count; i++) {
		if (is_over(connections->items[i].stream))
			bufferevent_decref(connections->items[i].stream);
		else
			connections->items[kept++] = connections->items[i];
	}
	connections->count = kept;
}

/* evhttp sees the end of the stream, as if the client had gone; the answer is freed now. */
static void end_connection(struct connections *connections, size_t index)
{
	struct connection *item = &connections->items[index];
	struct evbuffer *answer = bufferevent_get_output(item->stream);

	evbuffer_unfreeze(answer, 1);
	evbuffer_drain(answer, evbuffer_get_length(answer));
	evbuffer_freeze(answer, 1);
	shutdown(bufferevent_getfd(item->stream), SHUT_RDWR);
	bufferevent_decref(item->stream);
	connections->count--;
	memmove(item, item + 1, (connections->count - index) * sizeof(*item));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct connections *connections = arg;
	int64_t now = clock_ms();

	forget_over(connections);
	while (connections->count && now - connections->items[0].since_ms > LIFE_MS)
		end_connection(connections, 0);
}

/*
 * Called by evhttp before it takes a connection, whose limits are set here too. The socket is
 * closed with the stream, when the last reference goes, not by evhttp: libevent waits for the
 * socket's number as long as there is a stream, and would be deaf to the next file with it.
 */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct connections *connections = arg;
	struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	size_t body;

	if (!stream)
		return NULL;
	if (connections->count >= CONNECTIONS_FEW)
		forget_over(connections);
	if (connections->count == connections->max)
		end_connection(connections, 0);
	body = connections->count < CONNECTIONS_FEW ? BODY_BYTES : BODY_BYTES_IN_CROWD;
	evhttp_set_max_body_size(connections->http, body);
	/*
	 * Nobody reads what comes after evhttp has let go. It takes a body up as a whole: one that is
	 * allowed has to fit.
	 */
	bufferevent_setwatermark(stream, EV_READ, 0, HEADERS_BYTES + body);
	bufferevent_incref(stream);
	connections->items[connections->count++] = (struct connection){ stream, clock_ms() };
	return stream;
}

/* Half of the descriptors is left for the agent's own files. */
static size_t count_max(void)
{
	struct rlimit limit = {};

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > CONNECTIONS_MAX)
		return CONNECTIONS_MAX;
	return limit.rlim_cur / 2 ?: 1;
}

int connections_open(struct connections *connections, struct evhttp *http,
		     struct event_base *base)
{
	const struct timeval every = { .tv_sec = LOOK_S };

	*connections = (struct connections){ .http = http, .max = count_max() };
	connections->timer = event_new(base, -1, EV_PERSIST, on_timer, connections);
	if (!connections->timer || event_add(connections->timer, &every) < 0)
		return -ENOMEM;
	evhttp_set_max_headers_size(http, HEADERS_BYTES);
	evhttp_set_bevcb(http, on_accept, connections);
	return 0;
}

void connections_close(struct connections *connections)
{
	if (connections->timer)
		event_free(connections->timer);
	for (size_t i = 0; i < connections->count; i++)
		bufferevent_decref(connections->items[i].stream);
	connections->timer = NULL;
	connections->count = 0;
}

static size_t unsent(const struct connection *item)
{
	return evbuffer_get_length(bufferevent_get_output(item->stream));
}

void connections_end_slow(struct connections *connections)
{
	size_t total = 0, i = 0;

	forget_over(connections);
	for (size_t k = 0; k < connections->count; k++)
		total += unsent(&connections->items[k]);
	while (total > UNSENT_MAX && i < connections->count) {
		if (!unsent(&connections->items[i])) {
			i++;
			continue;
		}
		total -= unsent(&connections->items[i]);
		end_connection(connections, i);
	}
}
