/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the policy maps and the endpoint slots to a computed image; the only
 * writer of either. Packets see the old image or the new one, never a mixture:
 *
 *  - What only comes (a new pod, its rule sets) is written first and then the
 *    generation moves on by two: the valid halves stay, and every connection is
 *    judged once more, so that nothing that was judged about an address before
 *    counts for its new owner.
 *  - What changes is written into the idle halves; the generation then moves on by
 *    one, which turns the halves everywhere in one store. What is no longer
 *    referred to goes after a grace period.
 *  - A failure takes back what was written; the image in force stays in force.
 */
#pragma once

#include "datapath/datapath.h"
#include "model/image.h"
#include "reconcile/misfit.h"
#include "weir/endpoint.h"
#include "weir/maps.h"

struct reconcile;

/*
 * Reads back what the kernel holds: the image in force is then one without texts,
 * in whose numbers the first image is to be written (image_renumber()). @dp is
 * borrowed. 0 or a negative errno.
 */
int reconcile_new(struct reconcile **ret, struct datapath *dp);
void reconcile_free(struct reconcile *rec);
void reconcile_freep(struct reconcile **rec);

/* The image in force; borrowed until the next apply. Never NULL. */
const struct image *reconcile_image(const struct reconcile *rec);

/* Something was applied since the agent started. */
bool reconcile_in_force(const struct reconcile *rec);

/*
 * Compute the image of @input, with the numbers of reconcile_image() for what is the
 * same: the first one of an agent knows it by content. Errors as image_compile().
 */
int reconcile_compile(struct image **ret, const struct reconcile *rec,
		      const struct image_input *input);

/*
 * Put @image in force, as reconcile_compile() made it. Takes ownership in any case.
 * 0, -ENOSPC for a full map with what it had no room for in *@misfit (may be NULL), or
 * another negative errno; on failure nothing has changed for packets.
 */
int reconcile_apply(struct reconcile *rec, struct image *image, struct misfit *misfit);

/* Ends what reconcile_apply() left for after the grace period; call it some 50 ms later. */
void reconcile_settle(struct reconcile *rec);

/*
 * Every connection is judged once more with its next packet: what it comes to may be a
 * service's now (decisions/0006). The policy stays.
 */
void reconcile_judge_again(struct reconcile *rec);

/*
 * Take the slot of @ep->ifindex: the endpoint is known but not ready, so nothing
 * passes. Policy members of @ep are ignored. -EBUSY: another one has the slot.
 */
int reconcile_endpoint_open(struct reconcile *rec, const struct endpoint *ep);

/* After its policy was applied. 0, -ENOENT, or a negative errno. */
int reconcile_endpoint_ready(struct reconcile *rec, uint32_t ifindex);

/* From now on nothing passes its interface. */
int reconcile_endpoint_close(struct reconcile *rec, uint32_t ifindex);

/* What the kernel holds in the slot of @ifindex, or NULL. */
const struct endpoint *reconcile_endpoint(const struct reconcile *rec, uint32_t ifindex);

/* Slot by slot, for adoption; NULL: free. */
const struct endpoint *reconcile_slot(const struct reconcile *rec, uint32_t slot);
