/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes the links of pods that left, on a thread of its own: the kernel waits
 * some 30 ms in each deletion, and a batch costs no more than one. Pinned programs
 * of a link go after the link, so that no packet ever passes by them.
 */
#pragma once

#include "datapath/datapath.h"
#include "net/net.h"

struct reaper;

/* @dp is borrowed; the thread has a netlink socket of its own. */
int reaper_new(struct reaper **ret, struct datapath *dp);
/* Ends the thread after what is queued has been done. */
void reaper_free(struct reaper *reaper);
void reaper_freep(struct reaper **reaper);

/* 0 or -ENOMEM. */
int reaper_add(struct reaper *reaper, uint32_t ifindex);
