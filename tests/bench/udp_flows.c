// SPDX-License-Identifier: Apache-2.0
/*
 * Sends one datagram on each of so many UDP flows, which differ by source port and, when there
 * are no more of those, by destination port.
 *
 *	bench-udp-flows NETNS IP PORT FLOWS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "figure.h"
#include "way.h"

#define PORT_FIRST 10000
#define PORTS 50000

static void send_one(const struct sockaddr_in *to, uint16_t from)
{
	const struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(from) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) ||
	    sendto(fd, "?", 1, 0, (const struct sockaddr *)to, sizeof(*to)) != 1)
		die("sendto", errno);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint32_t flows;

	if (argc != 5 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		die("usage: bench-udp-flows NETNS IP PORT FLOWS", 0);
	enter(argv[1]);
	flows = (uint32_t)atoi(argv[4]);
	for (uint32_t i = 0; i < flows; i++) {
		to.sin_port = htons((uint16_t)((uint32_t)atoi(argv[3]) + i / PORTS));
		send_one(&to, (uint16_t)(PORT_FIRST + i % PORTS));
	}
	return 0;
}
