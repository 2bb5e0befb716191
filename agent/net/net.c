// SPDX-License-Identifier: Apache-2.0
#include "net/net.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "net/internal.h"

#define DUMP_ATTEMPTS 8

/* One request on its way. */
struct exchange {
	uint32_t seq;
	bool done;
	bool interrupted;
	int error;

	net_read_fn read; /* NULL: no answer but the acknowledgement is wanted */
	const void *arg;
	size_t size;
	char *rows;
	size_t count, room;
};

void net_free(struct net *net)
{
	if (!net)
		return;
	net_watcher_free(net->watcher);
	nl_socket_free(net->sock);
	free(net);
}

void net_freep(struct net **net)
{
	net_free(*net);
}

int net_open(struct net **ret, int protocol)
{
	cleanup(net_freep) struct net *net = NULL;

	net = calloc(1, sizeof(*net));
	if (!net)
		return -ENOMEM;
	net->sock = nl_socket_alloc();
	if (!net->sock)
		return -ENOMEM;
	errno = 0;
	if (nl_connect(net->sock, protocol) < 0)
		return errno ? -errno : -ENOMEM;
	*ret = take_ptr(&net);
	return 0;
}

int net_new(struct net **ret)
{
	int on = 1, r = net_open(ret, NETLINK_ROUTE);

	if (r < 0)
		return r;
	/* Lets the kernel filter dumps. Without it they are only longer. */
	setsockopt(nl_socket_get_fd((*ret)->sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
		   sizeof(on));
	return 0;
}

void net_message_freep(struct nl_msg **msg)
{
	nlmsg_free(*msg);
}

int net_message(struct nl_msg **ret, int type, int flags, const void *header, size_t size)
{
	cleanup(net_message_freep) struct nl_msg *msg = NULL;

	msg = nlmsg_alloc_simple(type, flags);
	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, (void *)header, size, NLMSG_ALIGNTO) < 0)
		return -ENOMEM;
	*ret = take_ptr(&msg);
	return 0;
}

int net_put_addr(struct nl_msg *msg, int attr, const struct ip_addr *addr)
{
	bool v4 = ip_addr_is_v4(addr);

	return nla_put(msg, attr, v4 ? 4 : 16, addr->bytes + (v4 ? 12 : 0)) < 0 ? -EMSGSIZE : 0;
}

bool net_get_addr(struct ip_addr *ret, const struct nlattr *attr)
{
	__be32 v4;

	if (attr && nla_len(attr) == sizeof(v4)) {
		memcpy(&v4, nla_data(attr), sizeof(v4));
		ip_addr_set_v4(ret, v4);
		return true;
	}
	if (!attr || nla_len(attr) != sizeof(ret->bytes))
		return false;
	memcpy(ret->bytes, nla_data(attr), sizeof(ret->bytes));
	return true;
}

static void *row_add(struct exchange *ex)
{
	size_t room = ex->room ? ex->room * 2 : 4;
	char *rows;

	if (ex->count == ex->room) {
		rows = reallocarray(ex->rows, room, ex->size);
		if (!rows)
			return NULL;
		ex->rows = rows;
		ex->room = room;
	}
	return memset(ex->rows + ex->count * ex->size, 0, ex->size);
}

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct exchange *ex = arg;
	void *row;

	if (header->nlmsg_seq != ex->seq || !ex->read || ex->error)
		return NL_OK;
	row = row_add(ex);
	if (!row)
		ex->error = -ENOMEM;
	else if (ex->read(row, header, ex->arg))
		ex->count++;
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct exchange *ex = arg;

	if (nlmsg_hdr(msg)->nlmsg_seq == ex->seq)
		ex->done = true;
	return NL_OK;
}

/* The end of a dump carries its errno. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct exchange *ex = arg;
	int error;

	if (header->nlmsg_seq != ex->seq)
		return NL_OK;
	ex->done = true;
	if (nlmsg_datalen(header) >= (int)sizeof(error) && !ex->error) {
		memcpy(&error, nlmsg_data(header), sizeof(error));
		ex->error = error < 0 ? error : 0;
	}
	return NL_OK;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct exchange *ex = arg;

	if (nlmsg_hdr(msg)->nlmsg_seq == ex->seq)
		ex->interrupted = true;
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct exchange *ex = arg;

	if (error->msg.nlmsg_seq != ex->seq)
		return NL_SKIP;
	ex->done = true;
	ex->error = error->error;
	return NL_SKIP;
}

/* The callbacks above look for their number: a stale answer must not break the next request. */
static int any_sequence(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

static void callbacks_freep(struct nl_cb **cb)
{
	nl_cb_put(*cb);
}

static int exchange(struct exchange *ex, struct net *net, struct nl_msg *msg)
{
	cleanup(callbacks_freep) struct nl_cb *cb = NULL;

	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_answer, ex);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, ex);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, ex);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, ex);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, ex);

	nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
	errno = 0;
	if (nl_send_auto(net->sock, msg) < 0)
		return errno ? -errno : -EIO;
	ex->seq = nlmsg_hdr(msg)->nlmsg_seq;
	while (!ex->done) {
		errno = 0;
		if (nl_recvmsgs(net->sock, cb) < 0 && !ex->done)
			return errno ? -errno : -EIO;
	}
	return ex->error;
}

int net_request(struct net *net, struct nl_msg *msg)
{
	struct exchange ex = {};

	return exchange(&ex, net, msg);
}

int net_collect(void *ret, size_t *count, struct net *net, struct nl_msg *msg, size_t size,
		net_read_fn read, const void *arg)
{
	int r = 0;

	for (int i = 0; i < DUMP_ATTEMPTS; i++) {
		struct exchange ex = { .read = read, .arg = arg, .size = size };

		r = exchange(&ex, net, msg);
		if (r >= 0 && !ex.interrupted) {
			*count = ex.count;
			if (ex.count)
				*(char **)ret = take_ptr(&ex.rows);
			else
				*(char **)ret = NULL;
			free(ex.rows);
			return 0;
		}
		free(ex.rows);
		if (r < 0)
			return r;
	}
	return -EAGAIN;
}
