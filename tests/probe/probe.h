/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir-probe: the traffic of tests and of the demonstration. A server that answers
 * its name on many ports, and a client that tries many targets at the same time, once
 * or again and again.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_NAME_MAX 128

enum probe_proto {
	PROBE_TCP,
	PROBE_UDP,
	PROBE_ICMP,
};

/* What became of a target. Everything but PENDING is final. */
enum probe_result {
	PROBE_PENDING,
	PROBE_OPEN, /* the server answered its name, or the echo came back */
	PROBE_REFUSED, /* reset, or port unreachable */
	PROBE_UNREACHABLE, /* another ICMP error, or no route */
	PROBE_SILENT, /* connected, but nothing was said */
	PROBE_TIMEOUT,
	PROBE_ERROR, /* this machine's own fault */
};

struct target {
	enum probe_proto proto;
	struct sockaddr_storage addr; /* with port; 0 for ICMP */
	struct sockaddr_storage source; /* AF_UNSPEC: the kernel chooses */

	int fd;
	bool connected; /* TCP: handshake is over */
	uint16_t id; /* ICMP: tells the echoes of this process apart */
	int64_t next_send_ms; /* UDP and ICMP: when the question is repeated */
	enum probe_result result;
	int64_t took_ms;
	char answer[PROBE_NAME_MAX];
};

/* 0 or -EINVAL. @address is numeric; @port is ignored for ICMP. */
int probe_parse_proto(enum probe_proto *ret, const char *text);
int probe_parse_address(struct sockaddr_storage *ret, const char *address, const char *port);
const char *probe_proto_name(enum probe_proto proto);

/*
 * Serves "tcp:80" "udp:53" ... until a signal, on all addresses or those that "on:ADDRESS"
 * words name; prints "ready" once all are open. Returns only with an error.
 */
int probe_serve(const char *name, char **words, size_t count);

/* Tries all targets at once and returns when each has a result. */
int probe_try(struct target *targets, size_t count, int64_t timeout_ms);

/* What became of all attempts at a target that ended alike. Times are of CLOCK_MONOTONIC. */
struct tally {
	size_t target; /* its place among the targets */
	enum probe_result result;
	char answer[PROBE_NAME_MAX];
	uint64_t count;
	int64_t first_ms, last_ms; /* when the first and the last of them ended */
	int64_t slowest_ms; /* how long the slowest of them took */
};

/*
 * Tries each target every @interval_ms, whatever became of it before, until SIGTERM or
 * SIGINT, and then waits for those under way. *@ret is the caller's to free. 0 or -errno.
 */
int probe_repeat(struct tally **ret, size_t *ret_count, const struct target *targets,
		 size_t count, int64_t interval_ms, int64_t timeout_ms);

/* CLOCK_MONOTONIC. */
int64_t probe_now_ms(void);
/* Room for @count sockets at the same time. */
void probe_raise_fd_limit(size_t count);

/* One target's steps; both may set its result. */
void exchange_start(struct target *target, int64_t now_ms);
void exchange_ready(struct target *target, short events);
/* Repeat the question if it is time. */
void exchange_repeat(struct target *target, int64_t now_ms);
/* What to wait for: events of poll(2). */
short exchange_events(const struct target *target);
/* No more is waited for: what has no result by now gets one. */
void exchange_give_up(struct target *target);
/* Its socket is closed. */
void exchange_close(struct target *target);
