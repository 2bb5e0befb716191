// SPDX-License-Identifier: Apache-2.0
#include "cli/fetch.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/client.h"
#include "cli/output.h"

#define TIMEOUT_MS 30000

char *fetch_path(const char *path, const char *arg)
{
	size_t length = strlen(path), room = length + 1 + 3 * strlen(arg) + 1;
	char *text = malloc(room), *end;

	if (!text)
		return NULL;
	end = text + sprintf(text, "%s/", path);
	for (; *arg; arg++) {
		unsigned char c = (unsigned char)*arg;

		if (c < 0x80 && (isalnum(c) || strchr("-._~/@:", c)))
			*end++ = (char)c;
		else
			end += sprintf(end, "%%%02X", c);
	}
	*end = '\0';
	return text;
}

static void explain_failure(const struct cli *cli, int r)
{
	switch (r) {
	case -ENOENT:
	case -ECONNREFUSED:
		fprintf(cli->err, "weir: nobody serves %s: weir-agent is not running, or --socket "
				  "must name another place\n", cli->socket);
		break;
	case -EACCES:
	case -EPERM:
		fprintf(cli->err, "weir: %s is for root only\n", cli->socket);
		break;
	case -ETIMEDOUT:
		fprintf(cli->err, "weir: weir-agent on %s did not answer within %d seconds\n",
			cli->socket, TIMEOUT_MS / 1000);
		break;
	case -EPROTO:
		fprintf(cli->err, "weir: what serves %s is not weir-agent\n", cli->socket);
		break;
	default:
		fprintf(cli->err, "weir: calling weir-agent on %s: %s\n", cli->socket, strerror(-r));
	}
}

/* The agent's refusal: MSG, and DETAILS if there are any. */
static void explain_refusal(const struct cli *cli, int status, json_t *answer)
{
	const char *msg, *details;

	plain_text(answer);
	msg = json_text(answer, "msg");
	details = json_text(answer, "details");
	if (*msg)
		fprintf(cli->err, "weir: %s%s%s\n", msg, *details ? ": " : "", details);
	else
		fprintf(cli->err, "weir: weir-agent refused with HTTP status %d\n", status);
}

bool fetch(json_t **ret, const struct cli *cli, const char *method, const char *path)
{
	cleanup(client_reply_done) struct client_reply reply = {};
	cleanup(json_dropp) json_t *answer = NULL;
	int r;

	r = client_call(&reply, cli->socket, method, path, NULL, TIMEOUT_MS);
	if (r < 0) {
		explain_failure(cli, r);
		return false;
	}
	answer = json_loadb(reply.body, reply.length, JSON_REJECT_DUPLICATES, NULL);
	if (reply.status >= 400) {
		explain_refusal(cli, reply.status, answer);
		return false;
	}
	if (!json_is_object(answer)) {
		fprintf(cli->err, "weir: the answer of weir-agent is not understood\n");
		return false;
	}
	*ret = take_ptr(&answer);
	return true;
}
