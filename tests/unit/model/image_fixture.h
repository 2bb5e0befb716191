/* SPDX-License-Identifier: Apache-2.0 */
/* A small cluster for tests of the image: two pods of this node, one of another. */
#pragma once

#include "model/image.h"

#define IF_WEB 7 /* shop/web, app=web, 10.0.0.1 and fd00::1, http/tcp=8080 */
#define IF_DB 9 /* shop/db, app=db, 10.0.0.2, sql/tcp=5432 */
/* On node n2: ops/probe, app=probe, 10.1.0.1, http/tcp=9090 */

struct fixture {
	struct store *store;
	struct image_endpoint endpoints[2]; /* db, web */
	struct ip_addr host; /* 192.0.2.1 */
	struct image_input input;
	struct image *image; /* of the last fixture_compile() */
};

void fixture_init(struct fixture *f);
void fixture_done(struct fixture *f);
void fixture_put(struct fixture *f, struct object *obj);

/* With the image of the last time as the previous one. */
void fixture_compile(struct fixture *f);

uint32_t fixture_ruleset(const struct fixture *f, uint32_t ifindex, enum policy_dir dir);
const struct image_ruleset *fixture_ingress(const struct fixture *f, uint32_t ifindex);
bool fixture_allows(const struct fixture *f, enum policy_dir dir, uint32_t ifindex,
		    const char *other, uint8_t proto, uint16_t port);
