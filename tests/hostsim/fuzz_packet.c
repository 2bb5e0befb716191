// SPDX-License-Identifier: Apache-2.0
/* libFuzzer's way in. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "hostsim/fuzz_one.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz_one(data, len);
	return 0;
}

/* The world asserts with check's macros; without its runner they end the process. */
void _mark_point(const char *file, int line)
{
}

void _ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, expr);
	abort();
}
