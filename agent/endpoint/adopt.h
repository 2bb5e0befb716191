/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of an agent: what a former one left is taken over, what the machine
 * has lost meanwhile is let go. Packets do not notice.
 */
#pragma once

#include "agent.h"

/* Before the first image: endpoints from the state directory whose link is still there. */
int adopt_endpoints(struct agent *agent);

/*
 * After the first image: programs, routes and readiness of the adopted ones, removal
 * of the rest. Should the image not fit, those go on that a former agent made ready.
 */
int adopt_finish(struct agent *agent);

/*
 * Those of them that could not be made ready, because no policy was in force. To be
 * called after the first image that is, from the event loop: no other is attaching.
 */
void adopt_waiting(struct agent *agent);

/* DELs that came while no agent was there: <run-dir>/deleted/<containerID>@<ifname>. */
void adopt_deleted(struct agent *agent);

/* The note about containerID@ifname, should there be one, counts no more: the container is back. */
void adopt_drop_note(struct agent *agent, const char *key);
