/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to a ClusterIP and from its backend, each with the direct one that it stands beside. */
#pragma once

#include "path.h"

#define SERVICE_PATHS 5

struct service_path {
	struct path path;
	struct path direct;
	/* Look-ups by hash beside those of @direct (decisions/0006); 0: there is no such budget. */
	unsigned int lookups_more;
	bool lookups_bound;
};

extern const struct service_path service_paths[SERVICE_PATHS];

/* A packet of no service: it shall cost the same whether there are services. */
struct bystander {
	struct path path;
	unsigned int lookups_more; /* where there are services */
	double ratio_most; /* 0: no budget */
};

#define BYSTANDERS 3

extern const struct bystander bystanders[BYSTANDERS];

/* VIP has a TCP and a UDP port, whose one backend is POD_B. */
void service_paths_start(void);
