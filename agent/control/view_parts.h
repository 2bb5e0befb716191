/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the views. */
#pragma once

#include "model/image.h"

/* Looked up in @image, which may be NULL; NULL when absent. */
const struct image_binding *view_find_binding(const struct image *image, uint32_t ifindex);

/* Of one direction of the endpoint with @ifindex; NULL when no policy selects it. */
const struct image_ruleset *view_find_ruleset(const struct image *image, uint32_t ifindex,
					      enum policy_dir dir);
