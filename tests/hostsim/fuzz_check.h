/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold for every packet, whoever sent it:
 *
 *  - it is counted once, under one reason, with its bytes;
 *  - refused, or else sent on by a pod that is ready, to a pod that is ready;
 *  - a pod speaks with its own addresses and says nothing that only routers say;
 *  - policy of this moment allows its connection, judged from the opener, or, for a
 *    fragment, the connection that its first one named, or, for an ICMP error, the
 *    one that it quotes;
 *  - its connection then has an entry with a verdict of this moment, which has
 *    counted it once, with its bytes;
 *  - its bytes stay what they were but for one hop and the frame's addresses, and
 *    checksums that were right are right afterwards.
 *
 * Breaking a promise ends the process.
 */
#pragma once

#include "fuzz/fuzz.h"
#include "hostsim/engine_host.h"

/* Nothing has been sent yet. */
void check_begin(void);

/* For sim_watch(). Loosely: in a world of arbitrary values all of policy is left out. */
void check_visit(struct sim_visit *visit);
void check_visit_loosely(struct sim_visit *visit);

/* Whether the first packet since check_arm() was let through. */
void check_arm(void);
bool check_passed(void);
