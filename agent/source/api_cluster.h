/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose objects the copies on the disk are (api_state.h): a file <state-dir>/api/cluster. A
 * copy of another cluster would put its policies in force here.
 *
 *	weir-cluster 1
 *	authority FINGERPRINT
 *	server https://10.0.0.1:6443
 *	uid 01234567-89ab-cdef-0123-456789abcdef
 *
 * Before a server was asked a cluster is known by its certificate authority and one of its
 * servers at least; later by the UID of the namespace kube-system, which no other one has.
 */
#pragma once

#include <stdbool.h>

#include "source/api_config.h"

#define API_CLUSTER_UID_MAX 128

struct api_cluster {
	const struct api_config *config; /* borrowed */
	char *path; /* NULL: nothing is kept */
	bool is_bound; /* the file says that the copies are those of this cluster */
	char uid[API_CLUSTER_UID_MAX]; /* of kube-system, as bound or as heard; "": not known */
};

/*
 * @state_dir NULL: nothing is kept. 1: what copies there are may be used; 0: they may not, or
 * there are none; @why then says it, if there is something to say (API_CONFIG_ERROR_MAX bytes,
 * or ""); -ENOMEM.
 */
int api_cluster_open(struct api_cluster *cluster, const char *state_dir,
		     const struct api_config *config, char *why);
void api_cluster_done(struct api_cluster *cluster);

/*
 * kube-system has @uid. False: the copies are another cluster's, and not bound any more to
 * anything; api_cluster_bind() binds them when they are no longer.
 */
bool api_cluster_hear(struct api_cluster *cluster, const char *uid);

/* The copies are of this cluster now. 0 or a negative errno, and then they are no one's. */
int api_cluster_bind(struct api_cluster *cluster);

/* And no one's from now on. */
void api_cluster_unbind(struct api_cluster *cluster);
