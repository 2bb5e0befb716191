// SPDX-License-Identifier: Apache-2.0
#include "net/nat_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS "elements = {"
#define SPACE " \t"

/* Where a line is: 1 in the table, 2 in a set, map or chain, 3 in a list of elements. */
static size_t depth(const char *line)
{
	return strspn(line, "\t");
}

/* The name in "set NAME {" or "map NAME {"; NULL: another block. */
static const char *name_of_set(const char *line)
{
	return !strncmp(line, "\tset ", 5) || !strncmp(line, "\tmap ", 5) ? line + 5 : NULL;
}

/* Elements of @set up to the end of the line. Whether the list goes on. */
static bool add_elements(struct nat_table *table, const char *set, char *line)
{
	char *end = strchr(line, '}');
	char *rest = line;
	char *text;

	if (end)
		*end = '\0';
	while ((text = strsep(&rest, ","))) {
		text += strspn(text, SPACE);
		for (size_t i = strlen(text); i && strchr(SPACE, text[i - 1]); i--)
			text[i - 1] = '\0';
		if (*text)
			table->elements[table->element_count++] = (struct nat_element){
				.set = set,
				.set_length = strcspn(set, " "),
				.text = text,
			};
	}
	return !end;
}

/* Rules are passed over: they are replaced, whatever they are. */
static void parse_lines(struct nat_table *table)
{
	const char *set = NULL;
	bool in_elements = false;
	char *rest = table->text;
	char *line, *elements;

	while ((line = strsep(&rest, "\n"))) {
		elements = set && depth(line) == 2 ? strstr(line, ELEMENTS) : NULL;
		if (in_elements)
			in_elements = add_elements(table, set, line);
		else if (elements)
			in_elements = add_elements(table, set, elements + strlen(ELEMENTS));
		else if (depth(line) == 1 ? strcmp(line, "\t}") : set && depth(line) > 1)
			table->lines[table->line_count++] = line + depth(line);
		if (depth(line) == 1)
			set = name_of_set(line);
	}
}

int nat_table_parse(struct nat_table *ret, const char *listed)
{
	struct nat_table table = { .text = strdup(listed) };
	size_t most = 1; /* of lines as of elements, which commas separate */

	for (const char *c = listed; *c; c++)
		most += *c == '\n' || *c == ',';
	table.lines = calloc(most, sizeof(*table.lines));
	table.elements = calloc(most, sizeof(*table.elements));
	if (!table.text || !table.lines || !table.elements) {
		nat_table_done(&table);
		return -ENOMEM;
	}
	parse_lines(&table);
	*ret = table;
	return 0;
}

void nat_table_done(struct nat_table *table)
{
	free(table->text);
	free(table->lines);
	free(table->elements);
}

static bool is_of(const struct nat_element *element, const char *set)
{
	return strlen(set) == (size_t)element->set_length &&
	       !strncmp(set, element->set, element->set_length);
}

bool nat_table_keep(struct nat_table *table, const char *set, const char *text)
{
	for (size_t i = 0; i < table->element_count; i++) {
		struct nat_element *element = &table->elements[i];

		if (!is_of(element, set) || strcmp(element->text, text))
			continue;
		element->kept = true;
		return true;
	}
	return false;
}

/* A block's first line ends so. */
static bool is_head(const char *line)
{
	size_t length = strlen(line);

	return length && line[length - 1] == '{';
}

static bool is_head_of_set(const char *line, const char *set)
{
	size_t length = strlen(set);

	return !strncmp(line, "set ", 4) && !strncmp(line + 4, set, length) &&
	       line[4 + length] == ' ';
}

bool nat_table_forget(struct nat_table *table, const char *set)
{
	size_t lines = 0, elements = 0;
	bool found = false, inside = false;

	for (size_t i = 0; i < table->line_count; i++) {
		if (is_head(table->lines[i]))
			inside = is_head_of_set(table->lines[i], set);
		found |= inside;
		if (!inside)
			table->lines[lines++] = table->lines[i];
	}
	for (size_t i = 0; i < table->element_count; i++)
		if (!is_of(&table->elements[i], set))
			table->elements[elements++] = table->elements[i];
	table->line_count = lines;
	table->element_count = elements;
	return found;
}

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if (at > text && at[-1] == '\t' && at[length] == '\n')
			return true;
	return false;
}

bool nat_table_is_part(const struct nat_table *table, const char *other)
{
	for (size_t i = 0; i < table->line_count; i++)
		if (!has_line(other, table->lines[i]))
			return false;
	return true;
}

void nat_table_delete_rest(FILE *out, const struct nat_table *table)
{
	for (size_t i = 0; i < table->element_count; i++) {
		const struct nat_element *element = &table->elements[i];
		const char *value = strstr(element->text, " : ");
		int key = value ? (int)(value - element->text) : (int)strlen(element->text);

		if (!element->kept)
			fprintf(out, "delete element inet weir %.*s { %.*s }\n",
				element->set_length, element->set, key, element->text);
	}
}
