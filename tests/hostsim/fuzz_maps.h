/* SPDX-License-Identifier: Apache-2.0 */
/* Values in the maps that no agent would write: what a broken one may leave. */
#pragma once

#include "fuzz/record.h"

/* Changes some bytes of a value that is there, or that nobody has written yet. */
void maps_poke(const struct record *record);
