/* SPDX-License-Identifier: Apache-2.0 */
/* What a list of rules says, asked rule by rule: no tables, no bit sets. */
#pragma once

#include "bpf/ruleset.h"

/* @peer: who the other side is as a class, NOBODY for the world; @port in host order. */
bool rules_allow(const struct rules *rules, enum who peer, const struct ip_addr *addr,
		 uint8_t proto, uint16_t port);
