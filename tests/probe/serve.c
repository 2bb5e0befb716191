// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTS_MAX 256

struct port {
	enum probe_proto proto;
	int fd;
};

/* One socket for both families, or IPv4 alone where the machine has no IPv6. */
static int listen_on(struct port *ret, const char *text)
{
	struct sockaddr_storage any;
	const char *number = strchr(text, ':');
	char proto[8];
	int on = 1, off = 0, type, fd;

	if (!number || snprintf(proto, sizeof(proto), "%.*s", (int)(number - text), text) < 1 ||
	    probe_parse_proto(&ret->proto, proto) < 0 || ret->proto == PROBE_ICMP)
		return -EINVAL;
	type = ret->proto == PROBE_TCP ? SOCK_STREAM : SOCK_DGRAM;
	if (probe_parse_address(&any, "::", number + 1) < 0)
		return -EINVAL;
	fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		probe_parse_address(&any, "0.0.0.0", number + 1);
		fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    (ret->proto == PROBE_TCP && listen(fd, 256) < 0)) {
		int error = errno;

		close(fd);
		return -error;
	}
	ret->fd = fd;
	return 0;
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

int probe_serve(const char *name, char **texts, size_t count)
{
	struct pollfd polls[PORTS_MAX];
	struct port ports[PORTS_MAX];
	char line[PROBE_NAME_MAX];

	if (count > PORTS_MAX)
		return -E2BIG;
	snprintf(line, sizeof(line), "%.*s\n", PROBE_NAME_MAX - 2, name);
	for (size_t i = 0; i < count; i++) {
		int r = listen_on(&ports[i], texts[i]);

		if (r < 0) {
			fprintf(stderr, "weir-probe: %s: %s\n", texts[i], strerror(-r));
			return r;
		}
		polls[i] = (struct pollfd){ .fd = ports[i].fd, .events = POLLIN };
	}
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if (poll(polls, count, -1) < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 0; i < count; i++) {
			if (!(polls[i].revents & POLLIN))
				continue;
			if (ports[i].proto == PROBE_TCP)
				answer_stream(ports[i].fd, line);
			else
				answer_datagram(ports[i].fd, line);
		}
	}
}
