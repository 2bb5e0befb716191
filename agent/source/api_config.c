// SPDX-License-Identifier: Apache-2.0
#include "source/api_config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define KUBECONFIG_MAX (1u << 20)
#define TOKEN_MAX (64u << 10)

static void pem_done(struct api_pem *pem)
{
	free(pem->file);
	if (pem->data)
		explicit_bzero(pem->data, pem->length);
	free(pem->data);
}

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void api_config_done(struct api_config *config)
{
	for (size_t i = 0; i < config->server_count; i++)
		free(config->servers[i]);
	free(config->server_name);
	pem_done(&config->ca);
	pem_done(&config->cert);
	pem_done(&config->key);
	free_secret(config->token);
	free(config->token_file);
	free(config->proxy);
	*config = (struct api_config){};
}

int api_config_add_server(struct api_config *config, const char *url, char *error)
{
	size_t length = strlen(url);
	bool known = !strncmp(url, "https://", 8) || !strncmp(url, "http://", 7);
	const char *host = known ? strchr(url, ':') + 3 : "";

	while (length && url[length - 1] == '/')
		length--;
	if (!known || strcspn(host, "/?#") == 0 || strpbrk(url, " \t\r\n?#@\"\\")) {
		snprintf(error, API_CONFIG_ERROR_MAX,
			 "\"%.256s\" is not the address of an API server like https://10.0.0.1:6443",
			 url);
		return -EINVAL;
	}
	if (config->server_count == API_SERVERS_MAX) {
		snprintf(error, API_CONFIG_ERROR_MAX, "more than %d API servers", API_SERVERS_MAX);
		return -EINVAL;
	}
	config->servers[config->server_count] = strndup(url, length);
	return config->servers[config->server_count++] ? 0 : -ENOMEM;
}

static int refuse(int r, char *error, const char *what, const char *why)
{
	if (r != -ENOMEM)
		snprintf(error, API_CONFIG_ERROR_MAX, "%.256s: %.256s", what, why);
	return r;
}

static int read_kubeconfig(struct api_config *config, const char *path, char *error)
{
	const char *slash = strrchr(path, '/');
	char why[API_CONFIG_ERROR_MAX] = "";
	cleanup(freep) char *text = NULL;
	cleanup(freep) char *dir = NULL;
	size_t length;
	int r;

	r = file_read(&text, &length, path, KUBECONFIG_MAX);
	if (r < 0)
		return refuse(r, error, path, strerror(-r));
	dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("");
	r = dir ? api_kubeconfig_read(config, text, length, dir, why) : -ENOMEM;
	explicit_bzero(text, length);
	return r < 0 ? refuse(r, error, path, why) : 0;
}

bool api_config_in_pod(const char *pod_dir)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/token", pod_dir);

	return n < (int)sizeof(path) && getenv("KUBERNETES_SERVICE_HOST") &&
	       access(path, R_OK) == 0;
}

/* The address of the Service is of no use before services work: others may be given. */
static int read_pod(struct api_config *config, const char *dir, char *error)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT") ?: "443";
	bool is_v6 = strchr(host, ':');
	cleanup(freep) char *url = NULL;

	if (asprintf(&config->token_file, "%s/token", dir) < 0 ||
	    asprintf(&config->ca.file, "%s/ca.crt", dir) < 0 ||
	    asprintf(&url, "https://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port) < 0)
		return -ENOMEM;
	return api_config_add_server(config, url, error);
}

static int use_servers(struct api_config *config, char *const *servers, size_t count, char *error)
{
	int r = 0;

	for (size_t i = 0; count && i < config->server_count; i++)
		free(config->servers[i]);
	if (count)
		config->server_count = 0;
	for (size_t i = 0; i < count && !r; i++)
		r = api_config_add_server(config, servers[i], error);
	return r;
}

int api_config_load(struct api_config *config, const char *kubeconfig, const char *pod_dir,
		    char *const *servers, size_t server_count, char *error)
{
	int r = 0;

	*config = (struct api_config){};
	error[0] = '\0';
	if (kubeconfig)
		r = read_kubeconfig(config, kubeconfig, error);
	else if (api_config_in_pod(pod_dir))
		r = read_pod(config, pod_dir, error);
	r = r ?: use_servers(config, servers, server_count, error);
	if (!r && !config->server_count)
		r = refuse(-EINVAL, error, kubeconfig ?: "API server", "no server is named");
	if (r < 0)
		api_config_done(config);
	return r;
}

int api_config_token(char **ret, const struct api_config *config)
{
	cleanup(freep) char *text = NULL;
	size_t length;
	int r;

	*ret = NULL;
	if (!config->token_file) {
		*ret = config->token ? strdup(config->token) : NULL;
		return config->token && !*ret ? -ENOMEM : 0;
	}
	r = file_read(&text, &length, config->token_file, TOKEN_MAX);
	if (r < 0)
		return r;
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
	/* It becomes the line of a header. */
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] == 0x7f)
			return -EBADMSG;
	if (!length)
		return -ENODATA;
	*ret = take_ptr(&text);
	return 0;
}
