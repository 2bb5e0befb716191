// SPDX-License-Identifier: Apache-2.0
/* Any packets and events in a world that an agent has written. */
#include "fuzz/fuzz.h"
#include "hostsim/fuzz_one.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool started;

	if (!started)
		fuzz_start();
	started = true;
	fuzz_one(data, len, false);
	return 0;
}
