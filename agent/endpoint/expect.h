/* SPDX-License-Identifier: Apache-2.0 */
/* Whether enough is known of a pod to judge its packets. */
#pragma once

#include "endpoint/lifecycle.h"

/*
 * Objects from an API server take their own way: a pod may be started before this agent
 * has heard of it, and without its labels it would get the policy of another one. 0, or
 * negative with @fault filled: the same call some milliseconds later may succeed.
 */
int endpoint_expect(const struct agent *agent, const struct endpoint_request *request,
		    struct fault *fault);
