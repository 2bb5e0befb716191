/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of one Service from what the kernel holds to what it wants: first everything is
 * found and taken that it needs, then it is written.
 */
#pragma once

#include "reconcile/service_private.h"

/* A backend as its record shall be. */
struct plan_member {
	struct backend record;
	uint32_t number;
	uint8_t flags; /* that the record has now */
	bool fresh;
};

struct plan_set {
	bool turns; /* another run, or another meaning of none */
	struct service_run run; /* that was taken */
	uint32_t *slots; /* what it shall hold: numbers of backends */
	uint32_t slot_count;
	enum service_empty empty;
};

struct plan_port {
	const struct service_image *image;
	struct service_number *port;
	bool fresh;
	struct plan_member *members; /* by address and port */
	size_t member_count;
	uint32_t *leaving; /* numbers of backends */
	size_t leaving_count;
	struct plan_set sets[SERVICE_SETS];
	size_t range_mark; /* how many source ranges the kernel had */
	/* These become the port's: */
	uint32_t *numbers; /* of @members */
	struct frontend_entry **frontends;
	size_t frontend_count;
};

/* The entry of an address, and its counters before the plan. */
struct plan_address {
	struct frontend_entry *entry;
	uint32_t frontends, whole;
};

struct plan {
	struct service_writer *writer;
	struct service_owner *owner;
	struct plan_port *ports; /* one an image */
	size_t port_count;
	struct service_number **leaving; /* service ports */
	size_t leaving_count;
	struct service_number **kept; /* becomes the owner's */
	struct frontend_ops ops;
	struct plan_address *touched;
	size_t touched_count;
	int64_t now_ms;
	enum datapath_map full; /* after -ENOSPC */
	bool patient; /* rather fail than go without a Maglev table */
	bool tableless; /* there was no room for one */
};

/* Nothing is written. On failure nothing has been taken: 0, -ENOSPC with plan->full, or -ENOMEM. */
int plan_make(struct plan *plan, const struct service_images *images);

/* All, or what a packet cannot see: 0, or a negative errno, -ENOSPC with plan->full. */
int plan_write(struct plan *plan);
void plan_done(struct plan *plan);

/* service_match.c: take over service ports of the kernel for @images. 0 or -ENOMEM. */
int plan_match_ports(struct plan *plan, const struct service_images *images);
/* Backends of the kernel for those of the image, or new numbers. 0, -ENOSPC, -ENOMEM. */
int plan_match_backends(struct plan *plan, struct plan_port *pp);

/* service_sets.c: what @set shall be. 0, -ENOSPC, -ENOMEM. */
int plan_set(struct plan *plan, struct plan_port *pp, enum service_set set);

/* service_ranges.c: is there room for the old and the new ones? 0, -ENOSPC, -ENOMEM. */
int plan_ranges(struct plan *plan);
/* Those that are new. 0, or a negative errno with plan->full. */
int plan_ranges_put(struct plan *plan, struct plan_port *pp);
/* Those again, or those that nobody wants any more; the latter has room to rest. */
void plan_ranges_take_back(struct plan *plan, struct plan_port *pp);
void plan_ranges_settle(struct plan *plan, struct plan_port *pp);

/* service_expose.c: what the frontend maps shall hold. 0, -ENOSPC, -ENOMEM. */
int plan_frontends(struct plan *plan);
/* The counters of addresses as they were before. */
void plan_uncount_frontends(struct plan *plan);
