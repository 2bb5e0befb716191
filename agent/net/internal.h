/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to netlink, for the files of this folder. The messages are built by
 * hand on libnl's core: its objects lose the kernel's errno, and its caches stay
 * in memory.
 */
#pragma once

#include <errno.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define NET_LOOPBACK 1 /* index of `lo` in every network namespace */

struct net_watcher;

struct net {
	struct nl_sock *sock;
	struct net_watcher *watcher; /* NULL: nobody watches */
};

/* What was to be removed is not there, or what it was on. */
static inline bool net_is_gone(int r)
{
	return r == -ESRCH || r == -ENOENT || r == -ENODEV || r == -EADDRNOTAVAIL;
}

/* A connection of NETLINK_@protocol. 0 or a negative errno. */
int net_open(struct net **ret, int protocol);

void net_watcher_free(struct net_watcher *watcher);

/* A message with its family header; the caller frees it. 0 or -ENOMEM. */
int net_message(struct nl_msg **ret, int type, int flags, const void *header, size_t size);
void net_message_freep(struct nl_msg **msg);

/* An address attribute in the width of its family. 0 or -EMSGSIZE. */
int net_put_addr(struct nl_msg *msg, int attr, const struct ip_addr *addr);

/* The address of an attribute; false when it is missing or has another width. */
bool net_get_addr(struct ip_addr *ret, const struct nlattr *attr);

static inline uint8_t net_family(const struct ip_addr *addr)
{
	return ip_addr_is_v4(addr) ? AF_INET : AF_INET6;
}

/* Send, and wait for the kernel's answer: 0 or its errno. */
int net_request(struct net *net, struct nl_msg *msg);

/* Reads one answer into a zeroed row. true: the row counts. */
typedef bool (*net_read_fn)(void *row, struct nlmsghdr *header, const void *arg);

/*
 * Send, and collect the answers as an array of rows of @size bytes, which is the
 * caller's (NULL when empty). @ret is a pointer to a pointer. A dump that the
 * kernel had to interrupt is repeated.
 */
int net_collect(void *ret, size_t *count, struct net *net, struct nl_msg *msg, size_t size,
		net_read_fn read, const void *arg);

/* Adds or deletes (@type) the host address @addr on `lo`. */
int net_loopback_addr(struct net *net, int type, int flags, const struct ip_addr *addr);
