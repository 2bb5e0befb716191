// SPDX-License-Identifier: Apache-2.0
/*
 * The API source without an agent around it, for tests: a line of JSON on stdout for
 * everything that changes.
 *
 *	weir-api-probe KUBECONFIG|- STATE_DIR|- POD_DIR RETRY_MIN RETRY_MAX ABSENT WATCH STALL
 *		[SERVER]...
 *
 * Times are milliseconds. It ends when its standard input does.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "source/api_source.h"

#define FIXED_ARGS 9

struct probe {
	struct event_base *base;
	struct store *store;
	struct api_source *source;
};

static int add_object(const struct object *obj, void *arg)
{
	json_array_append_new(arg, json_sprintf("%s %s%s%s", object_kind_name(obj->kind),
						obj->namespace, *obj->namespace ? "/" : "",
						obj->name));
	return 0;
}

static json_t *kinds_to_json(const struct api_source *source)
{
	json_t *kinds = json_object();
	struct api_kind_status kind;

	for (size_t i = 0; api_source_kind(&kind, source, i); i++)
		json_object_set_new(kinds, kind.plural,
				    json_pack("{s:i,s:b,s:b,s:I,s:s,s:s}", "state",
					      (int)kind.state, "synced", kind.is_synced, "recalled",
					      kind.is_recalled, "objects", (json_int_t)kind.objects,
					      "forbidden", kind.refusal->verb ?: "", "account",
					      kind.refusal->account));
	return kinds;
}

static json_t *problems_to_json(struct api_source *source)
{
	const struct manifest_problem *problems;
	json_t *list = json_array();
	size_t count;

	problems = api_source_problems(source, &count);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:b}", "file",
						      problems[i].file, "object", problems[i].object,
						      "field", problems[i].field, "text",
						      problems[i].text, "warning",
						      problems[i].warning));
	return list;
}

static void print(void *arg)
{
	struct probe *probe = arg;
	json_t *objects = json_array(), *line;

	for (int kind = 0; kind < OBJECT_KIND_MAX; kind++)
		store_each(probe->store, (enum object_kind)kind, add_object, objects);
	line = json_pack("{s:b,s:b,s:b,s:b,s:s,s:I,s:o,s:o,s:o}", "policy",
			 api_source_is_ready(probe->source, API_NEED_POLICY), "services",
			 api_source_is_ready(probe->source, API_NEED_SERVICES), "ready",
			 api_source_is_ready(probe->source, API_NEEDS_ALL), "synced",
			 api_source_is_synced(probe->source, API_NEEDS_ALL), "server",
			 api_source_server(probe->source), "version",
			 (json_int_t)store_version(probe->store), "objects", objects, "kinds",
			 kinds_to_json(probe->source), "problems",
			 problems_to_json(probe->source));
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

static void on_changed(void *arg)
{
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct probe *probe = arg;
	char byte;

	if (read(fd, &byte, 1) <= 0)
		event_base_loopbreak(probe->base);
}

static int run(struct probe *probe, struct api_config *config, const char *state_dir,
	       const struct api_timing *timing)
{
	const struct manifest_listener listener = { .arg = probe, .changed = on_changed,
						    .looked = print };
	struct event *input;
	int r;

	probe->base = event_base_new();
	r = store_new(&probe->store);
	r = r ?: api_source_new(&probe->source, probe->base, probe->store, config, state_dir,
				timing, &listener);
	if (r < 0) {
		log_error_errno(r, "source");
		return 1;
	}
	input = event_new(probe->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, probe);
	event_add(input, NULL);
	print(probe);
	event_base_dispatch(probe->base);
	event_free(input);
	api_source_free(probe->source);
	store_free(probe->store);
	event_base_free(probe->base);
	return 0;
}

static const char *path_of(const char *arg)
{
	return strcmp(arg, "-") ? arg : NULL;
}

int main(int argc, char **argv)
{
	char error[API_CONFIG_ERROR_MAX];
	struct api_timing timing;
	struct api_config config;
	struct probe probe = {};

	if (argc < FIXED_ARGS)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	timing = (struct api_timing){
		.retry_min = atoi(argv[4]),
		.retry_max = atoi(argv[5]),
		.absent = atoi(argv[6]),
		.watch = atoi(argv[7]),
		.stall = atoi(argv[8]),
	};
	if (api_config_load(&config, path_of(argv[1]), argv[3], argv + FIXED_ARGS,
			    (size_t)(argc - FIXED_ARGS), error) < 0) {
		log_error("%s", error);
		return 1;
	}
	return run(&probe, &config, path_of(argv[2]), &timing);
}
