/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of what `weir status` prints. Each takes a part of the agent's answer. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* status_traffic.c: what went through, and what was dropped, most first. 0 or -ENOMEM. */
void print_passed(FILE *out, const json_t *passed);
int print_drops(FILE *out, const json_t *all);

/* status_problems.c: of the sources, the nodes and the services. Takes the whole answer. */
void print_problems(FILE *out, const json_t *answer);
