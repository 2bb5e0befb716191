// SPDX-License-Identifier: Apache-2.0
/* Question and answer with one target, for the three protocols. */
#include "probe.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPEAT_MS 250

static socklen_t address_size(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
					    sizeof(struct sockaddr_in6);
}

static enum probe_result result_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
		return PROBE_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EACCES: /* administratively prohibited */
	case EPERM:
	case ENOPROTOOPT:
		return PROBE_UNREACHABLE;
	case ETIMEDOUT:
		return PROBE_TIMEOUT;
	default:
		return PROBE_ERROR;
	}
}

static void fail(struct target *target, int error)
{
	target->result = result_of(error);
	snprintf(target->answer, sizeof(target->answer), "%s", strerror(error));
}

static int open_socket(const struct target *target)
{
	int family = target->addr.ss_family;

	switch (target->proto) {
	case PROBE_TCP:
		return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	case PROBE_UDP:
		return socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	case PROBE_ICMP:
		return socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			      family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	}
	errno = EINVAL;
	return -1;
}

void exchange_start(struct target *target, int64_t now_ms)
{
	target->fd = open_socket(target);
	if (target->fd < 0) {
		target->result = PROBE_ERROR;
		snprintf(target->answer, sizeof(target->answer), "socket: %s", strerror(errno));
		return;
	}
	if (target->source.ss_family &&
	    bind(target->fd, (struct sockaddr *)&target->source, address_size(&target->source)) < 0) {
		target->result = PROBE_ERROR;
		snprintf(target->answer, sizeof(target->answer), "bind: %s", strerror(errno));
		return;
	}
	if (connect(target->fd, (struct sockaddr *)&target->addr, address_size(&target->addr)) < 0 &&
	    errno != EINPROGRESS) {
		fail(target, errno);
		return;
	}
	target->next_send_ms = now_ms;
	exchange_repeat(target, now_ms);
}

static uint16_t checksum(const void *data, size_t size)
{
	const uint16_t *words = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < size / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static ssize_t send_echo(const struct target *target)
{
	struct icmphdr echo = {
		.type = ICMP_ECHO,
		.un.echo = { .id = htons(target->id), .sequence = htons(1) },
	};
	struct icmp6_hdr echo6 = { .icmp6_type = ICMP6_ECHO_REQUEST };

	if (target->addr.ss_family == AF_INET) {
		echo.checksum = checksum(&echo, sizeof(echo));
		return send(target->fd, &echo, sizeof(echo), MSG_NOSIGNAL);
	}
	echo6.icmp6_id = htons(target->id);
	echo6.icmp6_seq = htons(1);
	return send(target->fd, &echo6, sizeof(echo6), MSG_NOSIGNAL);
}

void exchange_repeat(struct target *target, int64_t now_ms)
{
	ssize_t sent;

	if (target->proto == PROBE_TCP || now_ms < target->next_send_ms)
		return;
	target->next_send_ms = now_ms + REPEAT_MS;
	sent = target->proto == PROBE_UDP ? send(target->fd, "?", 1, MSG_NOSIGNAL) :
					    send_echo(target);
	if (sent < 0 && errno != EAGAIN && errno != ENOBUFS)
		fail(target, errno);
}

short exchange_events(const struct target *target)
{
	return target->proto == PROBE_TCP && !target->connected ? POLLOUT : POLLIN;
}

/* A raw socket also hears the answers to others. */
static bool is_our_echo(const struct target *target, const uint8_t *data, size_t size)
{
	const struct icmp6_hdr *echo6 = (const void *)data;
	const struct icmphdr *echo;
	size_t header;

	if (target->addr.ss_family == AF_INET6)
		return size >= sizeof(*echo6) && echo6->icmp6_type == ICMP6_ECHO_REPLY &&
		       echo6->icmp6_id == htons(target->id);
	header = size ? (size_t)(data[0] & 0xf) * 4 : 0;
	echo = (const void *)(data + header);
	return size >= header + sizeof(*echo) && echo->type == ICMP_ECHOREPLY &&
	       echo->un.echo.id == htons(target->id);
}

static void take_answer(struct target *target)
{
	uint8_t data[2048] __attribute__((aligned(8)));
	ssize_t size = recv(target->fd, data, sizeof(data) - 1, 0);

	if (size < 0) {
		if (errno != EAGAIN)
			fail(target, errno);
		return;
	}
	if (target->proto == PROBE_ICMP) {
		if (is_our_echo(target, data, (size_t)size))
			target->result = PROBE_OPEN;
		return;
	}
	data[size] = '\0';
	data[strcspn((char *)data, "\n")] = '\0';
	snprintf(target->answer, sizeof(target->answer), "%.*s", PROBE_NAME_MAX - 1, (char *)data);
	target->result = size ? PROBE_OPEN : PROBE_SILENT;
}

void exchange_ready(struct target *target, short events)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (events & (POLLOUT | POLLERR | POLLHUP)) {
		if (getsockopt(target->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
		if (error) {
			fail(target, error);
			return;
		}
		target->connected = true;
	}
	if (events & (POLLIN | POLLHUP))
		take_answer(target);
}

void exchange_give_up(struct target *target)
{
	if (target->result == PROBE_PENDING)
		target->result = target->connected ? PROBE_SILENT : PROBE_TIMEOUT;
}

void exchange_close(struct target *target)
{
	if (target->fd >= 0)
		close(target->fd);
	target->fd = -1;
}
