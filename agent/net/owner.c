// SPDX-License-Identifier: Apache-2.0
#include "net/owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define STEP_MS 20
#define TABLE_SEQ 2 /* number of the message that the answer is about */

/* A transaction of one step; every part is aligned as netlink wants it. */
struct transaction {
	struct nlmsghdr begin;
	struct nfgenmsg begin_header;
	struct nlmsghdr table;
	struct nfgenmsg table_header;
	struct nlattr name;
	char name_text[NLMSG_ALIGN(sizeof(NET_OWNER_TABLE))];
	struct nlattr flags;
	__be32 flags_value;
	struct nlmsghdr end;
	struct nfgenmsg end_header;
};

static const struct transaction transaction = {
	.begin = { .nlmsg_len = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg),
		   .nlmsg_type = NFNL_MSG_BATCH_BEGIN, .nlmsg_flags = NLM_F_REQUEST,
		   .nlmsg_seq = TABLE_SEQ - 1 },
	.table = { .nlmsg_len = offsetof(struct transaction, end) -
				offsetof(struct transaction, table),
		   .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE,
		   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
		   .nlmsg_seq = TABLE_SEQ },
	.table_header = { .nfgen_family = NFPROTO_INET },
	.name = { .nla_len = sizeof(struct nlattr) + sizeof(NET_OWNER_TABLE),
		  .nla_type = NFTA_TABLE_NAME },
	.name_text = NET_OWNER_TABLE,
	.flags = { .nla_len = sizeof(struct nlattr) + sizeof(__be32),
		   .nla_type = NFTA_TABLE_FLAGS },
	.end = { .nlmsg_len = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg),
		 .nlmsg_type = NFNL_MSG_BATCH_END, .nlmsg_flags = NLM_F_REQUEST,
		 .nlmsg_seq = TABLE_SEQ + 1 },
};

/* -EEXIST or, where the table belongs to another socket, -EPERM. */
static int answer(int fd)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} reply;
	ssize_t n = recv(fd, &reply, sizeof(reply), MSG_TRUNC);

	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(reply.header) + sizeof(reply.error.error) ||
	    reply.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	if (reply.header.nlmsg_seq == TABLE_SEQ &&
	    (reply.error.error == -EEXIST || reply.error.error == -EPERM))
		return -EWOULDBLOCK;
	return reply.error.error;
}

static int own(int *fd)
{
	struct transaction wanted = transaction;
	cleanup(closep) int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int r;

	wanted.begin_header.res_id = wanted.end_header.res_id = htons(NFNL_SUBSYS_NFTABLES);
	wanted.flags_value = htonl(NFT_TABLE_F_OWNER | NFT_TABLE_F_DORMANT);
	if (sock < 0 || send(sock, &wanted, sizeof(wanted), 0) < 0)
		return -errno;
	r = answer(sock);
	if (r < 0)
		return r;
	*fd = take_fd(&sock);
	return 0;
}

int net_own(int *fd, int wait_ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	int64_t until = clock_ms() + wait_ms;
	int r;

	while ((r = own(fd)) == -EWOULDBLOCK && clock_ms() < until)
		nanosleep(&step, NULL);
	return r;
}
