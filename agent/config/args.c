// SPDX-License-Identifier: Apache-2.0
/*
 * The command line. Options are collected first, because --config must be read
 * before the others are applied over it.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define ARGS_MAX 64
#define KEY_CONFIG 0x1000
#define KEY_CLEANUP 0x1001
#define KEY_OPTION 0x2000 /* plus enum config_key */

struct arg {
	enum config_key key;
	const char *value;
};

struct args {
	const char *config;
	bool cleanup;
	struct arg items[ARGS_MAX];
	size_t count;
};

static error_t on_option(int key, char *value, struct argp_state *state)
{
	struct args *args = state->input;

	if (key == KEY_CONFIG) {
		args->config = value;
	} else if (key == KEY_CLEANUP) {
		args->cleanup = true;
	} else if (key >= KEY_OPTION && key < KEY_OPTION + CONFIG_KEY_MAX) {
		if (args->count == ARGS_MAX)
			argp_error(state, "too many options");
		args->items[args->count++] =
			(struct arg){ (enum config_key)(key - KEY_OPTION), value };
	} else if (key == ARGP_KEY_ARG) {
		argp_error(state, "unexpected argument \"%s\"", value);
	} else {
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void parse_args(struct args *args, int argc, char **argv)
{
	struct argp_option options[CONFIG_KEY_MAX + 3] = {
		{ "config", KEY_CONFIG, "FILE", 0, "configuration (default " CONFIG_FILE ")", 0 },
		{ "cleanup", KEY_CLEANUP, NULL, 0,
		  "remove everything that the agent ever made, and end", 0 },
	};
	const struct argp argp = {
		.options = options,
		.parser = on_option,
		.doc = "The node agent of weir: programs the datapath, serves the CNI plugin.",
	};

	for (int key = 0; key < CONFIG_KEY_MAX; key++)
		options[2 + key] = (struct argp_option){
			.name = config_options[key].name,
			.key = KEY_OPTION + key,
			.arg = config_options[key].value,
			.doc = config_options[key].help,
		};
	argp_program_version = "weir-agent " WEIR_VERSION;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, args);
}

static int apply_args(struct config *config, const struct args *args, char *error)
{
	bool cleared[CONFIG_KEY_MAX] = {};
	char why[CONFIG_WHY_MAX];
	const struct arg *arg;
	int r;

	for (size_t i = 0; i < args->count; i++) {
		arg = &args->items[i];
		if (!cleared[arg->key])
			config_clear_list(config, arg->key);
		cleared[arg->key] = true;
		r = config_set(config, arg->key, arg->value, why);
		if (r < 0) {
			snprintf(error, CONFIG_ERROR_MAX, "--%s: %s",
				 config_options[arg->key].name, r == -EINVAL ? why : strerror(-r));
			return r;
		}
	}
	config->cleanup = args->cleanup;
	return 0;
}

/* Both would have a say about the same objects. */
static int check_sources(const struct config *config, char *error)
{
	if (!config->manifests || (!config->kubeconfig && !config->api_server_count))
		return 0;
	snprintf(error, CONFIG_ERROR_MAX, "manifests and %s cannot both be given: objects come "
		 "from a directory or from API servers",
		 config->kubeconfig ? "kubeconfig" : "api-server");
	return -EINVAL;
}

/* An address is a pod's or a service's. */
static int check_cidrs(const struct config *config, char *error)
{
	char pods[PREFIX_TEXT_MAX], services[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < config->pod_cidr_count; i++)
		for (size_t k = 0; k < config->service_cidr_count; k++) {
			const struct prefix *a = &config->pod_cidrs[i];
			const struct prefix *b = &config->service_cidrs[k];

			if (!prefix_covers(a, b) && !prefix_covers(b, a))
				continue;
			snprintf(error, CONFIG_ERROR_MAX, "pod-cidr %s and service-cidr %s have "
				 "addresses in common", prefix_text(pods, a),
				 prefix_text(services, b));
			return -EINVAL;
		}
	return 0;
}

int config_load(struct config *config, int argc, char **argv, char *error)
{
	struct args args = {};
	int r;

	parse_args(&args, argc, argv);
	r = config_init(config);
	if (r < 0) {
		snprintf(error, CONFIG_ERROR_MAX, "out of memory");
		return r;
	}
	r = config_read_file(config, args.config ?: CONFIG_FILE, error);
	if (r == -ENOENT && !args.config)
		r = 0;
	if (r >= 0)
		r = apply_args(config, &args, error);
	if (r >= 0)
		r = check_sources(config, error) ?: check_cidrs(config, error);
	if (r < 0)
		config_done(config);
	return r;
}
