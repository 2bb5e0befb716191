/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as text: tables, YAML, and the fields of JSON objects without fuss. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Field @key of @obj; "", 0 or false when it is missing or of another type. */
const char *json_text(const json_t *obj, const char *key);
json_int_t json_number(const json_t *obj, const char *key);
bool json_flag(const json_t *obj, const char *key);

/* For cleanup(). */
void json_dropp(json_t **json);

/* Replace control characters in all strings: names and texts are not the terminal's commands. */
void plain_text(json_t *json);

/*
 * The strings of @array, separated by @between; after @limit (0: none) of them
 * only how many more. Caller frees; NULL: out of memory.
 */
char *json_join(const json_t *array, const char *between, size_t limit);

#define UNIT_TEXT_MAX 32

/* "512 B", "1.5 MiB"; "45s", "3h 12m". Return @buf. */
const char *bytes_text(char buf[static UNIT_TEXT_MAX], json_int_t bytes);
const char *duration_text(char buf[static UNIT_TEXT_MAX], json_int_t seconds);

/*
 * A table with aligned columns. A title that starts with '>' aligns its column to
 * the right. Cells are given one after the other; running out of memory is kept
 * and reported by table_print().
 */
struct table {
	const char *const *titles;
	size_t columns;
	char **cells;
	size_t count;
	size_t room;
	bool failed;
};

#define TABLE(...)                                                                       \
	{                                                                                \
		.titles = (const char *const[]){ __VA_ARGS__ },                          \
		.columns = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *) \
	}

void table_cell(struct table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The next cell is json_join() of @array with ", ". */
void table_cell_join(struct table *table, const json_t *array, size_t limit);

/* 0 or -ENOMEM. */
int table_print(FILE *out, const struct table *table);
void table_done(struct table *table);

/* 0 or -EIO. */
int write_json(FILE *out, const json_t *json);
int write_yaml(FILE *out, const json_t *json);
