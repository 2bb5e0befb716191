/* SPDX-License-Identifier: Apache-2.0 */
/* Services for the sockets of this node. What is missing there concerns no pod. */
#pragma once

#include "agent.h"

/*
 * Put the configuration in force; agent->socket_problem says why it is not, and the log
 * does.
 */
void sockets_attach(struct agent *agent);

/* End the UDP sockets that hold on to a backend that has ended (reconcile/orphan.h). */
void sockets_end_orphans(struct agent *agent);

/* The same for whatever nobody has told about, and for TCP; called every other second. */
void sockets_housekeeping(struct agent *agent);
