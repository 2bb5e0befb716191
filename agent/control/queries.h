/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that only ask (and one that forgets flows): each is a control_fn. */
#pragma once

#include "control/control.h"

int query_services(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		   struct fault *fault);
/* @tail: "namespace/name". */
int query_service(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		  struct fault *fault);
int query_status(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		 struct fault *fault);
