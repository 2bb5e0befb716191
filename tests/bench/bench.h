/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the benchmark and its BPF programs share. */
#pragma once

#include <linux/types.h>

/* Of a frame, so many are put back: Ethernet, IPv6 and TCP headers. */
#define BENCH_FRAME_WORDS 10
#define BENCH_FRAME_BYTES (8 * BENCH_FRAME_WORDS)

struct bench_frame {
	__u64 words[BENCH_FRAME_WORDS];
	__u32 next; /* counts packets */
	__u16 port_base;
	__u16 port_at; /* offset of the port to vary */
	__u32 port_count; /* 0: always the same flow; else port = base + n % count */
	__u32 turn_generation; /* every packet meets a new policy generation */
};
