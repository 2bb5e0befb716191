/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of an image when an agent reads it back from the kernel. */
#pragma once

#include "model/image.h"

/* A copy without texts and classes, whose numbers are taken. */
struct image *bare_image(const struct image *image);
