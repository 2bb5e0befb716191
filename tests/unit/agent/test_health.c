// SPDX-License-Identifier: Apache-2.0
/* What a load balancer hears at a healthCheckNodePort, and for how long services may fail. */
#include "lib/check_main.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health.h"
#include "staleness.h"
#include "unit/model/objects_make.h"

#define START_MS 1000

struct talk {
	struct event_base *base;
	struct health *health;
	uint16_t port;
	bool is_proxy_healthy;
	int status;
	char body[256];
};

static bool is_proxy_healthy(const void *arg)
{
	return ((const struct talk *)arg)->is_proxy_healthy;
}

static void ignore(void *arg)
{
}

/* A port of 127.0.0.1 that nobody has; it may be taken before it is used: the test fails then. */
static uint16_t free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, length), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &length), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

static void set_ready(struct talk *talk, size_t ready_local)
{
	struct service_images images = { .namespace = "shop", .name = "lb", .count = 1,
					 .health_port = talk->port, .ready_local = ready_local };

	health_set(talk->health, &images);
	health_apply(talk->health);
}

static void open_talk(struct talk *talk)
{
	const struct health_asker asker = { .arg = talk, .retried = ignore,
					    .is_proxy_healthy = is_proxy_healthy };
	const struct ip_addr here = make_addr("127.0.0.1");

	*talk = (struct talk){ .base = event_base_new(), .port = free_port(),
			       .is_proxy_healthy = true };
	ck_assert_int_eq(health_new(&talk->health, talk->base, &asker), 0);
	health_set_addresses(talk->health, &here, 1);
	set_ready(talk, 1);
}

static void close_talk(struct talk *talk)
{
	health_free(talk->health);
	event_base_free(talk->base);
}

static void on_answer(struct evhttp_request *request, void *arg)
{
	struct talk *talk = arg;
	struct evbuffer *body = request ? evhttp_request_get_input_buffer(request) : NULL;
	size_t length = body ? evbuffer_get_length(body) : 0;

	ck_assert_uint_lt(length, sizeof(talk->body));
	talk->status = request ? evhttp_request_get_response_code(request) : -1;
	if (body)
		evbuffer_remove(body, talk->body, length);
	talk->body[length] = '\0';
	event_base_loopbreak(talk->base);
}

/* HTTP status. */
static int ask(struct talk *talk)
{
	struct evhttp_connection *link =
		evhttp_connection_base_new(talk->base, NULL, "127.0.0.1", talk->port);

	ck_assert_int_eq(evhttp_make_request(link, evhttp_request_new(on_answer, talk),
					     EVHTTP_REQ_GET, "/any"), 0);
	event_base_dispatch(talk->base);
	evhttp_connection_free(link);
	return talk->status;
}

static const struct {
	bool is_proxy_healthy;
	size_t ready_local;
	int status;
} answers[] = {
	{ true, 2, 200 },
	{ true, 0, 503 },
	{ false, 2, 503 },
	{ false, 0, 503 },
};

START_TEST(endpoints_count_only_where_the_proxy_is_healthy)
{
	char body[256];
	struct talk talk;

	open_talk(&talk);
	set_ready(&talk, answers[_i].ready_local);
	talk.is_proxy_healthy = answers[_i].is_proxy_healthy;
	ck_assert_int_eq(ask(&talk), answers[_i].status);
	snprintf(body, sizeof(body),
		 "{\"service\":{\"namespace\":\"shop\",\"name\":\"lb\"},\"localEndpoints\":%zu,"
		 "\"serviceProxyHealthy\":%s}\n",
		 answers[_i].ready_local, answers[_i].is_proxy_healthy ? "true" : "false");
	ck_assert_str_eq(talk.body, body);
	close_talk(&talk);
}
END_TEST

START_TEST(the_proxy_is_asked_with_each_request)
{
	struct talk talk;

	open_talk(&talk);
	ck_assert_int_eq(ask(&talk), 200);
	talk.is_proxy_healthy = false;
	ck_assert_int_eq(ask(&talk), 503);
	talk.is_proxy_healthy = true;
	ck_assert_int_eq(ask(&talk), 200);
	close_talk(&talk);
}
END_TEST

START_TEST(services_are_stale_when_they_fail_for_a_minute)
{
	struct staleness staleness = {};

	ck_assert(!staleness_is_stale(&staleness, START_MS + 10 * STALE_MS));
	staleness_applied(&staleness, true, START_MS);
	ck_assert(!staleness_is_stale(&staleness, START_MS + STALE_MS));
	/* That it is tried again and fails again does not begin the minute anew. */
	staleness_applied(&staleness, true, START_MS + STALE_MS / 2);
	ck_assert(!staleness_is_stale(&staleness, START_MS + STALE_MS));
	ck_assert(staleness_is_stale(&staleness, START_MS + STALE_MS + 1));
}
END_TEST

START_TEST(one_success_ends_it)
{
	struct staleness staleness = {};

	staleness_applied(&staleness, true, START_MS);
	staleness_applied(&staleness, false, START_MS + 2 * STALE_MS);
	ck_assert(!staleness_is_stale(&staleness, START_MS + 2 * STALE_MS));
	staleness_applied(&staleness, true, START_MS + 3 * STALE_MS);
	ck_assert(!staleness_is_stale(&staleness, START_MS + 4 * STALE_MS));
	ck_assert(staleness_is_stale(&staleness, START_MS + 4 * STALE_MS + 1));
}
END_TEST

CHECK_MAIN("health",
	CHECK_LOOP(endpoints_count_only_where_the_proxy_is_healthy, answers),
	CHECK_TEST(the_proxy_is_asked_with_each_request),
	CHECK_TEST(services_are_stale_when_they_fail_for_a_minute),
	CHECK_TEST(one_success_ends_it))
