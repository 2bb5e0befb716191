/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as their APIs document them, walked rule by rule for one packet:
 * slow, and with nothing in common with the compiler of the image but the objects.
 */
#pragma once

#include "model/image.h"

struct naive_packet {
	struct ip_addr src;
	struct ip_addr dst;
	uint8_t proto;
	uint16_t port; /* destination */
};

/* What the policies of one end say: of the source for egress. @subject is that end. */
bool naive_allows(const struct image_input *input, enum policy_dir dir,
		  const struct image_endpoint *subject, const struct naive_packet *packet);

/* The endpoint whose address this is, or NULL. */
const struct image_endpoint *naive_endpoint(const struct image_input *input,
					    const struct ip_addr *addr);
