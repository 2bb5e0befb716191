/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects from short texts, for tests; abort() on nonsense. Lists are separated
 * by blanks. Selectors: "app=web" "app=web|db" "app!=web|db" "app" "!app";
 * "" matches everything. Ports: "http/tcp=80".
 */
#pragma once

#include "model/objects.h"

struct object *make_namespace(const char *name, const char *labels);
struct object *make_pod(const char *namespace, const char *name, const char *node,
			const char *labels, const char *ips, const char *ports);
struct object *make_node(const char *name, const char *ips);
void add_node_cidrs(struct object *node, const char *cidrs);
void label_node(struct object *node, const char *labels);
/* @types: "i", "e" or "ie". */
struct object *make_policy(const char *namespace, const char *name, const char *pods,
			   const char *types);

/* A policy of a tier with an order; @namespaces and @pods are its subject. */
struct object *make_ordered_policy(enum object_kind kind, const char *name, enum policy_tier tier,
				   uint32_t priority, const char *namespaces, const char *pods);

/* Borrowed until the next rule of that direction is added. */
struct policy_rule *add_rule(struct object *policy, enum policy_dir dir);
/* @namespaces NULL: the policy's own namespace. */
void add_pods(struct policy_rule *rule, const char *namespaces, const char *pods);
void add_nodes(struct policy_rule *rule, const char *nodes);
void add_cidr(struct policy_rule *rule, const char *cidr, const char *except);
void add_ports(struct policy_rule *rule, uint8_t proto, uint16_t first, uint16_t last);
void add_named_port(struct policy_rule *rule, uint8_t proto, const char *name);

struct ip_addr make_addr(const char *text);
struct prefix make_prefix(const char *text);
