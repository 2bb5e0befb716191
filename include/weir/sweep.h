/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the agent hands to the program `sweep` through BPF_PROG_TEST_RUN: an
 * ethernet header of any content, this request, then @count keys of the table.
 * Each key is looked up again and deleted only when its flow has expired, so a
 * flow that was used since the agent read it survives. The return value is the
 * number of deleted flows.
 */
#pragma once

#include "weir/types.h"

enum ct_table {
	CT_TABLE_4 = 0,
	CT_TABLE_6 = 1,
	CT_TABLE_4_NEW = 2,
	CT_TABLE_6_NEW = 3,
	CT_TABLE_MAX,
};

struct sweep_request {
	__u32 table; /* enum ct_table */
	__u32 count; /* keys that follow */
};
ABI_SIZE(struct sweep_request, 8);

#define SWEEP_OFFSET 14 /* of the request in the packet */
#define SWEEP_KEYS_MAX 4096 /* more are ignored; a test run takes no more than 64 KiB anyway */
