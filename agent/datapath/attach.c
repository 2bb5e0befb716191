// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parse.h"
#include "datapath/private.h"
#include "weir/compat.h"

#define CLSACT_PRIORITY 1
#define CLSACT_HANDLE 0x77

static const struct {
	const char *name;
	enum bpf_attach_type tcx;
	enum bpf_tc_attach_point clsact;
} programs[DATAPATH_ATTACHED_MAX] = {
	[PROGRAM_FROM_POD] = { "from_pod", (enum bpf_attach_type)WEIR_TCX_INGRESS, BPF_TC_INGRESS },
	[PROGRAM_TO_POD] = { "to_pod", (enum bpf_attach_type)WEIR_TCX_EGRESS, BPF_TC_EGRESS },
	[PROGRAM_FROM_WIRE] = { "from_wire", (enum bpf_attach_type)WEIR_TCX_INGRESS,
				BPF_TC_INGRESS },
};

static void pin_path(char path[static PATH_MAX], const struct datapath *dp, uint32_t ifindex,
		     enum datapath_program program)
{
	snprintf(path, PATH_MAX, "%s/links/%u-%s", dp->bpffs, ifindex, programs[program].name);
}

/* A pin of a former agent: its link takes the new program, unless its device is gone. */
static int update_link(const struct datapath *dp, const char *path, enum datapath_program program)
{
	cleanup(closep) int link = bpf_obj_get(path);

	if (link < 0)
		return -errno;
	if (!bpf_link_update(link, dp->programs[program], NULL))
		return 0;
	return unlink(path) < 0 ? -errno : -ENOENT;
}

static int attach_tcx(const struct datapath *dp, uint32_t ifindex, enum datapath_program program)
{
	cleanup(closep) int link = -1;
	char path[PATH_MAX];
	int r;

	pin_path(path, dp, ifindex, program);
	r = update_link(dp, path, program);
	if (r != -ENOENT)
		return r;
	link = bpf_link_create(dp->programs[program], (int)ifindex, programs[program].tcx, NULL);
	/* -EINVAL: a kernel before 6.6, which does not know the attach type. */
	if (link < 0)
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	if (!bpf_obj_pin(link, path))
		return 0;
	r = -errno;
	if (r != -ENOENT)
		return r;
	snprintf(path, sizeof(path), "%s/links", dp->bpffs);
	r = file_make_dirs(path, 0700);
	if (r < 0)
		return r;
	pin_path(path, dp, ifindex, program);
	return bpf_obj_pin(link, path) ? -errno : 0;
}

/* Belongs to the device and outlives the agent as well. */
static int attach_clsact(const struct datapath *dp, uint32_t ifindex, enum datapath_program program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	int r;

	hook.ifindex = (int)ifindex;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return r;
	hook.attach_point = programs[program].clsact;
	opts.prog_fd = dp->programs[program];
	opts.handle = CLSACT_HANDLE;
	opts.priority = CLSACT_PRIORITY;
	opts.flags = BPF_TC_F_REPLACE;
	return bpf_tc_attach(&hook, &opts);
}

int datapath_attach(struct datapath *dp, uint32_t ifindex, enum datapath_program program)
{
	int r = dp->clsact ? -EOPNOTSUPP : attach_tcx(dp, ifindex, program);

	return r == -EOPNOTSUPP ? attach_clsact(dp, ifindex, program) : r;
}

static const enum datapath_program pod_programs[] = { PROGRAM_FROM_POD, PROGRAM_TO_POD };

int datapath_attach_pod(struct datapath *dp, uint32_t ifindex)
{
	char path[PATH_MAX];
	int r;

	for (int i = 0; i < 2; i++) {
		r = attach_clsact(dp, ifindex, pod_programs[i]);
		if (r < 0)
			return r;
		pin_path(path, dp, ifindex, pod_programs[i]);
		r = update_link(dp, path, pod_programs[i]);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int datapath_promote_pod(struct datapath *dp, uint32_t ifindex)
{
	int r = dp->clsact ? -EOPNOTSUPP : 0;

	for (int i = 0; !r && i < 2; i++)
		r = attach_tcx(dp, ifindex, pod_programs[i]);
	return r;
}

void datapath_detach(struct datapath *dp, uint32_t ifindex)
{
	char path[PATH_MAX];

	for (int i = 0; i < DATAPATH_ATTACHED_MAX; i++) {
		pin_path(path, dp, ifindex, (enum datapath_program)i);
		unlink(path);
	}
}

static bool is_ours(uint32_t program)
{
	cleanup(closep) int fd = bpf_prog_get_fd_by_id(program);
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return false;
	for (int i = 0; i < DATAPATH_ATTACHED_MAX; i++)
		if (!strcmp(info.name, programs[i].name))
			return true;
	return false;
}

void datapath_unfilter(uint32_t ifindex)
{
	static const enum bpf_tc_attach_point points[] = { BPF_TC_INGRESS, BPF_TC_EGRESS };

	for (int i = 0; i < 2; i++) {
		LIBBPF_OPTS(bpf_tc_hook, hook);
		LIBBPF_OPTS(bpf_tc_opts, opts);

		hook.ifindex = (int)ifindex;
		hook.attach_point = points[i];
		opts.handle = CLSACT_HANDLE;
		opts.priority = CLSACT_PRIORITY;
		if (bpf_tc_query(&hook, &opts) || !is_ours(opts.prog_id))
			continue;
		opts.prog_fd = 0;
		opts.prog_id = 0;
		opts.flags = 0;
		bpf_tc_detach(&hook, &opts);
	}
}

int datapath_each_device(struct datapath *dp, void (*fn)(uint32_t ifindex, void *arg), void *arg)
{
	cleanup(closedirp) DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;
	uint64_t ifindex;
	char *dash;

	snprintf(path, sizeof(path), "%s/links", dp->bpffs);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		dash = strchr(entry->d_name, '-');
		if (!dash)
			continue;
		*dash = '\0';
		if (!parse_u64(&ifindex, entry->d_name, UINT32_MAX))
			fn((uint32_t)ifindex, arg);
	}
	return 0;
}
