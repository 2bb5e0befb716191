// SPDX-License-Identifier: Apache-2.0
#include "source/api_cluster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "source/fingerprint.h"

#define DIRECTORY "api"
#define HEADER "weir-cluster 1\n"
#define FILE_MAX (64 * 1024)
#define PEM_MAX (1024 * 1024)

/* Of all certificates that a server's may come from; 0: those of the machine, or none is asked. */
static int authority(uint64_t *ret, const struct api_config *config)
{
	cleanup(freep) char *text = NULL;
	size_t length;
	int r;

	*ret = 0;
	if (config->ca.data)
		*ret = fingerprint_text(config->ca.data, config->ca.length);
	if (!config->ca.file)
		return 0;
	r = file_read(&text, &length, config->ca.file, PEM_MAX);
	if (!r)
		*ret = fingerprint_text(text, length);
	return r;
}

/* The rest of the next line of *@text that begins with @word, terminated; NULL: no more. */
static char *next_value(char **text, const char *word)
{
	size_t length = strlen(word);
	char *line;

	while ((line = strsep(text, "\n")))
		if (!strncmp(line, word, length))
			return line + length;
	return NULL;
}

static bool has_server(const struct api_config *config, char *text)
{
	const char *server;

	while ((server = next_value(&text, "server ")))
		for (size_t i = 0; i < config->server_count; i++)
			if (!strcmp(server, config->servers[i]))
				return true;
	return false;
}

static const char *judge_authority(const struct api_config *config, const char *bound)
{
	char expected[32];
	uint64_t number;

	if (authority(&number, config) < 0)
		return "the certificate authority cannot be read";
	snprintf(expected, sizeof(expected), "%016" PRIx64, number);
	return strcmp(bound, expected) != 0 ? "they came from servers with another certificate "
					      "authority" : NULL;
}

/* NULL: they are of this cluster; @text is cut into pieces. */
static const char *judge(struct api_cluster *cluster, char *text)
{
	cleanup(freep) char *copy = strdup(text);
	char *rest = text, *bound, *uid;
	const char *why;

	if (!copy || strncmp(text, HEADER, strlen(HEADER)) != 0)
		return "what says of which cluster they are cannot be read";
	bound = next_value(&rest, "authority ");
	uid = rest ? strstr(rest, "uid ") : NULL;
	why = bound ? judge_authority(cluster->config, bound) : "no certificate authority is noted";
	if (why)
		return why;
	if (!has_server(cluster->config, copy))
		return "they came from other servers";
	if (uid)
		snprintf(cluster->uid, sizeof(cluster->uid), "%.*s", (int)strcspn(uid + 4, "\n"),
			 uid + 4);
	return NULL;
}

/* A copy of some kind is there, so that it is worth a word that it is not used. */
static bool has_copies(const char *state_dir)
{
	cleanup(freep) char *path = NULL;

	return asprintf(&path, "%s/" DIRECTORY "/networkpolicies", state_dir) >= 0 &&
	       !access(path, F_OK);
}

int api_cluster_open(struct api_cluster *cluster, const char *state_dir,
		     const struct api_config *config, char *why)
{
	cleanup(freep) char *text = NULL;
	const char *reason;
	size_t length;
	int r;

	*cluster = (struct api_cluster){ .config = config };
	why[0] = '\0';
	if (!state_dir)
		return 0;
	if (asprintf(&cluster->path, "%s/" DIRECTORY "/cluster", state_dir) < 0) {
		cluster->path = NULL;
		return -ENOMEM;
	}
	r = file_read(&text, &length, cluster->path, FILE_MAX);
	if (r == -ENOMEM)
		return r;
	reason = r < 0 ? "it is not known of which cluster they are" : judge(cluster, text);
	cluster->is_bound = !reason;
	if (reason && has_copies(state_dir))
		snprintf(why, API_CONFIG_ERROR_MAX,
			 "the copies of objects in %s/" DIRECTORY " are not used: %s", state_dir,
			 reason);
	return cluster->is_bound;
}

void api_cluster_done(struct api_cluster *cluster)
{
	free(cluster->path);
	*cluster = (struct api_cluster){};
}

void api_cluster_unbind(struct api_cluster *cluster)
{
	if (cluster->path)
		unlink(cluster->path);
	cluster->is_bound = false;
}

bool api_cluster_hear(struct api_cluster *cluster, const char *uid)
{
	bool is_same = !cluster->uid[0] || !strcmp(cluster->uid, uid);

	if (!is_same)
		api_cluster_unbind(cluster);
	snprintf(cluster->uid, sizeof(cluster->uid), "%s", uid);
	return is_same;
}

int api_cluster_bind(struct api_cluster *cluster)
{
	cleanup(buf_done) struct buf text = {};
	uint64_t number;
	int r;

	if (!cluster->path)
		return 0;
	r = authority(&number, cluster->config);
	buf_printf(&text, HEADER "authority %016" PRIx64 "\n", number);
	for (size_t i = 0; i < cluster->config->server_count; i++)
		buf_printf(&text, "server %s\n", cluster->config->servers[i]);
	if (cluster->uid[0])
		buf_printf(&text, "uid %s\n", cluster->uid);
	if (!r)
		r = text.failed ? -ENOMEM : file_replace(cluster->path, text.data, text.length, 0600);
	cluster->is_bound = !r;
	if (r < 0)
		api_cluster_unbind(cluster);
	return r;
}
