// SPDX-License-Identifier: Apache-2.0
/*
 * TCP from pod to pod, client and server on one CPU (over two, the same thing gives
 * anything between 7 and 31 Gbit/s): throughput, request and response on one
 * connection, and connection after connection. The ways (way.h) take turns.
 *
 *	bench-stream [--quick] [--connections ROUNDS]
 *
 * With --connections only those are measured, and the first way stands beside each other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figure.h"
#include "way.h"

#define PORT 5201
#define BLOCK (128 * 1024)
#define ROUNDS_MAX 16

enum mode {
	MODE_STREAM,
	MODE_REQUEST,
	MODE_CONNECT,
};

static const struct {
	const char *name;
	const char *unit;
	double scale;
} modes[] = {
	[MODE_STREAM] = { "TCP throughput", "Gbit/s", 8e-9 },
	[MODE_REQUEST] = { "TCP requests on one connection", "/s", 1 },
	[MODE_CONNECT] = { "TCP connections, a request each", "/s", 1 },
};

static char block[BLOCK];

static int listen_on(const char *ip)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	inet_pton(AF_INET, ip, &addr.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 1024))
		die("listen", errno);
	return fd;
}

static int connect_to(const char *ip)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	inet_pton(AF_INET, ip, &addr.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die(ip, errno);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* Answers or swallows until the client has enough. */
static void serve_connection(int fd, enum mode mode)
{
	ssize_t size;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while ((size = recv(fd, block, sizeof(block), 0)) > 0) {
		if (mode == MODE_STREAM)
			continue;
		if (send(fd, block, 1, MSG_NOSIGNAL) != 1 || mode == MODE_CONNECT)
			break;
	}
	/* The server closes first, so the client does not run out of ports. */
	close(fd);
}

static pid_t start_server(const struct end *end, enum mode mode)
{
	int listener, fd;
	pid_t pid;

	enter(end->netns);
	listener = listen_on(end->ips[0]);
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (pid) {
		close(listener);
		return pid;
	}
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		serve_connection(fd, mode);
	die("accept", errno);
}

/* One request on @fd: a byte there and a byte back. */
static void request(int fd)
{
	if (send(fd, block, 1, MSG_NOSIGNAL) != 1 || recv(fd, block, 1, 0) != 1)
		die("request", errno ?: ECONNRESET);
}

/* Something to count, done once: bytes, or requests. */
static uint64_t step(int fd, enum mode mode, const char *ip)
{
	ssize_t sent;

	switch (mode) {
	case MODE_STREAM:
		sent = send(fd, block, sizeof(block), MSG_NOSIGNAL);
		if (sent <= 0)
			die("send", errno);
		return (uint64_t)sent;
	case MODE_REQUEST:
		request(fd);
		return 1;
	case MODE_CONNECT:
		fd = connect_to(ip);
		request(fd);
		/* Until the server has closed. */
		if (recv(fd, block, 1, 0))
			die("the server does not close", errno);
		close(fd);
		return 1;
	}
	return 0;
}

/* How much of it a second. */
static double run_client(const struct way *way, enum mode mode, int64_t for_ns)
{
	const char *ip = way->target ?: way->ends[1].ips[0];
	int64_t start, took;
	uint64_t count = 0;
	int fd = -1;

	enter(way->ends[0].netns);
	if (mode != MODE_CONNECT)
		fd = connect_to(ip);
	start = clock_ns();
	do
		count += step(fd, mode, ip);
	while ((took = clock_ns() - start) < for_ns);
	if (fd >= 0)
		close(fd);
	return (double)count * 1e9 / (double)took;
}

static double run_once(const struct way *way, enum mode mode, int64_t for_ns)
{
	pid_t server = start_server(&way->ends[1], mode);
	double rate = run_client(way, mode, for_ns);

	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return rate;
}

static void measure(const struct way *ways, enum mode mode, int rounds, int64_t for_ns)
{
	static double rate[2][ROUNDS_MAX];

	for (int round = 0; round < rounds; round++)
		for (int i = WAY_WEIR; i <= WAY_PLAIN; i++)
			rate[i][round] = run_once(&ways[i], mode, for_ns) * modes[mode].scale;
	figure_add(&(struct figure){
		.name = modes[mode].name,
		.value = quantile(rate[WAY_WEIR], (size_t)rounds, 0.5),
		.unit = modes[mode].unit,
		.floor_name = ways[WAY_PLAIN].name,
		.floor = quantile(rate[WAY_PLAIN], (size_t)rounds, 0.5),
		.ratio_least = 1,
	});
}

/* Connection after connection, the first way beside all others. */
static void measure_connections(const struct way *ways, size_t count, int rounds, int64_t for_ns)
{
	static double rate[WAYS_MAX][ROUNDS_MAX];
	char name[128];

	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			rate[i][round] = run_once(&ways[i], MODE_CONNECT, for_ns);
	for (size_t i = 1; i < count; i++) {
		snprintf(name, sizeof(name), "TCP connections, %s, beside %s", ways[0].name,
			 ways[i].name);
		figure_add(&(struct figure){
			.name = name,
			.value = quantile(rate[0], (size_t)rounds, 0.5),
			.unit = modes[MODE_CONNECT].unit,
			.floor_name = ways[i].name,
			.floor = quantile(rate[i], (size_t)rounds, 0.5),
		});
	}
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "--quick");
	bool connections = argc == 3 + quick && !strcmp(argv[1 + quick], "--connections");
	int rounds = quick ? 1 : connections ? atoi(argv[2]) : ROUNDS_MAX - 1;
	int64_t for_ns = quick ? 20000000 : 500000000;
	struct way ways[WAYS_MAX] = {};
	size_t count = ways_read(ways);

	if (rounds < 1 || rounds > ROUNDS_MAX)
		die("so many rounds are not possible", EINVAL);
	run_undisturbed(0);
	if (connections)
		measure_connections(ways, count, rounds, for_ns);
	for (int mode = MODE_STREAM; !connections && mode <= MODE_CONNECT; mode++)
		measure(ways, (enum mode)mode, rounds, for_ns);
	figures_print();
	ways_free(ways, count);
	return 0;
}
