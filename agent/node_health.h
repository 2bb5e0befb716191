/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health-address: whether this node may get traffic of load balancers whose Services have the
 * external traffic policy Cluster. HTTP: /healthz is 503 while services are stale or the Node
 * object is being deleted, /livez while services are stale; otherwise both are 200.
 *
 * Source: what kube-proxy answers on its healthz-bind-address; KEP-3836.
 */
#pragma once

#include <stdbool.h>

struct agent;
struct node_health;

/*
 * Nothing when no address is configured. 0 or -ENOMEM; an address that cannot be opened is
 * tried again.
 */
int node_health_open(struct agent *agent);
void node_health_close(struct agent *agent);

/* Services were applied; @failed: not as the objects say, for another reason than a full table. */
void node_health_applied(struct agent *agent, bool failed);

/* What could not be opened; @text is borrowed. */
void node_health_each_problem(const struct agent *agent, void (*fn)(const char *text, void *arg),
			      void *arg);
