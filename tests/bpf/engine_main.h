/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK_MAIN for tests that need the datapath: it is loaded once, tests run in children. */
#pragma once

#include <stdio.h>

#include "fixture.h"
#include "lib/check_main.h"

/* Node of the tests. */
static const struct node_config engine_config = {
	.endpoint_slots = 4096, .hz = 250, .tunnel_id = TUNNEL_ID,
	.source_port = SOURCE_PORT, .source_ports = 1,
	.masquerade_ports = { { 20000, 1 }, { 20000, 1 }, { 20000, 1 }, { 20000, 1 } },
	.lifetime_s = {
		[LIFETIME_OTHER] = LIFETIMES(60, 60, 60), [LIFETIME_TCP] = LIFETIMES(60, 7200, 10),
		[LIFETIME_UDP] = LIFETIMES(30, 180, 180), [LIFETIME_SCTP] = LIFETIMES(60, 3600, 10),
		[LIFETIME_ICMP] = LIFETIMES(30, 30, 30),
	},
};

static inline int engine_main(const char *name, const struct node_config *wanted,
			      const struct check_row *rows, int count)
{
	const char *refusal = engine_refuses();
	Suite *suite = suite_create(name);

	if (refusal) {
		printf("1..0 # SKIP %s\n", refusal);
		return EXIT_SUCCESS;
	}
	engine_start(wanted);
	for (int i = 0; i < count; i++)
		check_add(suite, rows[i].name, rows[i].test, rows[i].rows);
	return check_run(suite);
}

#define ENGINE_MAIN(name, ...)                                                          \
	int main(void)                                                                  \
	{                                                                               \
		const struct check_row tests_[] = { __VA_ARGS__ };                      \
                                                                                        \
		return engine_main(name, &engine_config, tests_, CHECK_COUNT(tests_));                  \
	}
