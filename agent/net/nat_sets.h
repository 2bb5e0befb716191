/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets and maps of the table `weir`, as nft reads them. Of one family each, whose name ends theirs:
 *
 *	hairpins	`pod . pod` of pods with host ports
 *	bound		host ports of one address of the node
 *	ports		host ports of every address
 *	loopback	IPv4 only: host ports at loopback addresses, for the node's own processes
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "net/nat.h"
#include "net/nat_table.h"

/* What differs between the families in nft's language. */
struct nat_dialect {
	bool v4;
	const char *name; /* of sets and maps */
	const char *header; /* expression */
	const char *type;
	const char *loopback;
};

/* Writes those of a family; of their elements the ones that @table has are kept and left out. */
void nat_sets_write(FILE *out, struct nat_table *table, const struct nat *nat,
		    const struct nat_dialect *dialect);
