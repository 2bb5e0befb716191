// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "socket", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{},
};

static void print_help(void)
{
	const struct cli_command *cmd;
	char words[64];

	printf("Usage: weir [OPTION...] COMMAND\n"
	       "Ask the weir-agent of this node.\n\n"
	       "Commands:\n");
	for (size_t i = 0; i < cli_command_count; i++) {
		cmd = &cli_commands[i];
		snprintf(words, sizeof(words), "%s %s %s", cmd->noun, cmd->verb ?: "",
			 cmd->arg ?: "");
		printf("  %-26s  %s\n", words, cmd->help);
	}
	printf("\nOptions:\n"
	       "  -o, --output FORMAT         table (default), json or yaml\n"
	       "      --socket PATH           of the agent (default " CLI_SOCKET ")\n"
	       "      --help                  this text\n"
	       "      --version               version of weir\n");
}

static bool set_format(struct cli *cli, const char *name)
{
	static const char *const names[] = {
		[CLI_TABLE] = "table",
		[CLI_JSON] = "json",
		[CLI_YAML] = "yaml",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], name)) {
			cli->format = (enum cli_format)i;
			return true;
		}
	}
	fprintf(stderr, "weir: \"%s\" is not one of table, json, yaml\n", name);
	return false;
}

/* Ends the process after --help, --version and mistakes. */
static void read_options(struct cli *cli, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			if (!set_format(cli, optarg))
				exit(CLI_USAGE);
			break;
		case 's':
			cli->socket = optarg;
			break;
		case 'h':
			print_help();
			exit(CLI_OK);
		case 'V':
			puts("weir " WEIR_VERSION);
			exit(CLI_OK);
		default:
			exit(CLI_USAGE);
		}
	}
}

int main(int argc, char **argv)
{
	struct cli cli = { .socket = CLI_SOCKET, .out = stdout, .err = stderr };

	signal(SIGPIPE, SIG_DFL); /* `weir conntrack list | head` ends quietly */
	read_options(&cli, argc, argv);
	return (int)cli_run(&cli, argv + optind, (size_t)(argc - optind));
}
