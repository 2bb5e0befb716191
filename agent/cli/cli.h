/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `weir` command. A subcommand is a row in commands.c, which says what to ask
 * the agent, and a function that prints the answer for people; JSON and YAML are
 * the answer itself.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#define CLI_SOCKET "/run/weir/weir.sock"

enum cli_format {
	CLI_TABLE,
	CLI_JSON,
	CLI_YAML,
};

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the agent refused or is not there */
	CLI_USAGE = 2,
};

struct cli {
	enum cli_format format;
	const char *socket;
	FILE *out;
	FILE *err;
};

/* Print @answer for people. 0 or -ENOMEM. Strings hold no control characters any more. */
typedef int cli_print_fn(FILE *out, const json_t *answer);

struct cli_command {
	const char *noun;
	const char *verb; /* NULL: the noun says it all */
	const char *arg; /* what its argument is called, NULL: none; with a slash: needs one */
	const char *help;
	const char *method;
	const char *path; /* the argument follows after a slash */
	cli_print_fn *print;
};

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

/* Carry out the command that @words (@count of them) spell. */
enum cli_exit cli_run(const struct cli *cli, char *const *words, size_t count);

cli_print_fn print_status;
cli_print_fn print_endpoints;
cli_print_fn print_endpoint;
cli_print_fn print_policies;
cli_print_fn print_pod_policies;
cli_print_fn print_identities;
cli_print_fn print_services;
cli_print_fn print_service;
cli_print_fn print_flows;
cli_print_fn print_flushed;

/* @title and then the policies and rules of @ruleset, or that there are none. */
void print_ruleset(FILE *out, const char *title, const json_t *ruleset);
