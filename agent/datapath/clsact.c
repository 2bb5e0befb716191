// SPDX-License-Identifier: Apache-2.0
/*
 * Attachment by filters of the clsact qdisc. Both belong to the device and outlive
 * the agent. The qdisc may be somebody else's; that weir made it is remembered by an
 * empty directory of the BPF file system, <bpffs>/clsact/<ifindex>, which a reboot
 * takes away together with the device.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "datapath/private.h"

#define CLSACT_PRIORITY 1
#define CLSACT_HANDLE 0x77

static void mark_path(char path[static PATH_MAX], const char *bpffs, uint32_t ifindex)
{
	snprintf(path, PATH_MAX, "%s/clsact/%u", bpffs, ifindex);
}

/* Should it fail, an empty qdisc is left one day. */
static void remember(const struct datapath *dp, uint32_t ifindex)
{
	char path[PATH_MAX];

	mark_path(path, dp->bpffs, ifindex);
	if (mkdir(path, 0700) < 0 && errno == ENOENT)
		file_make_dirs(path, 0700);
}

void clsact_forget(const struct datapath *dp, uint32_t ifindex)
{
	char path[PATH_MAX];

	mark_path(path, dp->bpffs, ifindex);
	rmdir(path);
}

int clsact_attach(const struct datapath *dp, uint32_t ifindex, enum datapath_program program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	int r;

	hook.ifindex = (int)ifindex;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	r = bpf_tc_hook_create(&hook);
	if (!r)
		remember(dp, ifindex);
	else if (r != -EEXIST)
		return r;
	hook.attach_point = attach_points[program].clsact;
	opts.prog_fd = dp->programs[program];
	opts.handle = CLSACT_HANDLE;
	opts.priority = CLSACT_PRIORITY;
	opts.flags = BPF_TC_F_REPLACE;
	return bpf_tc_attach(&hook, &opts);
}

/* DATAPATH_ATTACHED_MAX: it is none of weir's. */
static enum datapath_program program_of(uint32_t id)
{
	cleanup(closep) int fd = bpf_prog_get_fd_by_id(id);
	enum datapath_program i = DATAPATH_ATTACHED_MAX;
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return i;
	for (i = 0; i < DATAPATH_ATTACHED_MAX; i++)
		if (!strcmp(info.name, attach_points[i].name))
			break;
	return i;
}

/* What clsact_attach() has left there: the program of the filter. */
static enum datapath_program filter_at(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook);
	LIBBPF_OPTS(bpf_tc_opts, opts);

	hook.ifindex = (int)ifindex;
	hook.attach_point = point;
	opts.handle = CLSACT_HANDLE;
	opts.priority = CLSACT_PRIORITY;
	return bpf_tc_query(&hook, &opts) ? DATAPATH_ATTACHED_MAX : program_of(opts.prog_id);
}

bool clsact_has(uint32_t ifindex, enum datapath_program program)
{
	return filter_at(ifindex, attach_points[program].clsact) == program;
}

bool datapath_guards_pod(uint32_t ifindex)
{
	return clsact_has(ifindex, PROGRAM_FROM_POD);
}

bool datapath_unfilter(const char *bpffs, uint32_t ifindex)
{
	static const enum bpf_tc_attach_point points[] = { BPF_TC_INGRESS, BPF_TC_EGRESS };
	char path[PATH_MAX];

	for (int i = 0; i < 2; i++) {
		LIBBPF_OPTS(bpf_tc_hook, hook);
		LIBBPF_OPTS(bpf_tc_opts, opts);

		if (filter_at(ifindex, points[i]) == DATAPATH_ATTACHED_MAX)
			continue;
		hook.ifindex = (int)ifindex;
		hook.attach_point = points[i];
		opts.handle = CLSACT_HANDLE;
		opts.priority = CLSACT_PRIORITY;
		bpf_tc_detach(&hook, &opts);
	}
	mark_path(path, bpffs, ifindex);
	return !access(path, F_OK);
}
