// SPDX-License-Identifier: Apache-2.0
/* Whether what was attached is there still. */
#include <errno.h>

#include "datapath/private.h"

#define PROGRAMS_MAX 64 /* on one attach point, others' included; the kernel takes no more */

static int program_id(uint32_t *ret, const struct datapath *dp, enum datapath_program program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(dp->programs[program], &info, &size))
		return -errno;
	*ret = info.id;
	return 0;
}

/* 1: it is among the programs that run by TCX, 0: it is not, or a negative errno. */
static int has_tcx(const struct datapath *dp, uint32_t ifindex, enum datapath_program program)
{
	uint32_t ids[PROGRAMS_MAX], id = 0;
	LIBBPF_OPTS(bpf_prog_query_opts, opts);
	int r;

	opts.prog_ids = ids;
	opts.prog_cnt = PROGRAMS_MAX;
	r = program_id(&id, dp, program);
	if (r < 0)
		return r;
	if (bpf_prog_query_opts((int)ifindex, attach_points[program].tcx, &opts))
		return -errno;
	for (uint32_t i = 0; i < opts.prog_cnt; i++)
		if (ids[i] == id)
			return 1;
	return 0;
}

int datapath_guard_of(struct datapath *dp, uint32_t ifindex, enum datapath_program program)
{
	int r = dp->clsact ? 0 : has_tcx(dp, ifindex, program);

	if (r > 0)
		return GUARD_TCX;
	if (r == -ENODEV)
		return r;
	/* Also where the kernel knows no TCX. */
	return clsact_has(ifindex, program) ? GUARD_CLSACT : GUARD_NONE;
}
