// SPDX-License-Identifier: Apache-2.0
#include "unguard.h"

#include "base/log.h"
#include "datapath/datapath.h"

void unguard(struct net *net, const char *bpffs, uint32_t ifindex)
{
	int r = datapath_unfilter(bpffs, ifindex) ? net_clsact_remove(net, ifindex) : 0;

	if (r < 0)
		log_warn_errno(r, "interface %u: its clsact qdisc stays", ifindex);
}
