/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that only ask (and one that forgets flows): each is a control_fn. */
#pragma once

#include "control/control.h"

/* Problems of one kind in the status: one takes some kilobytes here. */
#define PROBLEMS_SHOWN_MAX 1000

int query_services(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		   struct fault *fault);
/* @tail: "namespace/name". */
int query_service(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		  struct fault *fault);
/* Part of the status: an array of none or one. */
json_t *sources_to_json(const struct agent *agent);

int query_status(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
		 struct fault *fault);
