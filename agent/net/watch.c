// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>

#include "base/cleanup.h"
#include "net/internal.h"
#include "net/net.h"

#define BURST_MS 10
#define READS_MAX 64 /* a wake-up; other work of the loop waits meanwhile */

struct net_watcher {
	struct nl_sock *sock;
	struct event *readable;
	struct event *burst_over;
	void (*changed)(void *arg);
	void *arg;
};

void net_watcher_free(struct net_watcher *watcher)
{
	if (!watcher)
		return;
	if (watcher->readable)
		event_free(watcher->readable);
	if (watcher->burst_over)
		event_free(watcher->burst_over);
	nl_socket_free(watcher->sock);
	free(watcher);
}

static void watcher_freep(struct net_watcher **watcher)
{
	net_watcher_free(*watcher);
}

/* Counted from the first change of a burst: steady changes cannot put the call off for ever. */
static void note_change(struct net_watcher *watcher)
{
	const struct timeval delay = { .tv_usec = BURST_MS * 1000 };

	if (!evtimer_pending(watcher->burst_over, NULL))
		evtimer_add(watcher->burst_over, &delay);
}

/* Routes come and go by the thousand with pods and routing daemons; only default ones matter. */
static int on_notification(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct rtmsg *route = nlmsg_data(header);

	switch (header->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (nlmsg_datalen(header) < (int)sizeof(*route) || route->rtm_dst_len)
			break;
		/* fall through */
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_NEWADDR:
	case RTM_DELADDR:
		note_change(arg);
	}
	return NL_OK;
}

/* A receive error means lost notifications: anything may have changed. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct net_watcher *watcher = arg;
	int r = 0;

	for (int i = 0; i < READS_MAX && r >= 0; i++)
		r = nl_recvmsgs_default(watcher->sock);
	if (r < 0 && r != -NLE_AGAIN)
		note_change(watcher);
}

static void on_burst_over(evutil_socket_t fd, short what, void *arg)
{
	struct net_watcher *watcher = arg;

	watcher->changed(watcher->arg);
}

static int subscribe(struct net_watcher *watcher)
{
	watcher->sock = nl_socket_alloc();
	if (!watcher->sock)
		return -ENOMEM;
	nl_socket_disable_seq_check(watcher->sock);
	nl_socket_disable_auto_ack(watcher->sock);
	nl_socket_modify_cb(watcher->sock, NL_CB_VALID, NL_CB_CUSTOM, on_notification, watcher);
	errno = 0;
	if (nl_connect(watcher->sock, NETLINK_ROUTE) < 0 ||
	    nl_socket_set_nonblocking(watcher->sock) < 0 ||
	    nl_socket_add_memberships(watcher->sock, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
				      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
				      RTNLGRP_NONE) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

int net_watch(struct net *net, struct event_base *base, void (*changed)(void *arg), void *arg)
{
	cleanup(watcher_freep) struct net_watcher *watcher = NULL;
	int r;

	if (net->watcher)
		return -EBUSY;
	watcher = calloc(1, sizeof(*watcher));
	if (!watcher)
		return -ENOMEM;
	watcher->changed = changed;
	watcher->arg = arg;
	r = subscribe(watcher);
	if (r < 0)
		return r;
	watcher->readable = event_new(base, nl_socket_get_fd(watcher->sock), EV_READ | EV_PERSIST,
				      on_readable, watcher);
	watcher->burst_over = evtimer_new(base, on_burst_over, watcher);
	if (!watcher->readable || !watcher->burst_over || event_add(watcher->readable, NULL) < 0)
		return -ENOMEM;
	net->watcher = take_ptr(&watcher);
	return 0;
}
