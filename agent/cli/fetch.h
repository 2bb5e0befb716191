/* SPDX-License-Identifier: Apache-2.0 */
/* One call to the agent, and plain sentences when it goes wrong. */
#pragma once

#include <stdbool.h>

#include "cli/cli.h"

/* The answer as a JSON object. Or false, and cli->err has been told why. */
bool fetch(json_t **ret, const struct cli *cli, const char *method, const char *path);

/* @path, a slash, and @arg escaped as a URL wants it; slashes in @arg stay. NULL: out of memory. */
char *fetch_path(const char *path, const char *arg);
