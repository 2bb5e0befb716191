/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of this node that are connected to a backend in place of a service
 * (datapath/socket.bpf.c), when that backend ends. No program sees what a connected
 * socket sends, so nothing can choose again for it: it is ended, and its next call says
 * ECONNABORTED.
 *
 *	UDP	when the backend has ended, or the service's address is another service's or
 *		nobody's; and when it was connected to a ClusterIP that was none at that time
 *	TCP	when the backend has ended and was a pod, and that pod is gone; one that is
 *		only not ready finishes what it has begun
 *
 * It is the counterpart of what connections through the datapath meet (decisions/0006).
 */
#pragma once

#include <stddef.h>

#include "datapath/datapath.h"

/*
 * End those of IPPROTO_UDP or IPPROTO_TCP in the network namespace of the caller; looks at
 * every connected socket. @ended: how many. 0, or the first error: -EOPNOTSUPP when the
 * kernel cannot (CONFIG_INET_DIAG_DESTROY).
 */
int orphans_end(size_t *ended, struct datapath *dp, uint8_t proto);
