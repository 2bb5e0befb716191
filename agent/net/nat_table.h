/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nft lists of the table `weir`: which elements are there. An element is the same
 * if nft lists it as weir writes it. One that is not found, because another nft lists
 * it otherwise, is deleted and added, which is right as well.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct nat_element {
	const char *set; /* name of its set or map, of that length */
	int set_length;
	const char *text;
	bool kept;
};

/* All zero: a table with nothing in it. */
struct nat_table {
	char *text; /* where the strings lie */
	const char **lines; /* "map ports4 {", "type ...": all but elements and rules */
	size_t line_count;
	struct nat_element *elements;
	size_t element_count;
};

/* @listed is the output of `list table`. 0 or -ENOMEM. */
int nat_table_parse(struct nat_table *ret, const char *listed);

void nat_table_done(struct nat_table *table);

/* Whether the element is there; if so it is kept. */
bool nat_table_keep(struct nat_table *table, const char *set, const char *text);

/*
 * The set is no matter of the table from now on: what uses it must go, and so must the set.
 * Whether it was there.
 */
bool nat_table_forget(struct nat_table *table, const char *set);

/*
 * Whether @other, written as nft lists tables, has all sets, maps and chains that are in
 * the table, and sets and maps are defined alike.
 */
bool nat_table_is_part(const struct nat_table *table, const char *other);

/* Writes nft's commands which delete the elements that are not kept. */
void nat_table_delete_rest(FILE *out, const struct nat_table *table);
