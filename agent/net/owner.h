/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one agent of a network namespace. Two would take each other's links and routes
 * for a former agent's. The lock is an empty nftables table that belongs to a socket
 * of this process: only who may administrate the network can hold it or see it, and
 * the kernel deletes it with the socket, however the process ends.
 */
#pragma once

#define NET_OWNER_TABLE "weir-agent"

/*
 * Wait at most @wait_ms for a former owner. 0 and the socket in *@fd, which is to be
 * closed; -EWOULDBLOCK: another process is the owner; or another negative errno.
 */
int net_own(int *fd, int wait_ms);
