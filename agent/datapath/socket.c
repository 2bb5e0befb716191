// SPDX-License-Identifier: Apache-2.0
/* Services for the node's own sockets: cgroup programs by pinned links. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "datapath/private.h"
#include "weir/socket.h"

#include "socket.skel.h"

/* Where cgroup v2 is mounted: alone, or beside v1. */
static const char *const usual_mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

static const struct {
	const char *name;
	enum bpf_attach_type type;
} points[SOCKET_PROGRAM_MAX] = {
	{ "connect4", BPF_CGROUP_INET4_CONNECT },
	{ "connect6", BPF_CGROUP_INET6_CONNECT },
	{ "sendmsg4", BPF_CGROUP_UDP4_SENDMSG },
	{ "sendmsg6", BPF_CGROUP_UDP6_SENDMSG },
	{ "recvmsg4", BPF_CGROUP_UDP4_RECVMSG },
	{ "recvmsg6", BPF_CGROUP_UDP6_RECVMSG },
	{ "getpeername4", BPF_CGROUP_INET4_GETPEERNAME },
	{ "getpeername6", BPF_CGROUP_INET6_GETPEERNAME },
};

/* The cookie of the network namespace in which we run. */
static int own_netns(__u64 *ret)
{
	cleanup(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*ret);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &length) < 0)
		return -errno;
	return 0;
}

static int keep_programs(struct datapath *dp, struct bpf_object *obj)
{
	const struct bpf_program *program;

	for (int i = 0; i < SOCKET_PROGRAM_MAX; i++) {
		program = bpf_object__find_program_by_name(obj, points[i].name);
		if (!program)
			return -ENOENT;
		dp->socket_programs[i] = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
		if (dp->socket_programs[i] < 0)
			return -errno;
	}
	return 0;
}

int datapath_load_sockets(struct datapath *dp, const struct bpf_object_open_opts *opts,
			  const struct datapath_config *config)
{
	struct socket *skel = socket__open_opts(opts);
	struct socket_config *sockets;
	int r;

	if (!skel)
		return -errno;
	sockets = (struct socket_config *)&skel->rodata->sockets;
	sockets->everyone = config->sockets_everyone;
	((struct node_config *)&skel->rodata->config)->hz = dp->hz;
	r = own_netns(&sockets->netns);
	r = r ?: datapath_size_maps(skel->obj, config->sizes, opts->pin_root_path);
	r = r ?: socket__load(skel);
	r = r ?: datapath_keep_maps(dp, skel->obj);
	r = r ?: keep_programs(dp, skel->obj);
	socket__destroy(skel);
	return r;
}

static void pin_path(char path[static PATH_MAX], const struct datapath *dp, int program)
{
	snprintf(path, PATH_MAX, "%s/links/cgroup-%s", dp->bpffs, points[program].name);
}

/* A link's cgroup and a directory's are the same number. */
static bool is_link_of(int link, uint64_t cgroup_id)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);

	return !bpf_obj_get_info_by_fd(link, &info, &length) && info.cgroup.cgroup_id == cgroup_id;
}

/* A pin of a former agent: its link takes the new program, unless it is of another cgroup. */
static int update_link(const struct datapath *dp, const char *path, int program, uint64_t cgroup_id)
{
	cleanup(closep) int link = bpf_obj_get(path);

	if (link < 0)
		return -errno;
	if (is_link_of(link, cgroup_id) &&
	    !bpf_link_update(link, dp->socket_programs[program], NULL))
		return 0;
	bpf_link_detach(link);
	return unlink(path) < 0 ? -errno : -ENOENT;
}

static int attach(const struct datapath *dp, int cgroup, uint64_t cgroup_id, int program)
{
	cleanup(closep) int link = -1;
	char path[PATH_MAX];
	int r;

	pin_path(path, dp, program);
	r = update_link(dp, path, program, cgroup_id);
	if (r != -ENOENT)
		return r;
	link = bpf_link_create(dp->socket_programs[program], cgroup, points[program].type, NULL);
	if (link < 0)
		return -errno;
	return bpf_obj_pin(link, path) ? -errno : 0;
}

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* NULL, and @error says so: there is no such directory. */
static const char *find_cgroup(const char *configured, char *error)
{
	if (configured) {
		if (is_cgroup2(configured))
			return configured;
		snprintf(error, DATAPATH_ERROR_MAX, "%.400s is no directory of cgroup v2",
			 configured);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(usual_mounts) / sizeof(*usual_mounts); i++)
		if (is_cgroup2(usual_mounts[i]))
			return usual_mounts[i];
	snprintf(error, DATAPATH_ERROR_MAX, "cgroup v2 is mounted neither at %s nor at %s",
		 usual_mounts[0], usual_mounts[1]);
	return NULL;
}

int datapath_attach_sockets(struct datapath *dp, const char *cgroup, char *error)
{
	char links[PATH_MAX];
	cleanup(closep) int fd = -1;
	struct stat st;
	int r;

	if (dp->socket_programs[SOCKET_PROGRAM_MAX - 1] < 0) {
		snprintf(error, DATAPATH_ERROR_MAX, "%s", dp->socket_error[0] ?
			 dp->socket_error : "socket.bpf.o is not loaded");
		return -ENOEXEC;
	}
	cgroup = find_cgroup(cgroup, error);
	if (!cgroup)
		return -ENOTDIR;
	fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	snprintf(links, sizeof(links), "%s/links", dp->bpffs);
	r = r ?: file_make_dirs(links, 0700);
	for (int i = 0; !r && i < SOCKET_PROGRAM_MAX; i++)
		r = attach(dp, fd, st.st_ino, i);
	if (r < 0) {
		datapath_detach_sockets(dp);
		snprintf(error, DATAPATH_ERROR_MAX, "attaching to %.400s: %s", cgroup,
			 strerror(-r));
	}
	return r;
}

void datapath_detach_sockets(struct datapath *dp)
{
	char path[PATH_MAX];

	for (int i = 0; i < SOCKET_PROGRAM_MAX; i++) {
		cleanup(closep) int link = -1;

		pin_path(path, dp, i);
		/* At once; the kernel takes its time with a link that only lost its pin. */
		link = bpf_obj_get(path);
		if (link >= 0)
			bpf_link_detach(link);
		unlink(path);
	}
}
