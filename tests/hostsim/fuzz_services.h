/* SPDX-License-Identifier: Apache-2.0 */
/* Services in the world of the wild fuzzer, and what becomes of them. */
#pragma once

#include "fuzz/record.h"

/* VIP is a service of all pods on ports 53 and 80, VIP_2 one of whoever an event says. */
void services_begin(void);
void services_event(const struct record *record);
