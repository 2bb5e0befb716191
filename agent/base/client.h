/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 client for the control socket, for the CNI plugin and the
 * `weir` command. One call, one connection, blocking with a deadline.
 */
#pragma once

#include <stddef.h>

#define CLIENT_REPLY_MAX (256u << 20) /* bytes of body */

struct client_reply {
	int status; /* HTTP */
	char *body; /* NUL-terminated */
	size_t length;
};

/*
 * @body may be NULL. 0, -ECONNREFUSED or -ENOENT when nobody serves the socket,
 * -ETIMEDOUT when the whole call takes longer than @timeout_ms, -EPROTO for an
 * answer that is not HTTP, or another errno.
 */
int client_call(struct client_reply *ret, const char *socket, const char *method, const char *path,
		const char *body, int timeout_ms);
void client_reply_done(struct client_reply *reply);
