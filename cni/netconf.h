/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network configuration on stdin, checked, with everything a runtime may
 * have injected: runtimeConfig, prevResult, the attachments that GC keeps.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cni/env.h"
#include "cni/version.h"

#define NETCONF_SOCKET "/run/weir/weir.sock"
#define NETCONF_BYTES_MAX (4u << 20) /* GC names every pod of the node */
#define NETCONF_COST_MAX (48u << 20) /* of its values in memory */

struct netconf {
	char *text; /* stdin as it came, for a delegated plugin */
	json_t *root; /* owns every text below */
	enum cni_version version;
	const char *name;
	const char *socket;
	const char *ipam_type; /* NULL: the agent chooses addresses */
	const json_t *valid_attachments; /* NULL: none given */

	/* of one attachment */
	const char *pod_namespace; /* `namespace`, or "default" */
	const char *mac; /* "" */
	int mtu; /* 0: the agent chooses */
	json_t *ips; /* array of addresses without prefix length, owned; may be NULL */
	json_t *port_mappings; /* array in the form of the control API, owned; may be NULL */
	const json_t *prev_result; /* NULL: none */
	const json_t *dns; /* NULL: none */
};

/*
 * @text becomes the configuration's even on failure. @ret->version is set as soon
 * as it is known, so that an error can be told in it; netconf_done() in any case.
 *
 * Without @attachment the members of one attachment are not looked at: what made
 * ADD fail must not make the DEL after it fail as well.
 */
int netconf_parse(struct netconf *ret, char *text, bool attachment, struct cni_error *error);
void netconf_done(struct netconf *conf);

/* The member @name of @object, whatever its case, as Go reads JSON. NULL: none. */
json_t *netconf_member(const json_t *object, const char *name);
