// SPDX-License-Identifier: Apache-2.0
/* The CNI plugin's configuration, and the previous result in it, out of any bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cni/netconf.h"
#include "cni/result.h"
#include "fuzz.h"

/* What was read can be written in every version, and what was written be read again. */
static void write_all(const json_t *result)
{
	struct result_ip ips[RESULT_IPS_MAX];

	result_ips(ips, result, "eth0");
	result_mac(result, "eth0");
	for (int version = 0; version < CNI_VERSIONS; version++) {
		json_t *written = NULL, *again = NULL;

		if (result_format(&written, result, (enum cni_version)version) < 0 ||
		    result_parse(&again, written, CNI_NEWEST) < 0)
			abort();
		json_decref(written);
		json_decref(again);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct cni_error error;
	struct netconf conf;
	json_t *result = NULL;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!netconf_parse(&conf, text, true, &error) && conf.prev_result &&
	    !result_parse(&result, conf.prev_result, conf.version))
		write_all(result);
	json_decref(result);
	netconf_done(&conf);
	return 0;
}
