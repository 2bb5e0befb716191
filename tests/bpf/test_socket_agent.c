// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's side of services for sockets: its programs come to the cgroup, are replaced
 * by those of the next agent, stand beside those of another, and go.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "bpffs_main.h"
#include "socket_place.h"

#define PROGRAMS_MAX 64

static const enum bpf_attach_type types[] = {
	BPF_CGROUP_INET4_CONNECT,     BPF_CGROUP_INET6_CONNECT,	    BPF_CGROUP_UDP4_SENDMSG,
	BPF_CGROUP_UDP6_SENDMSG,      BPF_CGROUP_UDP4_RECVMSG,	    BPF_CGROUP_UDP6_RECVMSG,
	BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_GETPEERNAME,
};

static char error[DATAPATH_ERROR_MAX];

static struct datapath *open_agent(const char *dir)
{
	const struct datapath_config config = { .bpffs = dir, .sockets = true };
	struct datapath *dp = NULL;

	error[0] = '\0';
	ck_assert_msg(!datapath_open(&dp, &config, error), "%s", error);
	return dp;
}

/* What is attached to the cgroup for @type. */
static uint32_t programs_at(uint32_t ids[PROGRAMS_MAX], const char *cgroup,
			    enum bpf_attach_type type)
{
	cleanup(closep) int fd = open(cgroup, O_RDONLY | O_DIRECTORY);
	uint32_t count = PROGRAMS_MAX, flags;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bpf_prog_query(fd, type, 0, &flags, ids, &count), 0);
	return count;
}

static void check_count(const char *cgroup, uint32_t count)
{
	uint32_t ids[PROGRAMS_MAX];

	for (int i = 0; i < CHECK_COUNT(types); i++)
		ck_assert_uint_eq(programs_at(ids, cgroup, types[i]), count);
}

START_TEST(programs_are_attached_and_stay)
{
	const char *cgroup = place_cgroup();
	struct datapath *dp = open_agent(bpffs);

	ck_assert_msg(!datapath_attach_sockets(dp, cgroup, error), "%s", error);
	check_count(cgroup, 1);
	datapath_free(dp);
	check_count(cgroup, 1);
}
END_TEST

START_TEST(the_next_agent_replaces_them)
{
	uint32_t before[PROGRAMS_MAX], after[PROGRAMS_MAX];
	const char *cgroup = place_cgroup();
	struct datapath *dp = open_agent(bpffs);

	ck_assert_int_eq(datapath_attach_sockets(dp, cgroup, error), 0);
	programs_at(before, cgroup, types[0]);
	datapath_free(dp);
	dp = open_agent(bpffs);
	ck_assert_int_eq(datapath_attach_sockets(dp, cgroup, error), 0);
	check_count(cgroup, 1);
	programs_at(after, cgroup, types[0]);
	ck_assert_uint_ne(before[0], after[0]);
	datapath_free(dp);
}
END_TEST

START_TEST(agents_stand_side_by_side)
{
	const char *cgroup = place_cgroup();
	char one[64], two[64];
	struct datapath *first, *second;

	snprintf(one, sizeof(one), "%s/one", bpffs);
	snprintf(two, sizeof(two), "%s/two", bpffs);
	first = open_agent(one);
	place_network();
	second = open_agent(two);
	ck_assert_msg(!datapath_attach_sockets(first, cgroup, error), "%s", error);
	ck_assert_msg(!datapath_attach_sockets(second, cgroup, error), "%s", error);
	check_count(cgroup, 2);
	datapath_detach_sockets(first);
	check_count(cgroup, 1);
	datapath_free(first);
	datapath_free(second);
}
END_TEST

START_TEST(another_cgroup_takes_them_along)
{
	const char *cgroup = place_cgroup();
	struct datapath *dp = open_agent(bpffs);
	char inner[160];

	snprintf(inner, sizeof(inner), "%s/inner", cgroup);
	ck_assert_int_eq(mkdir(inner, 0755), 0);
	ck_assert_int_eq(datapath_attach_sockets(dp, inner, error), 0);
	check_count(inner, 1);
	ck_assert_int_eq(datapath_attach_sockets(dp, cgroup, error), 0);
	check_count(inner, 0);
	check_count(cgroup, 1);
	datapath_free(dp);
	rmdir(inner);
}
END_TEST

START_TEST(a_cgroup_that_is_gone_is_no_obstacle)
{
	const char *cgroup = place_cgroup();
	struct datapath *dp = open_agent(bpffs);
	char inner[160];

	snprintf(inner, sizeof(inner), "%s/inner", cgroup);
	ck_assert_int_eq(mkdir(inner, 0755), 0);
	ck_assert_int_eq(datapath_attach_sockets(dp, inner, error), 0);
	ck_assert_int_eq(rmdir(inner), 0);
	ck_assert_msg(!datapath_attach_sockets(dp, cgroup, error), "%s", error);
	check_count(cgroup, 1);
	datapath_free(dp);
}
END_TEST

START_TEST(removing_everything_removes_them)
{
	uint32_t ids[PROGRAMS_MAX];
	const char *cgroup = place_cgroup();
	struct datapath *dp = open_agent(bpffs);

	ck_assert_int_eq(datapath_attach_sockets(dp, cgroup, error), 0);
	datapath_free(dp);
	ck_assert_int_eq(datapath_remove(bpffs), 0);
	/* The kernel takes its time with what is no longer pinned. */
	for (int i = 0; i < CHECK_COUNT(types); i++)
		while (programs_at(ids, cgroup, types[i]))
			usleep(1000);
}
END_TEST

START_TEST(what_is_no_cgroup_is_told)
{
	struct datapath *dp = open_agent(bpffs);

	ck_assert_int_eq(datapath_attach_sockets(dp, "/proc", error), -ENOTDIR);
	ck_assert_str_eq(error, "/proc is no directory of cgroup v2");
	datapath_free(dp);
}
END_TEST

START_TEST(programs_that_are_not_loaded_are_told)
{
	const struct datapath_config config = { .bpffs = bpffs };
	struct datapath *dp;

	ck_assert_int_eq(datapath_open(&dp, &config, error), 0);
	ck_assert_int_eq(datapath_attach_sockets(dp, place_cgroup(), error), -ENOEXEC);
	ck_assert_str_eq(error, "socket.bpf.o is not loaded");
	datapath_free(dp);
}
END_TEST

BPFFS_MAIN("socket_agent", CHECK_TEST(programs_are_attached_and_stay),
	   CHECK_TEST(the_next_agent_replaces_them), CHECK_TEST(agents_stand_side_by_side),
	   CHECK_TEST(another_cgroup_takes_them_along),
	   CHECK_TEST(a_cgroup_that_is_gone_is_no_obstacle),
	   CHECK_TEST(removing_everything_removes_them), CHECK_TEST(what_is_no_cgroup_is_told),
	   CHECK_TEST(programs_that_are_not_loaded_are_told))
