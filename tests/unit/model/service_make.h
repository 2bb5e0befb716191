/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services and EndpointSlices from short texts, for tests; abort() on nonsense.
 * Lists are separated by blanks.
 */
#pragma once

#include "objects_make.h"

/*
 * Of type ClusterIP. @ips: "10.96.0.1 fd00:96::1". @ports: "http/tcp=80" or, with a
 * nodePort, "http/tcp=80:30080"; "/tcp=80" has no name.
 */
struct object *make_service(const char *namespace, const char *name, const char *ips,
			    const char *ports);
void service_external_ips(struct object *service, const char *ips);
/* Makes it one of type LoadBalancer. */
void service_balancer_ips(struct object *service, const char *ips);
/* "" : there are ranges, and none of them can be read. */
void service_ranges(struct object *service, const char *ranges);

/* @name is the slice's. @ports: as those of a Service. No endpoints yet. */
struct object *make_slice(const char *namespace, const char *name, const char *service,
			  bool is_v4, const char *ports);
/*
 * @words: the address, then any of "ready", "serving", "terminating", "node=NAME",
 * "for-node=NAME", "for-zone=NAME". Without conditions: ready and serving; "gone": none.
 */
void slice_add(struct object *slice, const char *words);
