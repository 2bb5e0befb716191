/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work on links over which the kernel takes long, on a thread of its own so that
 * nobody waits for it:
 *
 *  - Links of pods that left are deleted. The kernel waits some 30 ms in each
 *    deletion; a batch costs no more than one. Pinned programs of a link go after
 *    the link, so that no packet ever passes by them.
 *  - New pods start with the quick kind of attachment; in a quiet moment they get
 *    the better one (datapath_promote_pod()), one every tenth of a second, because
 *    the kernel's lock over all links is held meanwhile.
 */
#pragma once

#include "datapath/datapath.h"
#include "net/net.h"

struct linkwork;

/* @dp is borrowed; the thread has a netlink socket of its own. */
int linkwork_new(struct linkwork **ret, struct datapath *dp);
/* Ends the thread after the links that wait have been deleted. */
void linkwork_free(struct linkwork *work);
void linkwork_freep(struct linkwork **work);

/* 0 or -ENOMEM. */
int linkwork_delete(struct linkwork *work, uint32_t ifindex);
int linkwork_promote(struct linkwork *work, uint32_t ifindex);

/* Promote it once more, as soon as it can be: its links are gone. 0 or -ENOMEM. */
int linkwork_repair(struct linkwork *work, uint32_t ifindex);

/*
 * The pod leaves: its link is not promoted any more once this returns, so that no
 * pin appears after the pins were removed. Waits for a promotion that has begun.
 */
void linkwork_forget(struct linkwork *work, uint32_t ifindex);
