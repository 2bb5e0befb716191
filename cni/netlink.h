/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route netlink in batches: add messages, send all at once, hear the first error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "cni/message.h"

#define NETLINK_BYTES 4096 /* of one batch: some 30 messages of the sizes used here */
#define NETLINK_MESSAGES 32
#define NETLINK_ANSWER_BYTES 16384

struct netlink {
	int fd; /* -1: not open */
	uint32_t port; /* the socket's own */
	unsigned int seq; /* of the last message */
	size_t count; /* messages in the batch */
	struct nlmsghdr *last;
	const char *what[NETLINK_MESSAGES];
	const char *failed; /* what the last netlink_send() could not do */
	char buffer[NETLINK_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

struct netlink_link {
	uint32_t ifindex;
	uint32_t peer; /* IFLA_LINK, 0: none */
	uint8_t mac[MAC_BYTES];
	bool up;
	bool veth;
};

/* In the network namespace @netns_fd, or in the caller's with -1. 0 or -errno. */
int netlink_open(struct netlink *ret, int netns_fd);
void netlink_close(struct netlink *nl);

/* A new message at the end of the batch. @what (a literal) names it in errors. */
struct nlmsghdr *netlink_add(struct netlink *nl, uint16_t type, uint16_t flags, const char *what);
void netlink_put_addr(struct nlmsghdr *message, uint16_t attribute, const struct ip_addr *addr);
uint8_t netlink_family(const struct ip_addr *addr);

/*
 * Send the batch. The kernel carries out every message, also those after one that
 * fails; the first failure is returned, and nl->failed names it.
 */
int netlink_send(struct netlink *nl);

/* Send bytes to the kernel. 0 or -errno. */
int netlink_write(struct netlink *nl, const void *data, size_t length);

/* The kernel's next messages: their bytes, or -errno; -ENOSPC when they are more than @room. */
int netlink_read(struct netlink *nl, void *answer, size_t room);

/* The error that an NLMSG_ERROR brings: -errno, 0 for a plain acknowledgement. */
int netlink_message_error(const struct nlmsghdr *message);

/* By @ifname, or by @ifindex when it is NULL. 0, -ENODEV, or another errno. */
int netlink_get_link(struct netlink_link *ret, struct netlink *nl, const char *ifname,
		     uint32_t ifindex);

/* 0, -ENODEV, or another errno. */
int netlink_delete_link(struct netlink *nl, const char *ifname);

/* Adds the message that sets the link up. */
void netlink_add_up(struct netlink *nl, uint32_t ifindex, const char *what);

/* 1 when the link has the address, 0 when not, or -errno. */
int netlink_has_addr(struct netlink *nl, uint32_t ifindex, const struct ip_addr *addr);

/* 1: the default route of the gateway's family is by way of it and the link, 0: no, or -errno. */
int netlink_has_default_route(struct netlink *nl, uint32_t ifindex, const struct ip_addr *gateway);
