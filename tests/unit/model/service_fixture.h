/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that services follow, on node "here" with 192.168.0.1 and fd00:0:0:1::1; and
 * what they say, as texts. Texts are borrowed until the next call.
 *
 * A Service is named "shop/front", an image of it "http/tcp4" (port name, protocol, family).
 */
#pragma once

#include "model/service.h"
#include "service_make.h"

struct service_world {
	struct store *store;
	struct services *services;
};

void world_start(struct service_world *world);
void world_stop(struct service_world *world);
void world_put(struct service_world *world, struct object *obj);
void world_drop(struct service_world *world, enum object_kind kind, const char *namespace,
		const char *name);
void world_set_node(struct service_world *world, const char *name, const char *ips);

/* "10.96.0.1:80(cluster) 192.168.0.1:30080(node,external)", flags last; "none": no such image. */
const char *world_frontends(struct service_world *world, const char *service, const char *image);
/* "10.1.0.1:8080(cluster,local) 10.1.0.2:8080()": the sets it is in. */
const char *world_backends(struct service_world *world, const char *service, const char *image);
/* "cluster" and "local", each with "refuse" or "silent" when it is empty. */
const char *world_empty(struct service_world *world, const char *service, const char *image);
const char *world_ranges(struct service_world *world, const char *service, const char *image);
/* All of it, to be compared with another; works for a world of another Service too. */
const char *world_images(struct service_world *world, const char *service);

/* What is delivered: "shop/back shop/front(gone)", in that order. */
const char *world_changes(struct service_world *world);
/* A line each. */
const char *world_problems(struct service_world *world);

void buf_put_images(struct buf *buf, const struct service_images *images);
