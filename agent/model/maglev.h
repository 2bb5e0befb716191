/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maglev tables: which backend has which share of all connections, so that every node that
 * knows the same backends has the same table, shares are as equal as whole entries allow,
 * and a backend that comes or leaves moves hardly any entries of the others.
 *
 * Source: Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer",
 * NSDI 2016, section 3.4. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/service.h"

#define MAGLEV_SIZE_DEFAULT 16381

/* Those that can be chosen: the largest primes below powers of two, ascending. */
extern const uint32_t maglev_sizes[];
extern const size_t maglev_size_count;

bool maglev_size_is_valid(uint64_t size);

/*
 * Each of the @size (a prime) entries of @table becomes the index of one of @backends, of
 * which there are 1 to @size. Nothing but address, port and protocol of a backend counts, and
 * no two have the same; their order does not matter. 0 or -ENOMEM.
 */
int maglev_fill(uint32_t *table, uint32_t size, const struct backend *const *backends,
		uint32_t count);
