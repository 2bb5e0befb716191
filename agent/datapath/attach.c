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

const struct attach_point attach_points[DATAPATH_ATTACHED_MAX] = {
	[PROGRAM_FROM_POD] = { "from_pod", (enum bpf_attach_type)WEIR_TCX_INGRESS, BPF_TC_INGRESS },
	[PROGRAM_TO_POD] = { "to_pod", (enum bpf_attach_type)WEIR_TCX_EGRESS, BPF_TC_EGRESS },
	[PROGRAM_FROM_WIRE] = { "from_wire", (enum bpf_attach_type)WEIR_TCX_INGRESS,
				BPF_TC_INGRESS },
	[PROGRAM_TO_WIRE] = { "to_wire", (enum bpf_attach_type)WEIR_TCX_EGRESS, BPF_TC_EGRESS },
	[PROGRAM_FROM_OVERLAY] = { "from_overlay", (enum bpf_attach_type)WEIR_TCX_INGRESS,
				   BPF_TC_INGRESS },
	[PROGRAM_TO_OVERLAY] = { "to_overlay", (enum bpf_attach_type)WEIR_TCX_EGRESS,
				 BPF_TC_EGRESS },
};

static void pin_path(char path[static PATH_MAX], const struct datapath *dp, uint32_t ifindex,
		     enum datapath_program program)
{
	snprintf(path, PATH_MAX, "%s/links/%u-%s", dp->bpffs, ifindex, attach_points[program].name);
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
	link = bpf_link_create(dp->programs[program], (int)ifindex, attach_points[program].tcx, NULL);
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

int datapath_attach(struct datapath *dp, uint32_t ifindex, enum datapath_program program)
{
	int r = dp->clsact ? -EOPNOTSUPP : attach_tcx(dp, ifindex, program);

	return r == -EOPNOTSUPP ? clsact_attach(dp, ifindex, program) : r;
}

static const enum datapath_program pod_programs[] = { PROGRAM_FROM_POD, PROGRAM_TO_POD };

int datapath_attach_pod(struct datapath *dp, uint32_t ifindex)
{
	char path[PATH_MAX];
	int r;

	for (int i = 0; i < 2; i++) {
		r = clsact_attach(dp, ifindex, pod_programs[i]);
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
	datapath_detach_xdp(dp, ifindex);
	clsact_forget(dp, ifindex);
}

/* Names begin with the number of a device. */
static int each_name(const char *path, void (*fn)(uint32_t ifindex, void *arg), void *arg)
{
	cleanup(closedirp) DIR *dir = opendir(path);
	struct dirent *entry;
	uint64_t ifindex;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		entry->d_name[strcspn(entry->d_name, "-")] = '\0';
		if (!parse_u64(&ifindex, entry->d_name, UINT32_MAX))
			fn((uint32_t)ifindex, arg);
	}
	return 0;
}

int datapath_each_device(struct datapath *dp, void (*fn)(uint32_t ifindex, void *arg), void *arg)
{
	static const char *const directories[] = { "links", "clsact" };
	char path[PATH_MAX];
	int r = 0;

	for (int i = 0; !r && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dp->bpffs, directories[i]);
		r = each_name(path, fn, arg);
	}
	return r;
}
