/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of the control socket's GET calls, from the agent's structs to
 * JSON values (docs/control-api.md). Pure; each function returns a new reference, or
 * NULL when out of memory.
 *
 * @image is the image in force, NULL when there is none yet. An endpoint that is
 * not in it is "isolated": the datapath lets nothing through.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "endpoint/table.h"
#include "model/image.h"
#include "model/service.h"
#include "model/store.h"
#include "weir/conntrack.h"

/* "tcp", "udp", "sctp", "icmp", "icmpv6", or the number. */
json_t *view_proto(uint8_t proto);

/*
 * {"id", "isolated", "policies": [{"policy", "tier", "priority", "why"}],
 *  "rules": [{"tier", "priority", "action", "policy", "rule", "name", "text"}]}, both
 * in the order of evaluation; NULL gives null.
 */
json_t *view_ruleset(const struct image_ruleset *ruleset);

/* How the list of endpoints has it. */
json_t *view_endpoint(const struct pod_endpoint *ep, const struct image *image);

/* With "ingressRuleset" and "egressRuleset". */
json_t *view_endpoint_detail(const struct pod_endpoint *ep, const struct image *image);

/* {"endpoints": [...]}, leaving ones included. */
json_t *view_endpoints(const struct endpoint_table *table, const struct image *image);

/* {"policies": [...]}: of every kind, with the endpoints that they select. */
json_t *view_policies(const struct store *store, const struct endpoint_table *table,
		      const struct image *image);

/* {"namespace", "pod", "ingress": rule set or null, "egress": same}. */
json_t *view_pod_policies(const struct pod_endpoint *ep, const struct image *image);

/* {"identities": [...]}. */
json_t *view_identities(const struct image *image);

/* What is in force of one service port. */
struct view_service_port {
	uint32_t number; /* 0: it is not */
	struct service_hit hits;
};

/*
 * {"namespace", "name", "problem", "healthCheckNodePort", "readyLocal", "ports": [...]};
 * @ports_now is of as many as @images has. Backends only with @detail. @problem may be NULL.
 */
json_t *view_service(const struct service_images *images, const struct view_service_port *ports_now,
		     const char *problem, bool detail);

/* The kernel's clock that ct_entry.expires counts in: jiffies. */
struct view_clock {
	uint32_t now; /* low 32 bits */
	uint32_t hz;
};

/* Both families have one key here, IPv4 v4-mapped. */
struct ct6_key view_flow_key(const struct ct4_key *key);

/*
 * One of "flows"; counters are the opener's, then the answerer's. A connection to a
 * service is two: one has "becomes", the other has "was", each an opener and an answerer.
 */
json_t *view_flow(const struct ct6_key *key, const struct ct_entry *entry,
		  const struct ct6_nat *nat, const struct view_clock *clock);
