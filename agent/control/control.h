/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: HTTP with JSON on <run-dir>/weir.sock (docs/control-api.md).
 * control.c serves and dispatches; one file a group of calls answers.
 */
#pragma once

#include <jansson.h>

#include "agent.h"
#include "base/fault.h"

/* Opens the socket, last of all at start: who connects finds policy in force. */
int control_new(struct control **ret, struct agent *agent);
void control_free(struct control *control);

/*
 * One call. @body is NULL or the request's JSON object; @tail is the rest of the
 * path after the row's. The answer is the caller's. 0, or negative with @fault
 * filled.
 */
typedef int (*control_fn)(json_t **ret, struct agent *agent, const json_t *body, const char *tail,
			  struct fault *fault);

struct control_row {
	const char *method;
	const char *path;
	bool has_tail; /* path + "/" + tail */
	control_fn fn;
};

extern const struct control_row control_cni_rows[];
extern const struct control_row control_query_rows[];
