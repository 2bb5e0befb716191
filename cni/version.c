// SPDX-License-Identifier: Apache-2.0
#include "cni/version.h"

#include <errno.h>
#include <string.h>

static const char *const texts[CNI_VERSIONS] = {
	[CNI_0_1_0] = "0.1.0", [CNI_0_2_0] = "0.2.0", [CNI_0_3_0] = "0.3.0", [CNI_0_3_1] = "0.3.1",
	[CNI_0_4_0] = "0.4.0", [CNI_1_0_0] = "1.0.0", [CNI_1_1_0] = "1.1.0",
};

int cni_version_parse(enum cni_version *ret, const char *text)
{
	if (!*text) {
		*ret = CNI_0_1_0;
		return 0;
	}
	for (unsigned int i = 0; i < CNI_VERSIONS; i++) {
		if (!strcmp(texts[i], text)) {
			*ret = (enum cni_version)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *cni_version_text(enum cni_version version)
{
	return texts[version];
}

json_t *cni_version_json(const char *asked)
{
	json_t *supported = json_array();
	enum cni_version version;

	/* Who asks nothing, or something that is not spoken here, is told the newest. */
	if (!*asked || cni_version_parse(&version, asked) < 0)
		version = CNI_NEWEST;
	for (unsigned int i = 0; i < CNI_VERSIONS; i++)
		json_array_append_new(supported, json_string(texts[i]));
	return json_pack("{s:s, s:o}", "cniVersion", texts[version], "supportedVersions",
			 supported);
}
