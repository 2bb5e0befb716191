// SPDX-License-Identifier: Apache-2.0
/* The CNI plugin: one verb a process, configuration on stdin, answer on stdout. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/jsoncost.h"
#include "cni/call.h"
#include "cni/install.h"

#define EXIT_USAGE 2
#define ATTACHMENT (CNI_ENV_CONTAINERID | CNI_ENV_NETNS | CNI_ENV_IFNAME)

static const struct verb {
	const char *name;
	unsigned int required; /* enum cni_env_variable */
	enum cni_version since;
	int (*run)(json_t **ret, const struct cni_call *call, struct cni_error *error);
} verbs[] = {
	{ "ADD", ATTACHMENT | CNI_ENV_PATH, CNI_0_1_0, cni_add },
	{ "DEL", CNI_ENV_CONTAINERID | CNI_ENV_IFNAME, CNI_0_1_0, cni_del },
	{ "CHECK", ATTACHMENT | CNI_ENV_PATH, CNI_0_4_0, cni_check },
	{ "STATUS", CNI_ENV_PATH, CNI_1_1_0, cni_status },
	{ "GC", CNI_ENV_PATH, CNI_1_1_0, cni_gc },
	{ "VERSION", 0, CNI_0_1_0, NULL },
};

static int find_verb(const struct verb **ret, struct cni_error *error)
{
	const char *command = getenv("CNI_COMMAND") ?: "";

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(verbs[i].name, command)) {
			*ret = &verbs[i];
			return 0;
		}
	}
	if (!*command)
		return cni_fail(error, CNI_BAD_ENVIRONMENT,
				"required env variables [CNI_COMMAND] missing");
	return cni_fail(error, CNI_BAD_ENVIRONMENT, "unknown CNI_COMMAND: %s", command);
}

/* What VERSION is given may be empty or anything: it is answered all the same. */
static json_t *answer_version(const char *text)
{
	cleanup(json_decrefp) json_t *conf = NULL;

	if (json_cost(text, strlen(text)) <= NETCONF_COST_MAX)
		conf = json_loads(text, 0, NULL);

	return cni_version_json(json_string_value(json_object_get(conf, "cniVersion")) ?: "");
}

static int run_verb(json_t **ret, struct cni_call *call, const struct verb *verb,
		    struct cni_error *error)
{
	cleanup(freep) char *text = NULL;
	size_t length = 0;
	int r;

	r = cni_env_read(&call->env, verb->required, error);
	if (r < 0)
		return r;
	r = file_read_all(&text, &length, STDIN_FILENO, NETCONF_BYTES_MAX);
	if (r < 0)
		return cni_fail_errno(error, CNI_IO_FAILURE, r, "cannot read the configuration");
	if (!verb->run) {
		*ret = answer_version(text);
		return 0;
	}
	if (strlen(text) != length)
		return cni_fail(error, CNI_DECODE_FAILURE, "the configuration contains a NUL");
	r = netconf_parse(&call->conf, take_ptr(&text), verb->required & CNI_ENV_NETNS, error);
	if (r < 0)
		return r;
	if (call->conf.version < verb->since)
		return cni_fail(error, CNI_INCOMPATIBLE_VERSION, "%s needs cniVersion %s, not %s",
				verb->name, cni_version_text(verb->since),
				cni_version_text(call->conf.version));
	return verb->run(ret, call, error);
}

static int print(const json_t *object)
{
	if (!object)
		return 0;
	if (json_dumpf(object, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		return -EIO;
	return fflush(stdout) == EOF ? -errno : 0;
}

static int install(const char *dir)
{
	int r = dir ? cni_install(dir) : -EINVAL;

	if (!r)
		return EXIT_SUCCESS;
	if (!dir)
		fprintf(stderr, "weir-cni: --install needs a directory\n");
	else
		fprintf(stderr, "weir-cni: cannot be installed in %s: %s\n", dir, strerror(-r));
	return dir ? EXIT_FAILURE : EXIT_USAGE;
}

/* Runtimes pass no arguments: somebody is looking around. Returns the exit status. */
static int answer_person(const char *word, const char *value)
{
	if (!strcmp(word, "--install"))
		return install(value);
	if (!strcmp(word, "--version")) {
		puts("weir-cni " WEIR_VERSION);
		return EXIT_SUCCESS;
	}
	if (strcmp(word, "--help")) {
		fprintf(stderr, "weir-cni: unexpected argument \"%s\"; see weir-cni --help\n", word);
		return EXIT_USAGE;
	}
	puts("Usage: CNI_COMMAND=VERB CNI_...=... weir-cni <CONFIGURATION\n"
	     "The CNI plugin of weir: container runtimes run it to connect pods.\n\n"
	     "Verbs:");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("  %-8s from version %s of the CNI specification\n", verbs[i].name,
		       cni_version_text(verbs[i].since));
	puts("\nOptions:\n"
	     "  --help         this text\n"
	     "  --install DIR  copy this program to DIR, where a runtime looks for plugins\n"
	     "  --version      version of weir\n\n"
	     "See weir-cni(8) for the configuration.");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct cni_call call = { .conf.version = CNI_NEWEST };
	const struct verb *verb = NULL;
	struct cni_error error;
	json_t *answer = NULL;
	int r;

	if (argc > 1)
		return answer_person(argv[1], argv[2]);
	r = find_verb(&verb, &error);
	r = r ?: run_verb(&answer, &call, verb, &error);
	if (r < 0)
		answer = cni_error_json(&error, cni_version_text(call.conf.version));
	if (print(answer) < 0)
		r = -CNI_IO_FAILURE;
	json_decref(answer);
	cni_env_done(&call.env);
	netconf_done(&call.conf);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
