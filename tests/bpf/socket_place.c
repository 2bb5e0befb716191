// SPDX-License-Identifier: Apache-2.0
#include "socket_place.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static struct {
	char cgroup[128];
	pid_t owner;
} own;

static const char *const addresses4[PLACES] = {
	[BACKEND_1] = "10.7.0.1", [BACKEND_2] = "10.7.0.2", [BACKEND_3] = "10.7.0.3",
	[PLAIN] = "10.7.0.4", [SERVICE] = "10.96.0.10", [SERVICE_2] = "10.96.0.11",
};
static const char *const addresses6[PLACES] = {
	[BACKEND_1] = "fd07::1", [BACKEND_2] = "fd07::2", [BACKEND_3] = "fd07::3",
	[PLAIN] = "fd07::4", [SERVICE] = "fd96::10", [SERVICE_2] = "fd96::11",
};

void place_die(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(EXIT_FAILURE);
}

struct ip_addr place_addr(enum place place, bool v6)
{
	struct ip_addr addr = {};
	__be32 v4;

	if (v6) {
		inet_pton(AF_INET6, addresses6[place], &addr);
		return addr;
	}
	inet_pton(AF_INET, addresses4[place], &v4);
	ip_addr_set_v4(&addr, v4);
	return addr;
}

/* Where cgroup v2 is mounted, alone or beside v1. */
static const char *cgroup_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (int i = 0; i < 2; i++)
		if (!statfs(places[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return NULL;
}

static bool join(const char *cgroup)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = fopen(path, "w");
	return file && fprintf(file, "%d\n", getpid()) > 0 && !fclose(file);
}

static void leave(void)
{
	if (getpid() != own.owner)
		return;
	if (join(cgroup_root()))
		rmdir(own.cgroup);
}

/* Those of tests that were cut off. */
static void remove_stale(const char *root)
{
	DIR *dir = opendir(root);
	struct dirent *entry;
	char path[384];
	int pid;

	while (dir && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, "weir-test-%d", &pid) != 1 || !kill(pid, 0))
			continue;
		snprintf(path, sizeof(path), "%s/%s", root, entry->d_name);
		rmdir(path);
	}
	if (dir)
		closedir(dir);
}

const char *place_cgroup(void)
{
	remove_stale(cgroup_root());
	snprintf(own.cgroup, sizeof(own.cgroup), "%s/weir-test-%d", cgroup_root(), getpid());
	if (mkdir(own.cgroup, 0755))
		place_die(own.cgroup, errno);
	own.owner = getpid();
	atexit(leave);
	if (!join(own.cgroup))
		place_die(own.cgroup, errno);
	return own.cgroup;
}

void place_network(void)
{
	char command[128];

	if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
		place_die("network namespace", errno);
	for (int place = BACKEND_1; place <= PLAIN; place++) {
		snprintf(command, sizeof(command), "ip addr add %s/32 dev lo && "
			 "ip addr add %s/128 dev lo nodad", addresses4[place], addresses6[place]);
		if (system(command))
			place_die(command, EIO);
	}
}

const char *place_refuses(void)
{
	if (geteuid())
		return "needs root";
	return cgroup_root() ? NULL : "cgroup v2 is not mounted";
}

uint64_t place_netns(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t length = sizeof(uint64_t);
	uint64_t cookie;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length))
		place_die("SO_NETNS_COOKIE", errno);
	close(fd);
	return cookie;
}
