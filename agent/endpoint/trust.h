/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what a state file says of a pod can be true. A reboot leaves the files
 * and takes the pods; files are copied, restored and edited. What the kernel holds
 * and what the agent knows of its node count more than a file.
 */
#pragma once

#include "agent.h"

#define TRUST_TEXT_MAX 256

/*
 * NULL, or in @buf why @ep, whose link is there, is not to be adopted. What was
 * adopted before it counts: nobody else has its addresses.
 */
const char *trust_doubt(char buf[static TRUST_TEXT_MAX], struct agent *agent,
			const struct pod_endpoint *ep);
