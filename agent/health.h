/* SPDX-License-Identifier: Apache-2.0 */
/*
 * healthCheckNodePort: a load balancer asks here whether this node has ready endpoints of
 * a Service whose external traffic policy is Local. HTTP on the node's addresses, any
 * path: 200 or 503, and a body that says of what. It is 503 as well while services are stale:
 * endpoints that the datapath does not know are of no use to anybody.
 *
 * Source: Kubernetes API core/v1 ServiceSpec.healthCheckNodePort; the body is kube-proxy's.
 */
#pragma once

#include <event2/event.h>

#include "model/service.h"

struct health;

/* Who answers here, and what it has to know. */
struct health_asker {
	void *arg;
	void (*retried)(void *arg); /* problems may have changed by themselves */
	bool (*is_proxy_healthy)(const void *arg); /* what is in force is what the objects say */
};

/* 0 or -ENOMEM. */
int health_new(struct health **ret, struct event_base *base, const struct health_asker *asker);
void health_free(struct health *health);

/* Where to listen; what of it differs is opened and closed by health_apply(). */
void health_set_addresses(struct health *health, const struct ip_addr *ips, size_t count);

/* What the Service asks for; without a port: nothing any more. */
void health_set(struct health *health, const struct service_images *images);

/* Opens and closes; an address that cannot be opened is tried again every few seconds. */
void health_apply(struct health *health);

/* What could not be opened; @text is borrowed. */
void health_each_problem(const struct health *health, void (*fn)(const char *text, void *arg),
			 void *arg);
