// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTS_MAX 128

struct port {
	enum probe_proto proto;
	int fd;
};

struct server {
	struct port ports[PORTS_MAX];
	struct pollfd polls[PORTS_MAX];
	size_t count;
};

/* "::" takes both families with one socket; it needs a machine that has IPv6. */
static int open_port(int *ret, enum probe_proto proto, const char *address, const char *number)
{
	int type = proto == PROBE_TCP ? SOCK_STREAM : SOCK_DGRAM;
	int on = 1, off = 0, fd, error;
	struct sockaddr_storage addr;

	if (probe_parse_address(&addr, address, number) < 0)
		return -EINVAL;
	fd = socket(addr.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (addr.ss_family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	}
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    (proto == PROBE_TCP && listen(fd, 256) < 0)) {
		error = errno;
		close(fd);
		return -error;
	}
	*ret = fd;
	return 0;
}

/* @text is "tcp:80". */
static int add_port(struct server *server, const char *text, const char *address)
{
	const char *number = strchr(text, ':');
	struct port *port = &server->ports[server->count];
	char proto[8];
	int r;

	if (server->count == PORTS_MAX)
		return -E2BIG;
	if (!number || snprintf(proto, sizeof(proto), "%.*s", (int)(number - text), text) < 1 ||
	    probe_parse_proto(&port->proto, proto) < 0 || port->proto == PROBE_ICMP)
		return -EINVAL;
	r = open_port(&port->fd, port->proto, address, number + 1);
	if (r < 0)
		return r;
	server->polls[server->count++] = (struct pollfd){ .fd = port->fd, .events = POLLIN };
	return 0;
}

/* Every port on every address that an "on:" names; without one on all. */
static int add_ports(struct server *server, char **words, size_t count)
{
	bool everywhere = true;
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		if (strncmp(words[i], "on:", 3) != 0)
			continue;
		everywhere = false;
		for (size_t j = 0; j < count && r == 0; j++)
			if (strncmp(words[j], "on:", 3) != 0)
				r = add_port(server, words[j], words[i] + 3);
	}
	for (size_t j = 0; everywhere && j < count && r == 0; j++)
		r = add_port(server, words[j], "::");
	return r;
}

static void answer_stream(int listener, const char *name)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	send(fd, name, strlen(name), MSG_NOSIGNAL);
	close(fd);
}

/*
 * A host with several addresses must answer from the one that was asked: the
 * packet information that was received is sent back as it is.
 */
static void answer_datagram(int fd, const char *name)
{
	struct sockaddr_storage peer;
	char question[512], control[256];
	struct iovec iov = { question, sizeof(question) };
	struct msghdr msg = {
		.msg_name = &peer, .msg_namelen = sizeof(peer),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(fd, &msg, 0) < 0)
		return;
	iov = (struct iovec){ (char *)name, strlen(name) };
	msg.msg_flags = 0;
	sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static void answer_all(const struct server *server, const char *line)
{
	for (size_t i = 0; i < server->count; i++) {
		if (!(server->polls[i].revents & POLLIN))
			continue;
		if (server->ports[i].proto == PROBE_TCP)
			answer_stream(server->ports[i].fd, line);
		else
			answer_datagram(server->ports[i].fd, line);
	}
}

int probe_serve(const char *name, char **words, size_t count)
{
	struct server server = {};
	char line[PROBE_NAME_MAX];
	int r;

	r = add_ports(&server, words, count);
	if (r < 0) {
		fprintf(stderr, "weir-probe: cannot serve: %s\n", strerror(-r));
		return r;
	}
	snprintf(line, sizeof(line), "%.*s\n", PROBE_NAME_MAX - 2, name);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if (poll(server.polls, server.count, -1) >= 0)
			answer_all(&server, line);
		else if (errno != EINTR)
			return -errno;
	}
}
