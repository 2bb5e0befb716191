// SPDX-License-Identifier: Apache-2.0
/* Options of the way to other nodes. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "config/private.h"

#define VXLAN_ID_MAX 0xffffff /* 24 bits, RFC 7348 */
#define PORT_MAX 65535

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

int config_set_vxlan_id(struct config *config, const char *value, char *why)
{
	uint64_t id;

	if (parse_u64(&id, value, VXLAN_ID_MAX) < 0 || !id)
		return config_refuse(why, "\"%s\" is not a number from 1 to %d", value, VXLAN_ID_MAX);
	config->vxlan_id = (uint32_t)id;
	return 0;
}

int config_set_vxlan_port(struct config *config, const char *value, char *why)
{
	uint64_t port;

	if (parse_u64(&port, value, PORT_MAX) < 0 || !port)
		return config_refuse(why, "\"%s\" is not a port from 1 to %d", value, PORT_MAX);
	config->vxlan_port = (uint16_t)port;
	return 0;
}

int config_set_vxlan_checksum(struct config *config, const char *value, char *why)
{
	static const char *const names[VXLAN_CHECKSUM_MAX] = {
		[VXLAN_CHECKSUM_AUTO] = "auto",
		[VXLAN_CHECKSUM_YES] = "yes",
		[VXLAN_CHECKSUM_NO] = "no",
	};

	for (int i = 0; i < VXLAN_CHECKSUM_MAX; i++) {
		if (strcmp(value, names[i]))
			continue;
		config->vxlan_checksum = (enum vxlan_checksum)i;
		return 0;
	}
	return config_refuse(why, "\"%s\" is not auto, yes or no", value);
}
