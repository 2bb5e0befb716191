// SPDX-License-Identifier: Apache-2.0
/*
 * What connect() and sendto() of the node's own sockets cost, to a pod itself and to a
 * ClusterIP whose one backend it is. Both take turns, call by call; the median counts.
 *
 *	bench-connect [--quick] NODE_NETNS POD_NETNS POD_IP CLUSTER_IP
 *
 * The service has TCP port 80 on the pod's 8080 and UDP port 53 on its 5353.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "figure.h"
#include "way.h"

#define CALLS_MAX 20000
#define CALLS_QUICK 50
#define ACCEPT_EVERY 64

enum {
	DIRECT,
	SERVICE,
};

struct place {
	struct sockaddr_storage addr;
	socklen_t size;
};

static struct place place_of(const char *ip, uint16_t port)
{
	struct place place = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&place.addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&place.addr;

	if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		place.size = sizeof(*in);
	} else if (inet_pton(AF_INET6, ip, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		place.size = sizeof(*in6);
	} else {
		die(ip, EINVAL);
	}
	return place;
}

static int open_socket(int family, int kind)
{
	int fd = socket(family, kind | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket", errno);
	return fd;
}

static int serve(const struct place *place, int kind)
{
	int fd = open_socket(place->addr.ss_family, kind | SOCK_NONBLOCK);

	if (bind(fd, (const struct sockaddr *)&place->addr, place->size) ||
	    (kind == SOCK_STREAM && listen(fd, 4 * ACCEPT_EVERY)))
		die("bind", errno);
	return fd;
}

/* What has come is taken away, so that nothing is ever refused. */
static void drain(int server, int kind)
{
	char byte;
	int fd;

	if (kind == SOCK_DGRAM) {
		while (recv(server, &byte, 1, 0) >= 0)
			;
		return;
	}
	while ((fd = accept4(server, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

/* Nanoseconds of one call on a socket of its own. */
static double call(const struct place *to, int kind, bool send)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd = open_socket(to->addr.ss_family, kind), r;
	int64_t start = clock_ns(), took;

	if (send)
		r = sendto(fd, "?", 1, 0, (const struct sockaddr *)&to->addr, to->size) != 1;
	else
		r = connect(fd, (const struct sockaddr *)&to->addr, to->size);
	took = clock_ns() - start;
	if (r)
		die(send ? "sendto" : "connect", errno);
	/* No port waits for its time to be over. */
	if (kind == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	return (double)took;
}

struct kind {
	const char *name;
	int type;
	bool send;
	uint16_t port, target;
};

static const struct kind kinds[] = {
	{ "connect() of the node, TCP", SOCK_STREAM, false, 80, 8080 },
	{ "connect() of the node, UDP", SOCK_DGRAM, false, 53, 5353 },
	{ "sendto() of the node, UDP", SOCK_DGRAM, true, 53, 5353 },
};

static void measure(const struct kind *kind, char **argv, uint32_t calls)
{
	static double took[2][CALLS_MAX];
	struct place to[] = { place_of(argv[2], kind->target), place_of(argv[3], kind->port) };
	bool v6 = to[DIRECT].addr.ss_family == AF_INET6;
	char name[96];
	int server;

	enter(argv[1]);
	server = serve(&to[DIRECT], kind->type);
	enter(argv[0]);
	for (uint32_t i = 0; i < calls; i++) {
		for (int way = DIRECT; way <= SERVICE; way++)
			took[way][i] = call(&to[way], kind->type, kind->send);
		if (!(i % ACCEPT_EVERY))
			drain(server, kind->type);
	}
	close(server);
	snprintf(name, sizeof(name), "%s, to a ClusterIP, %s", kind->name, v6 ? "IPv6" : "IPv4");
	figure_add(&(struct figure){ .name = name, .unit = "ns", .floor_name = "to the pod itself",
				     .value = quantile(took[SERVICE], calls, 0.5),
				     .floor = quantile(took[DIRECT], calls, 0.5) });
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "--quick");

	if (argc != 5 + quick)
		die("usage: bench-connect [--quick] NODE_NETNS POD_NETNS POD_IP CLUSTER_IP", 0);
	run_undisturbed(0);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		measure(&kinds[i], argv + 1 + quick, quick ? CALLS_QUICK : CALLS_MAX);
	figures_print();
	return 0;
}
