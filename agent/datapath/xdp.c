// SPDX-License-Identifier: Apache-2.0
/* The fast path of the uplink: a program of XDP by a pinned link. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "datapath/private.h"

#include "edge_xdp.skel.h"

static const uint32_t mode_flags[XDP_MODE_MAX] = {
	[XDP_MODE_NATIVE] = XDP_FLAGS_DRV_MODE,
	[XDP_MODE_GENERIC] = XDP_FLAGS_SKB_MODE,
};

int datapath_load_xdp(struct datapath *dp, const struct bpf_object_open_opts *opts,
		      const struct datapath_config *config)
{
	struct edge_xdp *skel = edge_xdp__open_opts(opts);
	int r;

	if (!skel)
		return -errno;
	datapath_configure((struct node_config *)&skel->rodata->config, dp, config);
	r = datapath_size_maps(skel->obj, config->sizes, opts->pin_root_path);
	r = r ?: edge_xdp__load(skel);
	r = r ?: datapath_keep_maps(dp, skel->obj);
	if (!r)
		dp->xdp_program = fcntl(bpf_program__fd(skel->progs.edge), F_DUPFD_CLOEXEC, 0);
	if (!r && dp->xdp_program < 0)
		r = -errno;
	edge_xdp__destroy(skel);
	return r;
}

/* A link does not tell in which mode it is. */
static void pin_path(char path[static PATH_MAX], const struct datapath *dp, uint32_t ifindex,
		     enum xdp_mode mode)
{
	snprintf(path, PATH_MAX, "%s/links/%u-edge-%s", dp->bpffs, ifindex, xdp_mode_name(mode));
}

/* At once; the kernel takes its time with a link that only lost its pin. */
static void detach(const struct datapath *dp, uint32_t ifindex, enum xdp_mode mode)
{
	cleanup(closep) int link = -1;
	char path[PATH_MAX];

	pin_path(path, dp, ifindex, mode);
	link = bpf_obj_get(path);
	if (link >= 0)
		bpf_link_detach(link);
	unlink(path);
}

void datapath_detach_xdp(struct datapath *dp, uint32_t ifindex)
{
	detach(dp, ifindex, XDP_MODE_NATIVE);
	detach(dp, ifindex, XDP_MODE_GENERIC);
}

/* 0: the link of a former agent has the program now. */
static int update_link(const struct datapath *dp, const char *path)
{
	cleanup(closep) int link = bpf_obj_get(path);

	if (link < 0)
		return -errno;
	return bpf_link_update(link, dp->xdp_program, NULL) ? -errno : 0;
}

static int attach(struct datapath *dp, uint32_t ifindex, enum xdp_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = mode_flags[mode]);
	cleanup(closep) int link = -1;
	char path[PATH_MAX];

	pin_path(path, dp, ifindex, mode);
	if (!update_link(dp, path))
		return 0;
	/* One program is all that a device takes, in either mode. */
	datapath_detach_xdp(dp, ifindex);
	link = bpf_link_create(dp->xdp_program, (int)ifindex, BPF_XDP, &opts);
	if (link < 0)
		return -errno;
	return bpf_obj_pin(link, path) ? -errno : 0;
}

int datapath_attach_xdp(struct datapath *dp, uint32_t ifindex, enum xdp_mode mode, char *error)
{
	char links[PATH_MAX];
	int r;

	if (dp->xdp_program < 0) {
		snprintf(error, DATAPATH_ERROR_MAX, "%s", dp->xdp_error[0] ?
			 dp->xdp_error : "edge_xdp.bpf.o is not loaded");
		return -ENOEXEC;
	}
	snprintf(links, sizeof(links), "%s/links", dp->bpffs);
	r = file_make_dirs(links, 0700);
	r = r < 0 ? r : attach(dp, ifindex, mode);
	if (r < 0) {
		datapath_detach_xdp(dp, ifindex);
		snprintf(error, DATAPATH_ERROR_MAX, "attaching in %s mode: %s%s", xdp_mode_name(mode),
			 strerror(-r), r == -EBUSY ? " (another program is there)" : "");
	}
	return r;
}
