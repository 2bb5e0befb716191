// SPDX-License-Identifier: Apache-2.0
#include "net/world.h"

#include <check.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define COMMAND_MAX 512

/* Before main(), so that no test of a program can touch the namespace of the machine. */
__attribute__((constructor)) static void leave_machine(void)
{
	if (!unshare(CLONE_NEWNET))
		return;
	puts("1..0 # SKIP needs root");
	exit(EXIT_SUCCESS);
}

int world_enter_new(void)
{
	int ns;

	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(ns, 0);
	/* A node asks for neighbours from its link-local address: seconds late with DAD. */
	world_run("cd /proc/sys/net/ipv6/conf; echo 0 >all/accept_dad; echo 0 >default/accept_dad");
	return ns;
}

void world_enter(int ns)
{
	ck_assert_int_eq(setns(ns, CLONE_NEWNET), 0);
}

void world_run(const char *fmt, ...)
{
	char command[COMMAND_MAX];
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_lt(vsnprintf(command, sizeof(command), fmt, ap), COMMAND_MAX);
	va_end(ap);
	ck_assert_msg(!system(command), "%s", command);
}

bool world_shows(const char *command, const char *text)
{
	char output[16384];
	FILE *pipe = popen(command, "re");
	size_t n;

	ck_assert_ptr_nonnull(pipe);
	n = fread(output, 1, sizeof(output) - 1, pipe);
	output[n] = '\0';
	ck_assert_msg(!pclose(pipe), "%s", command);
	return strstr(output, text);
}

struct net *world_net(void)
{
	struct net *net;

	world_enter_new();
	ck_assert_int_eq(net_new(&net), 0);
	return net;
}

uint32_t world_ifindex(const char *name)
{
	uint32_t ifindex = if_nametoindex(name);

	ck_assert_msg(ifindex, "%s", name);
	return ifindex;
}

struct ip_addr world_addr(const char *text)
{
	struct ip_addr addr;

	ck_assert_int_eq(addr_parse(&addr, text), 0);
	return addr;
}

struct prefix world_prefix(const char *text)
{
	struct prefix prefix;

	ck_assert_int_eq(prefix_parse(&prefix, NULL, text), 0);
	return prefix;
}
