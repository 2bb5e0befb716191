/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What services*.c share.
 *
 *   entries   every Service by its name, with its EndpointSlices; those to deliver are
 *             a list
 *   claims    every (address, port, protocol) that Services want, and who of them has it
 *   holders   Nodes, Pods and ClusterIPs at the addresses that Services want as external
 *             ones, or that endpoints have and Services too: only those, there are many
 *             more Pods than such addresses
 *   targets   addresses of endpoints, which must not be ClusterIPs
 *
 * Each finds its items by number, so that nothing points into an array that grows.
 */
#pragma once

#include "base/buf.h"
#include "base/pool.h"
#include "model/image_mem.h"
#include "model/service.h"

/* A Service or its EndpointSlices, whichever came first; the objects are the store's. */
struct service_entry {
	struct pool_link link;
	char *key; /* namespace, NUL, name, NUL: a Service that is gone is still to be told */
	uint32_t name_at; /* in @key */
	uint32_t next_dirty;
	const struct object *service; /* NULL: there is none */
	union {
		const struct object *slice; /* @slice_count 1, as nearly everywhere */
		const struct object **slices;
	};
	uint32_t slice_count;
	bool dirty;
	bool delivered; /* as one that exists */
	bool troubled; /* has something to say to services_each_problem() */
};

struct services {
	struct store *store;
	char *node; /* NULL: not known yet */
	struct ip_addr *ips;
	size_t ip_count;
	const char *zone; /* of the Node object's labels, NULL: it has none */
	struct pool entries;
	struct pool claims;
	struct pool externals; /* claims of whole addresses */
	struct pool rivals;
	struct pool holders;
	struct pool targets; /* addresses of endpoints */
	struct pool cluster_ips; /* of Services that are served */
	uint32_t first_dirty;
	size_t troubled_count;
	bool look; /* an address is asked for that nobody has compared with Nodes and Pods */
	bool look_at_targets; /* an endpoint's address has become a Service's, or is not any more */
	bool lost; /* out of memory while something changed: all is read again */
};

/* service_table.c: entries */

void entries_init(struct services *services);
/* 0: there is none. */
uint32_t entry_find(const struct services *services, const char *namespace, const char *name);
/* Finds or makes; 0: out of memory. */
uint32_t entry_get(struct services *services, const char *namespace, const char *name);
/* Until the next entry is made. */
struct service_entry *entry_at(const struct services *services, uint32_t number);
const char *entry_name(const struct service_entry *entry);
/* By namespace and name. */
int entry_compare(const struct service_entry *a, const struct service_entry *b);
void entry_mark(struct services *services, uint32_t number);
void entries_mark_all(struct services *services);
void entry_set_troubled(struct services *services, uint32_t number, bool troubled);
/* 0 or -ENOMEM. */
int entry_add_slice(struct service_entry *entry, const struct object *slice);
void entry_remove_slice(struct service_entry *entry, const struct object *slice);
const struct object *const *entry_slices(const struct service_entry *entry);
/* After it was delivered: forget it when it is of no use to anybody. */
void entry_tidy(struct services *services, uint32_t number);
/* Forget the objects of all, keep who was delivered. */
void entries_clear(struct services *services);
void entries_done(struct services *services);

/* service_wants.c: what a Service asks for */

struct service_want {
	struct ip_addr addr; /* of a NodePort: unspecified, of the family */
	enum frontend_kind kind;
	uint16_t port;
	uint8_t proto;
	uint32_t index; /* of the port in the Service */
};

struct want_walk {
	const struct service *service;
	size_t port, port_end;
	size_t address;
	bool others; /* the Service is another proxy's */
};

/* Not ExternalName, headless ones, those of other proxies and those without ClusterIP. */
bool service_is_served(const struct service *service);
/* Another proxy's, with a ClusterIP: wants FRONTEND_OTHERS_PORT at it. */
bool service_is_others(const struct service *service);
bool service_has_family(const struct service *service, bool is_v4);
struct want_walk wants_of(const struct service *service);
struct want_walk wants_of_port(const struct service *service, size_t port);
bool want_next(struct want_walk *walk, struct service_want *ret);
struct ip_addr any_address(bool is_v4);
/*
 * External IPs and load balancer addresses by number, those too that are of a family
 * without ClusterIP; false: no more.
 */
bool service_external(const struct service *service, size_t at, struct ip_addr *addr,
		      enum frontend_kind *kind);

/* service_claims.c: who gets it */

/* Who asks, and for what. */
struct claimant {
	uint32_t entry;
	uint32_t index; /* of the port */
	enum frontend_kind kind;
};

void claims_init(struct services *services);
void claims_clear(struct services *services);
void claims_done(struct services *services);
/* 0 or -ENOMEM, with some of the claims made. */
int claims_add(struct services *services, uint32_t entry, const struct service *service);
void claims_remove(struct services *services, uint32_t entry, const struct service *service);
/* What both ask for is the same. */
bool claims_same(const struct service *a, const struct service *b);
/* NULL: nobody asks for it. */
const struct claimant *claim_winner(const struct services *services, const struct ip_addr *addr,
				    uint16_t port, uint8_t proto);
/* Some Service wants it as an external IP or load balancer address. */
bool address_is_claimed(const struct services *services, const struct ip_addr *addr);
/* Resolve all those again. */
void address_mark(struct services *services, const struct ip_addr *addr);

/* service_holders.c: whose an address is */

void holders_init(struct services *services);
/* 0 or -ENOMEM. Either may be NULL. */
int holders_change(struct services *services, const struct object *old, const struct object *new);
/* Compare what is asked for with all there is. 0 or -ENOMEM. */
int holders_look(struct services *services);
/*
 * The Node, Pod or Service (by its ClusterIP) from which an external address of @kind would
 * take @addr; NULL: none. Nodes' addresses may be load balancer addresses: who may write a
 * status may do so, and there are controllers that announce services on the nodes.
 */
const struct object *address_holder(const struct services *services, const struct ip_addr *addr,
				    enum frontend_kind kind);
bool address_is_own(const struct services *services, const struct ip_addr *addr);
/* A Node, a Pod or this node has @addr, of which target_is_cluster_ip() is true. */
bool address_is_hosts(const struct services *services, const struct ip_addr *addr);
/* No external address of @kind may be @addr. */
bool address_is_held(const struct services *services, const struct ip_addr *addr,
		     enum frontend_kind kind);

/* service_targets.c: endpoints that are ClusterIPs */

void targets_init(struct services *services);
void targets_clear(struct services *services);
void targets_done(struct services *services);
/* 0, or -ENOMEM with some of them added: all is read again then, from targets_clear() on. */
int targets_add(struct services *services, const struct endpoint_slice *slice);
void targets_remove(struct services *services, const struct endpoint_slice *slice);
/* As targets_add(). */
int cluster_ips_add(struct services *services, const struct service *service);
void cluster_ips_remove(struct services *services, const struct service *service);
/* @addr is an endpoint's and a ClusterIP of a Service that is served. */
bool target_is_cluster_ip(const struct services *services, const struct ip_addr *addr);
/* A Node or Pod that has @addr has come or gone. */
void target_changed(struct services *services, const struct ip_addr *addr);
/* And no host has it: it is refused as an endpoint. After services_settle(). */
bool target_is_refused(const struct services *services, const struct ip_addr *addr);
/* Resolve those Services again for whose endpoints it says something else. */
void targets_look(struct services *services);

/* The kinds of frontends that may stand on an address of this node, NodePorts apart. */
static inline bool takes_node_ports(enum frontend_kind kind)
{
	return kind == FRONTEND_CLUSTER_IP || kind == FRONTEND_LOAD_BALANCER;
}

/* service_follow.c: what has changed in the store */

void services_follow(const struct object *old, const struct object *new, void *arg);
/* Make up for what was put off. 0 or -ENOMEM. */
int services_settle(struct services *services);
/* After the node's name was set. */
void services_read_zone(struct services *services);

/* service_problems.c: whether it gets it, and the reason for people */

enum want_verdict {
	WANT_GRANTED,
	WANT_HELD, /* the address is somebody's */
	WANT_LOST, /* another Service has it */
	WANT_REPEATED, /* another port of the same Service has it */
	WANT_MERGED, /* the same port has it already as another kind of frontend */
};

/* Of a NodePort: for the node's addresses as a whole. */
enum want_verdict want_judge(const struct services *services, uint32_t entry,
			     const struct service_want *want);
/* The entry whose ClusterIP has the NodePort at @addr, or 0. */
uint32_t node_port_taken(const struct services *services, const struct ip_addr *addr,
			 const struct service_want *want);
/* Calls @fn, unless it is NULL; how many there are. */
size_t service_problems(const struct services *services, uint32_t entry,
			void (*fn)(const char *text, void *arg), void *arg);

/* service_endpoints.c and service_resolve.c */

/* Backends and empty sets of @image, of which port and family are known. 0 or -ENOMEM. */
int service_backends(struct service_image *image, struct arena *arena,
		     const struct services *services, const struct service_entry *entry);
/* 0 or -ENOMEM. */
int service_resolve(struct service_images *ret, struct arena *arena,
		    const struct services *services, uint32_t entry);
