/* SPDX-License-Identifier: Apache-2.0 */
/* NetworkPolicies out of bytes: valid ones, and what becomes of them when a hand slips. */
#pragma once

#include <jansson.h>

#include "bytes.h"

/* "p" in namespace "a", in words that fuzz_narrow.c's cluster knows. Valid as a whole. */
json_t *policy_make(struct bytes *in);

/* One value of its spec becomes another, a key is mistyped, or there is one more. */
void policy_spoil(json_t *policy, struct bytes *in);
