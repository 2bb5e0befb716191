// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What every figure of the benchmark is compared with, measured in the same run.
 *
 * floor_empty		returns at once
 * floor_hit4, 6	parses Ethernet, IP and TCP and hits one LRU entry, which the first
 *			packet has made: what a stateful datapath can hope for
 * floor_insert4, 6	parses and inserts one entry into an LRU table
 * wrapper		puts the packet back as it was (BPF_PROG_TEST_RUN does not,
 *			between repeats), picks another flow when asked to, and tail
 *			calls the program under test
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define FLOOR_CTX struct __sk_buff
#define FLOOR_SECTION "tc"
#define FLOOR_PASS TC_ACT_OK
#define FLOOR_DROP TC_ACT_SHOT
#include "floor.h"
