/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of the CNI specification that the plugin speaks, oldest first. */
#pragma once

#include <jansson.h>

enum cni_version {
	CNI_0_1_0,
	CNI_0_2_0,
	CNI_0_3_0,
	CNI_0_3_1,
	CNI_0_4_0,
	CNI_1_0_0,
	CNI_1_1_0,
	CNI_VERSIONS,
};

#define CNI_NEWEST (CNI_VERSIONS - 1)

/* "" is the oldest, from before there were versions. 0 or -EINVAL. */
int cni_version_parse(enum cni_version *ret, const char *text);
const char *cni_version_text(enum cni_version version);

/* The answer to VERSION when the configuration says @asked; owned by the caller. */
json_t *cni_version_json(const char *asked);
