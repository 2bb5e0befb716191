/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Service and EndpointSlice objects to what the datapath shall hold: which
 * frontends there are, and which endpoints each set of backends chooses from.
 *
 * Pure; follows the store and resolves again only services whose objects have changed
 * since they were asked for last. Numbers of the datapath (include/weir/service.h)
 * are the reconciler's business.
 *
 * Source: shared rules of kube-proxy: EndpointSlice and Service API, KEP-2086 (internal
 * traffic policy), KEP-1669 (terminating endpoints), KEP-2433 and KEP-4444 (topology).
 */
#pragma once

#include "model/store.h"
#include "weir/service.h"

/* What resolving needs to know of this node; everything is borrowed. */
struct service_node {
	const char *name;
	const struct ip_addr *ips; /* on which NodePorts answer */
	size_t ip_count;
};

enum frontend_kind {
	FRONTEND_CLUSTER_IP,
	FRONTEND_EXTERNAL_IP,
	FRONTEND_LOAD_BALANCER,
	FRONTEND_NODE_PORT,
};

struct service_frontend {
	struct ip_addr addr;
	uint16_t port; /* host byte order */
	uint8_t proto;
	enum frontend_kind kind;
	uint32_t flags; /* enum frontend_flag */
};

/* An endpoint that is ready or serves: it is in a set, or keeps the connections that it has. */
struct service_backend {
	struct ip_addr addr;
	uint16_t port; /* host byte order */
	uint8_t flags; /* enum backend_flag */
	uint8_t conditions; /* enum slice_condition */
	bool local; /* on this node */
	const char *node; /* NULL: unknown */
};

/* One service port of one family. */
struct service_image {
	const char *namespace;
	const char *name;
	const char *port_name; /* "" when it has none */
	uint8_t proto;
	bool is_v4;
	uint32_t affinity_s; /* 0: None */
	enum service_empty empty[SERVICE_SETS]; /* of a set that no backend is in */
	struct service_frontend *frontends; /* by address and port */
	size_t frontend_count;
	struct service_backend *backends; /* by address and port, each once */
	size_t backend_count;
	/*
	 * Sources that may use frontends with FRONTEND_RANGES, of this family, by
	 * prefix_compare() and each once; none: nobody.
	 * Where an address of this node is in them, those frontends' addresses are too.
	 */
	struct prefix *ranges;
	size_t range_count;
};

/* There is a frontend that not every source may use. */
bool service_image_has_limits(const struct service_image *image);

/* A Service with all of its ports and families; strings are borrowed from the store. */
struct service_images {
	const char *namespace;
	const char *name;
	struct service_image *items; /* with a frontend each; none: gone, or nothing to program */
	size_t count;
	uint16_t health_port; /* healthCheckNodePort, 0: none */
	size_t ready_local; /* distinct addresses of ready endpoints on this node */
};

/* Of a Service that another proxy carries: says that its addresses are somebody's, no more. */
static inline bool service_image_is_others(const struct service_image *image)
{
	return image->proto == FRONTEND_OTHERS_PROTO;
}

struct services;

/* Follows @store, which outlives it. 0 or -ENOMEM. */
int services_new(struct services **ret, struct store *store);
void services_free(struct services *services);
void services_freep(struct services **services);

/* This node's facts; where they differ every service is resolved again. 0 or -ENOMEM. */
int services_set_node(struct services *services, const struct service_node *node);

/*
 * Calls @fn with every Service that has changed since it was last delivered (those
 * that are gone with no items), in the order of their names; the images live until @fn
 * returns, and @fn must not change the store. A Service for which @fn fails stays to be
 * delivered again, the rest goes on. Returns 0, or the first error of @fn or -ENOMEM.
 *
 * A frontend is one Service's at a time. When it moves to another one both are delivered
 * by the same call, the new one perhaps before the former.
 */
int services_each_change(struct services *services,
			 int (*fn)(const struct service_images *images, void *arg), void *arg);

/* Resolve one Service, whether it has changed or not: for people. -ENOENT: it does not exist. */
int services_resolve(struct services *services, const char *namespace, const char *name,
		     int (*fn)(const struct service_images *images, void *arg), void *arg);

/*
 * What services ask for and do not get, and why: an external IP that is a node's or a
 * pod's address or some service's ClusterIP, a frontend that another service has. As of
 * the last services_each_change(), in the order of names. Calls @fn with a text that names
 * object and field; borrowed until it returns.
 */
void services_each_problem(const struct services *services,
			   void (*fn)(const char *text, void *arg), void *arg);
