// SPDX-License-Identifier: Apache-2.0
#include "source/api_refusal.h"

#include <stdio.h>
#include <string.h>

/* 'pods is forbidden: User "NAME" cannot list ...', as Kubernetes' authorizers put it. */
static void read_account(char ret[static API_ACCOUNT_MAX], const char *said)
{
	static const char before[] = "User \"";
	const char *name = strstr(said, before);

	ret[0] = '\0';
	if (!name)
		return;
	name += strlen(before);
	snprintf(ret, API_ACCOUNT_MAX, "%.*s", (int)strcspn(name, "\""), name);
}

void api_refusal_note(struct api_refusal *refusal, char *text, size_t size, bool is_watch,
		      const char *plural, const char *said)
{
	refusal->verb = is_watch ? "watch" : "list";
	refusal->count++;
	read_account(refusal->account, said);
	snprintf(text, size, "%s%s may not %s %s: %s",
		 refusal->account[0] ? "the account " : "this account", refusal->account,
		 refusal->verb, plural, said);
}
