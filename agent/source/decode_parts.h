/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the decoder, private to it. Each takes the field that it decodes
 * and returns 0, -ENOMEM, or -EINVAL when it is unusable, which then has been
 * reported. What was filled before an error is owned by @ret as usual.
 */
#pragma once

#include "model/objects.h"
#include "source/field.h"

/* The content of one object; @root is the object, @obj has its identity. */
typedef int (*decode_content)(struct object *obj, const struct field *root);

int decode_pod(struct object *obj, const struct field *root);
int decode_namespace(struct object *obj, const struct field *root);
int decode_node(struct object *obj, const struct field *root);
int decode_service_cidr(struct object *obj, const struct field *root);

/* -ENOMEM or 0: isolation is kept whatever the content. */
int decode_policy(struct object *obj, const struct field *root);

/* Makes a policy that is not to be trusted isolate in both directions; no rule allows. */
void decode_policy_close(struct network_policy *policy);

/* -ENOMEM or 0: what is in doubt only denies. */
int decode_cluster_policy(struct object *obj, const struct field *root);
int decode_admin_policy(struct object *obj, const struct field *root);
int decode_baseline_policy(struct object *obj, const struct field *root);

/* -EINVAL where an API server would refuse it; an unusable address is left out. */
int decode_service(struct object *obj, const struct field *root);
int decode_endpoint_slice(struct object *obj, const struct field *root);

/* The part of decode_service() that comes last; the schema has been checked. */
int decode_service_addrs(struct service *service, const struct field *spec,
			 const struct field *status);

/* "endpoints" of a slice whose family is known; the schema has been checked. */
int decode_endpoints(struct endpoint_slice *slice, const struct field *list);

/* A map of labels, sorted. */
int decode_labels(struct labels *ret, const struct field *field);

/* metadata.labels of the object @root. */
int decode_object_labels(struct labels *ret, const struct field *root);

/* A LabelSelector; absent: everything. */
int decode_selector(struct selector *ret, const struct field *field);

/*
 * One rule of a NetworkPolicy, @peers is "from" or "to". Unusable peers and ports
 * are left out; 0, -ENOMEM, or -EINVAL when the rule as a whole is unusable.
 */
int decode_rule(struct policy_rule *ret, const struct field *field, const char *peers);

/* TCP, UDP or SCTP; absent: TCP. @ret is IPPROTO_*. */
int decode_proto(uint8_t *ret, const struct field *field);

/* A required address range; warns of bits beyond its length. */
int decode_prefix(struct prefix *ret, const struct field *field);

/* The same of @text, which is what the field says or a part of it. */
int decode_prefix_text(struct prefix *ret, const struct field *field, const char *text);

/* A required address. */
int decode_addr(struct ip_addr *ret, const struct field *field);

/*
 * The same of a service or an endpoint: an address at which one host can be, and not
 * only itself. Otherwise packets for it would reach what nobody means to expose.
 */
int decode_host_addr(struct ip_addr *ret, const struct field *field);
