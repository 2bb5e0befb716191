// SPDX-License-Identifier: Apache-2.0
#include "net/sysctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"

#define ROOT "/proc/sys/net/"
#define VALUE_MAX 16
#define ACCEPT_RA 1
#define ACCEPT_RA_ALTHOUGH_ROUTER 2

static int open_sysctl(const char *path, int flags)
{
	char full[PATH_MAX];
	int fd;

	if (snprintf(full, sizeof(full), ROOT "%s", path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_text(char text[static VALUE_MAX], const char *path)
{
	cleanup(closep) int fd = open_sysctl(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, VALUE_MAX - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

int net_sysctl_get(int *ret, const char *path)
{
	char text[VALUE_MAX];
	int r = read_text(text, path);

	if (r < 0)
		return r;
	return sscanf(text, "%d", ret) == 1 ? 0 : -EINVAL;
}

int net_local_ports(uint16_t *first, uint16_t *last)
{
	char text[VALUE_MAX];
	int r = read_text(text, "ipv4/ip_local_port_range");

	if (r < 0)
		return r;
	return sscanf(text, "%hu %hu", first, last) == 2 ? 0 : -EINVAL;
}

int net_sysctl_set(const char *path, int value)
{
	cleanup(closep) int fd = -1;
	char text[VALUE_MAX];
	int n, now;

	/* /proc/sys may be read-only, and the value right nevertheless. */
	if (net_sysctl_get(&now, path) >= 0 && now == value)
		return 0;
	fd = open_sysctl(path, O_WRONLY);
	if (fd < 0)
		return log_debug_errno(fd, "sysctl %s", path);
	n = snprintf(text, sizeof(text), "%d", value);
	if (write(fd, text, (size_t)n) < 0)
		return log_debug_errno(-errno, "sysctl %s", path);
	return 0;
}

static void dirp_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/*
 * A router ignores router advertisements, and forgets the default route that came
 * from one: links that live on them must keep listening.
 */
static int keep_listening(void)
{
	cleanup(dirp_close) DIR *dir = opendir(ROOT "ipv6/conf");
	char path[PATH_MAX];
	struct dirent *entry;
	int r, now;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "all") ||
		    !strcmp(entry->d_name, "default"))
			continue;
		snprintf(path, sizeof(path), "ipv6/conf/%s/accept_ra", entry->d_name);
		if (net_sysctl_get(&now, path) < 0 || now != ACCEPT_RA)
			continue;
		r = net_sysctl_set(path, ACCEPT_RA_ALTHOUGH_ROUTER);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int net_forwarding_on(int family)
{
	int r, now;

	if (family == AF_INET)
		return net_sysctl_set("ipv4/ip_forward", 1);
	r = net_sysctl_get(&now, "ipv6/conf/all/forwarding");
	if (r < 0 || now)
		return r;
	r = keep_listening();
	if (r < 0)
		return r;
	return net_sysctl_set("ipv6/conf/all/forwarding", 1);
}
