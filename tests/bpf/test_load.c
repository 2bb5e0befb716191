// SPDX-License-Identifier: Apache-2.0
/*
 * The verifier takes the programs, and how much work it has with them. The kernel
 * gives up at a million instructions; growth must be noticed long before.
 */
#include <string.h>

#include <bpf/bpf.h>

#include "engine_main.h"

#define INSTRUCTIONS_MAX 60000

/* What the compiler that made the most of them needed when this was written. */
static const struct {
	const char *name;
	enum program program;
	uint32_t recorded;
} programs[] = {
	{ "from_pod", FROM_POD, 43896 },
	{ "to_pod", TO_POD, 30643 },
	{ "from_wire", FROM_WIRE, 53125 },
	{ "to_wire", TO_WIRE, 40056 },
	{ "from_overlay", FROM_OVERLAY, 51338 },
	{ "to_overlay", TO_OVERLAY, 770 },
	{ "edge", EDGE, 14188 },
	{ "sweep", SWEEP, 384 },
	{ "clock", CLOCK, 2 },
};

static struct bpf_prog_info program_info(enum program program)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	ck_assert_int_eq(bpf_obj_get_info_by_fd(engine_program_fd(program), &info, &len), 0);
	return info;
}

START_TEST(the_verifier_is_done_quickly)
{
	struct bpf_prog_info info = program_info(programs[_i].program);

	/* Older kernels do not tell. */
	if (!info.verified_insns)
		return;
	printf("# %s: %u instructions verified, %u recorded\n", programs[_i].name,
	       info.verified_insns, programs[_i].recorded);
	fflush(stdout);
	ck_assert_uint_le(info.verified_insns, INSTRUCTIONS_MAX);
	ck_assert_msg(info.verified_insns * 10 <= programs[_i].recorded * 11,
		      "%s: %u instructions verified, more than 10 %% over the recorded %u",
		      programs[_i].name, info.verified_insns, programs[_i].recorded);
}
END_TEST

START_TEST(the_kernel_knows_the_program_by_its_name)
{
	struct bpf_prog_info info = program_info(programs[_i].program);

	ck_assert_str_eq(info.name, programs[_i].name);
	ck_assert_int_eq(info.type, programs[_i].program == EDGE ? BPF_PROG_TYPE_XDP :
								 BPF_PROG_TYPE_SCHED_CLS);
	ck_assert_msg(info.gpl_compatible, "the licence of %s lacks the helpers", info.name);
}
END_TEST

int main(void)
{
	const struct check_row tests[] = {
		CHECK_LOOP(the_verifier_is_done_quickly, programs),
		CHECK_LOOP(the_kernel_knows_the_program_by_its_name, programs),
	};
	struct node_config config = engine_config;

	/* What is configured away is not verified: all of it is. */
	config.direct = 1;
	return engine_main("load", &config, tests, CHECK_COUNT(tests));
}
