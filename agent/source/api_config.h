/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the API servers are and how to prove who asks: from a kubeconfig file, or from
 * what Kubernetes mounts into a pod. Files of certificates and tokens are named here
 * and read when a connection is made, because they are replaced while the agent runs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define API_SERVERS_MAX 16
#define API_CONFIG_ERROR_MAX 768
#define API_POD_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* PEM, from a file or as it is; at most one of the two is set. */
struct api_pem {
	char *file;
	char *data;
	size_t length;
};

struct api_config {
	char *servers[API_SERVERS_MAX]; /* "https://10.0.0.1:6443": no slash at the end */
	size_t server_count;
	char *server_name; /* in the server's certificate; NULL: its address */
	bool insecure; /* the server may be anybody */
	struct api_pem ca; /* none: the system's */
	struct api_pem cert;
	struct api_pem key;
	char *token; /* NULL: none, or in the file */
	char *token_file;
	char *proxy; /* NULL: none */
};

/*
 * @kubeconfig is a file, or NULL; @pod_dir (API_POD_DIR) is used without one, if it has
 * a token. @servers, if there are any, stand in for the one that is named there.
 * 0, -ENOMEM, or another negative errno with a sentence in @error
 * (API_CONFIG_ERROR_MAX bytes).
 */
int api_config_load(struct api_config *config, const char *kubeconfig, const char *pod_dir,
		    char *const *servers, size_t server_count, char *error);
void api_config_done(struct api_config *config);

/* This process runs in a pod of a cluster. */
bool api_config_in_pod(const char *pod_dir);

/* 0, -ENOMEM, or -EINVAL with what is wrong in @error. Adds one server. */
int api_config_add_server(struct api_config *config, const char *url, char *error);

/* The current token, NULL: none is configured. 0 or a negative errno. The caller frees. */
int api_config_token(char **ret, const struct api_config *config);

/* From the text of a kubeconfig file in @dir; as api_config_load(). In api_kubeconfig.c. */
int api_kubeconfig_read(struct api_config *config, const char *text, size_t length,
			const char *dir, char *error);
