// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same as floor.bpf.c, in XDP. */
#include <linux/bpf.h>

#define FLOOR_CTX struct xdp_md
#define FLOOR_SECTION "xdp"
#define FLOOR_PASS XDP_PASS
#define FLOOR_DROP XDP_DROP
#include "floor.h"
