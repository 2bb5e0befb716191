/* SPDX-License-Identifier: Apache-2.0 */
/* What the datapath would find in an image: plain look-ups, and verdict.h. */
#pragma once

#include "model/image.h"
#include "naive.h"

const struct image_ruleset *ask_ruleset(const struct image *image, uint32_t id);
const struct image_binding *ask_binding(const struct image *image, uint32_t ifindex);
const struct image_peer *ask_peer(const struct image *image, const struct ip_addr *addr);
const struct image_class *ask_class(const struct image *image, uint32_t id);
const struct policy_bits *ask_row(const struct image *image, uint32_t row, uint32_t chunk);

/* As naive_allows(). abort() when the image is broken. */
bool ask_allows(const struct image *image, enum policy_dir dir, uint32_t ifindex,
		const struct naive_packet *packet);
