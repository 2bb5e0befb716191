// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "cli/output.h"

const struct cli_command cli_commands[] = {
	{ "status", NULL, NULL, "health, problems, drops and how full the tables are",
	  "GET", "/v1/status", print_status },
	{ "endpoint", "list", NULL, "the pods of this node",
	  "GET", "/v1/endpoints", print_endpoints },
	{ "endpoint", "get", "ID", "one pod and its rules; ID: number, namespace/pod or container ID",
	  "GET", "/v1/endpoints", print_endpoint },
	{ "policy", "list", NULL, "policies and the pods of this node that they select",
	  "GET", "/v1/policies", print_policies },
	{ "policy", "get", "NAMESPACE/POD", "the rules that are in force for one pod",
	  "GET", "/v1/policies", print_pod_policies },
	{ "identity", "list", NULL, "classes of peers that no policy tells apart",
	  "GET", "/v1/identities", print_identities },
	{ "service", "list", NULL, "Services: where they answer, and how many backends they have",
	  "GET", "/v1/services", print_services },
	{ "service", "get", "NAMESPACE/NAME", "one Service with its frontends and backends",
	  "GET", "/v1/services", print_service },
	{ "conntrack", "list", NULL, "connections that the datapath knows",
	  "GET", "/v1/conntrack", print_flows },
	{ "conntrack", "flush", NULL, "forget all connections; packets are judged anew",
	  "DELETE", "/v1/conntrack", print_flushed },
};
const size_t cli_command_count = sizeof(cli_commands) / sizeof(cli_commands[0]);

/* Says which verbs @noun has, or that there is no such noun. */
static enum cli_exit refuse_words(const struct cli *cli, const char *noun, const char *verb)
{
	const char *before = "";
	bool known = false;

	for (size_t i = 0; i < cli_command_count; i++)
		known |= !strcmp(cli_commands[i].noun, noun);
	if (!known) {
		fprintf(cli->err, "weir: no command \"%s\"; see weir --help\n", noun);
		return CLI_USAGE;
	}
	if (verb)
		fprintf(cli->err, "weir: %s cannot \"%s\", only", noun, verb);
	else
		fprintf(cli->err, "weir: %s needs one of", noun);
	for (size_t i = 0; i < cli_command_count; i++) {
		if (strcmp(cli_commands[i].noun, noun))
			continue;
		fprintf(cli->err, "%s %s", before, cli_commands[i].verb);
		before = ",";
	}
	fputc('\n', cli->err);
	return CLI_USAGE;
}

static const struct cli_command *find_command(const char *noun, const char *verb)
{
	const struct cli_command *cmd;

	for (size_t i = 0; i < cli_command_count; i++) {
		cmd = &cli_commands[i];
		if (!strcmp(cmd->noun, noun) &&
		    (!cmd->verb || (verb && !strcmp(cmd->verb, verb))))
			return cmd;
	}
	return NULL;
}

static bool argument_fits(const struct cli *cli, const struct cli_command *cmd,
			  char *const *args, size_t count)
{
	const char *verb = cmd->verb ?: "";
	const char *space = cmd->verb ? " " : "";

	if (count > (cmd->arg ? 1 : 0)) {
		fprintf(cli->err, "weir: %s%s%s: \"%s\" is one word too many\n", cmd->noun, space,
			verb, args[cmd->arg ? 1 : 0]);
		return false;
	}
	if (cmd->arg && (!count || !*args[0])) {
		fprintf(cli->err, "weir: %s%s%s needs %s\n", cmd->noun, space, verb, cmd->arg);
		return false;
	}
	if (cmd->arg && strchr(cmd->arg, '/') && !strchr(args[0], '/')) {
		fprintf(cli->err, "weir: \"%s\" is not of the form %s\n", args[0], cmd->arg);
		return false;
	}
	return true;
}

static int write_answer(const struct cli *cli, const struct cli_command *cmd, json_t *answer)
{
	switch (cli->format) {
	case CLI_JSON:
		return write_json(cli->out, answer);
	case CLI_YAML:
		return write_yaml(cli->out, answer);
	case CLI_TABLE:
		break;
	}
	plain_text(answer);
	return cmd->print(cli->out, answer);
}

static enum cli_exit call(const struct cli *cli, const struct cli_command *cmd, const char *arg)
{
	cleanup(freep) char *path = arg ? fetch_path(cmd->path, arg) : strdup(cmd->path);
	cleanup(json_dropp) json_t *answer = NULL;
	int r;

	if (path && !fetch(&answer, cli, cmd->method, path))
		return CLI_FAILED;
	r = path ? write_answer(cli, cmd, answer) : -ENOMEM;
	if (r >= 0 && (fflush(cli->out) || ferror(cli->out)))
		r = -EIO;
	if (r < 0)
		fprintf(cli->err, "weir: %s\n",
			r == -ENOMEM ? "out of memory" : "the output cannot be written");
	return r < 0 ? CLI_FAILED : CLI_OK;
}

enum cli_exit cli_run(const struct cli *cli, char *const *words, size_t count)
{
	const char *verb = count > 1 ? words[1] : NULL;
	const struct cli_command *cmd;
	size_t used;

	if (!count) {
		fprintf(cli->err, "weir: a command is missing; see weir --help\n");
		return CLI_USAGE;
	}
	cmd = find_command(words[0], verb);
	if (!cmd)
		return refuse_words(cli, words[0], verb);
	used = cmd->verb ? 2 : 1;
	if (!argument_fits(cli, cmd, words + used, count - used))
		return CLI_USAGE;
	return call(cli, cmd, cmd->arg ? words[used] : NULL);
}
