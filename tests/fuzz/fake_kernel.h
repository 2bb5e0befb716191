/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An imagined kernel below an agent: links, programs, maps and state files are
 * what it says they are. Instead of agent/net, agent/datapath and what of
 * agent/reconcile writes; what it is asked for is checked.
 */
#pragma once

#include "agent.h"

#define FAKE_LINK_NO_TEXT 5 /* an interface whose name is not UTF-8 */

/* The links of pods are those of @endpoints; some others are there, too. */
void fake_kernel_begin(const struct endpoint_table *endpoints);

/* It refuses one request, after @requests more. */
void fake_kernel_fails(unsigned int requests);
void fake_kernel_heals(void);

/* The interface's packets pass, under a policy. */
bool fake_kernel_guards(uint32_t ifindex);

/* The interfaces that it was told to forget and has forgotten by now. Returns how many. */
size_t fake_kernel_purge(uint32_t ret[static ENDPOINT_SLOTS]);
