/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy image: everything that the datapath's policy maps shall hold, as
 * plain sorted arrays. image_compile() computes it from the store and the
 * endpoints, purely; reconcile.h applies it.
 *
 * Numbers are stable: a rule set or class that the previous image had, and that
 * still means the same, keeps its number; numbers of things that changed are
 * fresh and are not reused before the image after next, because packets may
 * still be judged by the previous image while the next one is applied.
 */
#pragma once

#include "model/objects.h"
#include "model/store.h"
#include "weir/endpoint.h"
#include "weir/peer.h"
#include "weir/policy.h"

/* A pod of this node, as the compiler sees it. */
struct image_endpoint {
	uint32_t ifindex;
	const char *namespace; /* of the pod */
	const char *pod; /* name; labels come from the Pod object, none without one */
	struct ip_addr ips[2]; /* :: means none */
};

/* What the image is computed from; everything is borrowed. */
struct image_input {
	const struct store *store;
	const char *node_name;
	const struct image_endpoint *endpoints;
	size_t endpoint_count;
	const struct ip_addr *host_ips;
	size_t host_ip_count;
};

struct image_peer {
	struct ip_addr addr;
	uint32_t class;
	uint32_t ifindex; /* of the local endpoint, else 0 */
	enum peer_kind kind;
};

struct image_class_bits {
	uint32_t class;
	uint64_t bits; /* inline or row, as policy.h says */
};

struct image_port_bits {
	struct policy_port_key key; /* complete, set included */
	uint64_t bits;
};

struct image_cidr_bits {
	struct prefix prefix;
	uint64_t bits;
};

struct image_row {
	uint32_t row;
	uint32_t chunk;
	struct policy_bits bits;
};

/* A policy that selects the pod, for people. */
struct image_policy {
	char *name; /* "NetworkPolicy shop/front" */
	char *why; /* "selects pods app=front in namespace shop" */
	enum policy_tier tier;
	uint32_t priority; /* POLICY_PRIORITY_LAST: it has none */
};

/* A rule in force, as it was written. */
struct image_rule {
	uint32_t policy; /* index of the policy */
	uint32_t index; /* in its list */
	enum policy_action action;
	char *name; /* NULL: it has none */
	char *text; /* "from pods app=front in namespace shop, 10.0.0.0/8; ports 80/tcp" */
};

struct image_ruleset {
	uint32_t id;
	enum policy_dir dir;
	struct ruleset header;
	/* Canonical source form, names of policies included: equal identity, equal meaning. */
	char *identity;
	struct image_class_bits *classes;
	size_t class_count;
	struct image_port_bits *ports;
	size_t port_count;
	struct image_cidr_bits *cidrs; /* both families */
	size_t cidr_count;
	/* That select the pod in this direction, and their rules; in the order of evaluation. */
	struct image_policy *policies;
	size_t policy_count;
	struct image_rule *rules;
	size_t rule_count;
};

struct image_binding {
	uint32_t ifindex;
	uint32_t class;
	uint32_t ruleset[POLICY_DIR_MAX]; /* ids, 0: not selected by any policy */
};

struct image_class {
	uint32_t id;
	char *text; /* canonical: the peer terms that its members match */
	size_t members;
};

struct image {
	struct image_binding *bindings; /* by ifindex */
	size_t binding_count;
	struct image_peer *peers; /* by address */
	size_t peer_count;
	struct image_ruleset *rulesets; /* by id */
	size_t ruleset_count;
	struct image_row *rows; /* wide bit sets of all rule sets */
	size_t row_count;
	struct image_class *classes; /* by id */
	size_t class_count;
	void *numbers; /* private: which numbers are in use or resting */
};

/*
 * Compute the image of @input. @previous (or NULL) is the image in force; it is
 * only read. 0, -ENOMEM, or -ENOSPC when a number space is exhausted; nothing is
 * written to @ret on failure.
 */
int image_compile(struct image **ret, const struct image_input *input,
		  const struct image *previous);

/*
 * Give @image, which was compiled without a previous one, the numbers of @previous
 * wherever that has the same content. @previous comes from the kernel, without
 * texts. 0, -ENOMEM, or -ENOSPC when a number space is exhausted; @image is only
 * good for image_free() then.
 */
int image_renumber(struct image *image, const struct image *previous);

/*
 * An empty image in which the given numbers are taken: what a starting agent makes
 * of those that it found in the kernel.
 */
int image_new_resting(struct image **ret, const uint32_t *rulesets, size_t ruleset_count,
		      const uint32_t *classes, size_t class_count, const uint32_t *rows,
		      size_t row_count);

void image_free(struct image *image);
void image_freep(struct image **image);
