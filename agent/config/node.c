// SPDX-License-Identifier: Apache-2.0
/* Options of the way to other nodes. */
#include <errno.h>
#include <string.h>

#include "config/private.h"

int config_set_routing_mode(struct config *config, const char *value, char *why)
{
	for (int mode = 0; mode < ROUTING_MODE_MAX; mode++) {
		if (strcmp(value, routing_mode_name((enum routing_mode)mode)))
			continue;
		config->routing_mode = (enum routing_mode)mode;
		return 0;
	}
	return config_refuse(why, "\"%s\" is not native, vxlan or auto", value);
}
