// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define GAP 2 /* spaces between columns */

const char *json_text(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key)) ?: "";
}

json_int_t json_number(const json_t *obj, const char *key)
{
	return json_integer_value(json_object_get(obj, key));
}

bool json_flag(const json_t *obj, const char *key)
{
	return json_is_true(json_object_get(obj, key));
}

void json_dropp(json_t **json)
{
	json_decref(*json);
}

/* C0, DEL, and C1, which UTF-8 writes as c2 80..9f; jansson's strings are valid UTF-8. */
static void plain_string(json_t *json)
{
	cleanup(freep) char *text = strdup(json_string_value(json));

	for (unsigned char *c = (unsigned char *)text; c && *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = ' ';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = ' ';
	}
	json_string_set_nocheck(json, text ?: "");
}

void plain_text(json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_string(json))
		plain_string(json);
	json_array_foreach(json, i, value)
		plain_text(value);
	json_object_foreach(json, key, value)
		plain_text(value);
}

char *json_join(const json_t *array, const char *between, size_t limit)
{
	size_t count = json_array_size(array), shown = limit && limit < count ? limit : count;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	for (size_t i = 0; i < shown; i++)
		fprintf(out, "%s%s", i ? between : "",
			json_string_value(json_array_get(array, i)) ?: "");
	if (shown < count)
		fprintf(out, " and %zu more", count - shown);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

const char *bytes_text(char buf[static UNIT_TEXT_MAX], json_int_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, UNIT_TEXT_MAX, "%.*f %s", unit ? 1 : 0, value, units[unit]);
	return buf;
}

const char *duration_text(char buf[static UNIT_TEXT_MAX], json_int_t seconds)
{
	long long s = seconds, m = s / 60, h = m / 60, d = h / 24;

	if (d)
		snprintf(buf, UNIT_TEXT_MAX, "%lldd %lldh", d, h % 24);
	else if (h)
		snprintf(buf, UNIT_TEXT_MAX, "%lldh %lldm", h, m % 60);
	else if (m)
		snprintf(buf, UNIT_TEXT_MAX, "%lldm %llds", m, s % 60);
	else
		snprintf(buf, UNIT_TEXT_MAX, "%llds", s);
	return buf;
}

/* Takes @text; NULL: out of memory. */
static void add_cell(struct table *table, char *text)
{
	size_t room = table->room ? table->room * 2 : 64;
	char **grown;

	if (text && table->count == table->room) {
		grown = reallocarray(table->cells, room, sizeof(*grown));
		if (grown) {
			table->cells = grown;
			table->room = room;
		} else {
			free(text);
			text = NULL;
		}
	}
	if (text)
		table->cells[table->count++] = text;
	else
		table->failed = true;
}

void table_cell(struct table *table, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	add_cell(table, r < 0 ? NULL : text);
}

void table_cell_join(struct table *table, const json_t *array, size_t limit)
{
	add_cell(table, json_join(array, ", ", limit));
}

/* Characters of UTF-8, each taken for one column. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static bool to_the_right(const struct table *table, size_t column)
{
	return table->titles[column][0] == '>';
}

static const char *title_of(const struct table *table, size_t column)
{
	return table->titles[column] + to_the_right(table, column);
}

static int column_width(const struct table *table, size_t column)
{
	int width = width_of(title_of(table, column));

	for (size_t i = column; i < table->count; i += table->columns) {
		int cell = width_of(table->cells[i]);

		width = cell > width ? cell : width;
	}
	return width;
}

static void print_cell(FILE *out, const struct table *table, size_t column, int width,
		       const char *text)
{
	bool last = column == table->columns - 1;
	int fill = width - width_of(text);

	if (to_the_right(table, column))
		fprintf(out, "%*s%s", fill, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : fill, "");
	fprintf(out, "%*s", last ? 0 : GAP, "");
	if (last)
		fputc('\n', out);
}

int table_print(FILE *out, const struct table *table)
{
	cleanup(freep) int *widths = calloc(table->columns, sizeof(*widths));

	if (table->failed || !widths)
		return -ENOMEM;
	for (size_t column = 0; column < table->columns; column++) {
		widths[column] = column_width(table, column);
		print_cell(out, table, column, widths[column], title_of(table, column));
	}
	for (size_t i = 0; i < table->count; i++)
		print_cell(out, table, i % table->columns, widths[i % table->columns],
			   table->cells[i]);
	return 0;
}

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
}

int write_json(FILE *out, const json_t *json)
{
	if (json_dumpf(json, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF)
		return -EIO;
	return 0;
}
