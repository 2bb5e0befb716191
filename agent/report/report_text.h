/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent to the API server, and what it says there already. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#include "report/report_subject.h"

/* One thing that is to be said of a subject. */
struct report_saying {
	bool is_accepted; /* of a status: nothing of it was refused */
	bool is_warning; /* it is in force as written */
	const char *text; /* what is wrong, "" when nothing is */
};

/*
 * The Event about @object, which is the subject as the API server has it. Its name follows
 * from what it says: nodes that say the same make one Event. NULL: out of memory.
 *
 * Source: Kubernetes API core/v1 Event.
 */
json_t *report_event(const struct report_subject *subject, const json_t *object,
		     const struct report_saying *saying, const char *node, time_t now);

/*
 * The status of a policy, to be applied by the server: condition "Accepted". *@ret is NULL when
 * @object, which is the policy as the API server has it, says that already. 0 or -ENOMEM.
 *
 * Source: network-policy-api, AdminNetworkPolicyStatus; metav1.Condition.
 */
int report_status(json_t **ret, const struct report_subject *subject, const json_t *object,
		  const struct report_saying *saying, time_t now);

/*
 * A strategic merge patch of a Node's status: its network is there. NULL: out of memory.
 *
 * Source: Kubernetes API core/v1 NodeCondition.
 */
json_t *report_node_condition(time_t now);

/*
 * A JSON patch (RFC 6902) that takes the taint with number @index away if its key is still
 * @key. NULL: out of memory.
 */
json_t *report_taint_removal(size_t index, const char *key);
