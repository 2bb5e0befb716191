/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an account may not do (HTTP status 403): the cluster's administrator can change that,
 * nobody else, so it is said in the terms of RBAC.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define API_ACCOUNT_MAX 256

/* Zero: nothing was refused. */
struct api_refusal {
	const char *verb; /* that is refused now; NULL: none */
	char account[API_ACCOUNT_MAX]; /* as the server named it last, or "" */
	size_t count; /* of such answers since the agent's start */
};

/*
 * The server did not let a @plural be listed or watched, and @said why. A sentence for people
 * in @text, of @size bytes.
 */
void api_refusal_note(struct api_refusal *refusal, char *text, size_t size, bool is_watch,
		      const char *plural, const char *said);
