// SPDX-License-Identifier: Apache-2.0
#include "cni/release.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cni/agent_call.h"
#include "cni/netlink.h"
#include "weir/linkname.h"

/*
 * An empty file that the agent replays. Without a run directory no agent was there
 * since the machine started, or it was cleaned up after: then nobody wants to know.
 */
static int leave_name(const struct cni_call *call)
{
	char socket[PATH_MAX], directory[PATH_MAX];
	cleanup(closep) int dir = -1;
	cleanup(closep) int file = -1;
	char name[NAME_MAX + 1];
	int n;

	if (strlen(call->conf.socket) >= sizeof(socket))
		return -ENAMETOOLONG;
	strcpy(socket, call->conf.socket);
	n = snprintf(directory, sizeof(directory), "%s/deleted", dirname(socket));
	if (n >= (int)sizeof(directory))
		return -ENAMETOOLONG;
	n = snprintf(name, sizeof(name), "%s@%s", call->env.container_id, call->env.ifname);
	if (n >= (int)sizeof(name))
		return -ENAMETOOLONG;
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	file = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return file < 0 ? -errno : 0;
}

static int delete_link(const struct cni_call *call)
{
	struct netlink host;
	char name[LINKNAME_MAX];
	int r;

	r = netlink_open(&host, -1);
	if (r < 0)
		return r;
	linkname(name, call->env.container_id, call->env.ifname);
	r = netlink_delete_link(&host, name);
	netlink_close(&host);
	return r == -ENODEV ? 0 : r;
}

int endpoint_release(const struct cni_call *call, struct cni_error *error)
{
	struct cni_error refusal;
	int link, name;

	if (!agent_del(call, &refusal))
		return 0;
	/* The name first: should this process be killed now, the agent still finishes. */
	name = leave_name(call);
	link = delete_link(call);
	if (name < 0 && link < 0)
		return cni_fail_errno(error, CNI_IO_FAILURE, link,
				      "no agent answers, and the link of %s@%s cannot be deleted",
				      call->env.container_id, call->env.ifname);
	return 0;
}
