/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What bench-frames and its BPF programs share. */
#pragma once

#include <linux/types.h>

#define FRAME_BYTES 64 /* Ethernet, IPv6 and UDP headers fit */
#define FRAME_WORDS (FRAME_BYTES / 8)

/* One direction of traffic. */
struct traffic {
	__u64 words[FRAME_WORDS]; /* the frame as it is sent */
	__u32 out_ifindex;
	__u32 port_at; /* offset of the client's port */
	__u32 port_first;
	__u32 port_count;
	__u32 next; /* counts frames */
	__u32 pad;
};

/* What the minimal forwarder does with every frame. */
struct forward {
	__u8 mac_to[6];
	__u8 mac_from[6];
	__u32 ifindex;
};
