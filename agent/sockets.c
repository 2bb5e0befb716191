// SPDX-License-Identifier: Apache-2.0
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/log.h"
#include "reconcile/orphan.h"

#define TCP_EVERY 15 /* rounds */

void sockets_attach(struct agent *agent)
{
	agent->socket_problem[0] = '\0';
	if (agent->config.socket_services == SOCKET_SERVICES_OFF) {
		datapath_detach_sockets(agent->dp);
		return;
	}
	if (datapath_attach_sockets(agent->dp, agent->config.cgroup, agent->socket_problem) < 0)
		log_warn("services cannot be used from this node itself: %s",
			 agent->socket_problem);
}

static void end_orphans(struct agent *agent, uint8_t proto)
{
	size_t ended = 0;
	int r;

	/* The last service may be gone, and sockets that used it are not. */
	agent->services_seen |= datapath_state(agent->dp)->services;
	if (agent->config.socket_services == SOCKET_SERVICES_OFF || agent->socket_problem[0] ||
	    !agent->services_seen)
		return;
	r = orphans_end(&ended, agent->dp, proto);
	if (ended)
		log_debug("%zu sockets of ended backends were ended", ended);
	if (!r || agent->orphans_failed == r)
		return;
	agent->orphans_failed = r;
	log_warn_errno(r, "sockets that are connected to ended backends cannot be ended%s",
		       r == -EOPNOTSUPP ? " (CONFIG_INET_DIAG_DESTROY)" : "");
}

void sockets_end_orphans(struct agent *agent)
{
	end_orphans(agent, IPPROTO_UDP);
}

void sockets_housekeeping(struct agent *agent)
{
	end_orphans(agent, IPPROTO_UDP);
	/* There are many more of them, and their other end is silent at worst. */
	if (agent->socket_rounds++ % TCP_EVERY == 0)
		end_orphans(agent, IPPROTO_TCP);
}
