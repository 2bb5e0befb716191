// SPDX-License-Identifier: Apache-2.0
/*
 * Options of the network: addresses and MTU of pods, the devices to the outside, and the way
 * to other nodes.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/addr.h"
#include "base/parse.h"
#include "config/private.h"
#include "model/ipam.h"

#define VXLAN_ID_MAX 0xffffff /* 24 bits, RFC 7348 */
#define PORT_MAX 65535

int config_add_uplink(struct config *config, const char *value, char *why)
{
	if (!strcmp(value, "auto")) {
		config_clear_list(config, CONFIG_UPLINK);
		return 0;
	}
	if (!value[0] || strlen(value) >= IFNAMSIZ || strpbrk(value, "/ "))
		return config_refuse(why, "\"%s\" is not the name of a network device", value);
	for (size_t i = 0; i < config->uplink_count; i++)
		if (!strcmp(config->uplinks[i], value))
			return config_refuse(why, "\"%s\" is there twice", value);
	if (config->uplink_count == CONFIG_UPLINKS_MAX)
		return config_refuse(why, "\"%s\" is one too many: at most %d", value,
				     CONFIG_UPLINKS_MAX);
	return config_set_string(&config->uplinks[config->uplink_count++], value);
}

int config_add_pod_cidr(struct config *config, const char *value, char *why)
{
	struct prefix prefix;
	const char *doubt;

	if (prefix_parse(&prefix, NULL, value) < 0)
		return config_refuse(why, "\"%s\" is not an address prefix like 10.0.0.0/24", value);
	doubt = ipam_prefix_doubt(&prefix);
	if (doubt)
		return config_refuse(why, "\"%s\" %s", value, doubt);
	if (config->pod_cidr_count == CONFIG_CIDRS_MAX)
		return config_refuse(why, "\"%s\" is one too many: at most one per family", value);
	if (config->pod_cidr_count == 1 &&
	    ip_addr_is_v4(&config->pod_cidrs[0].addr) == ip_addr_is_v4(&prefix.addr))
		return config_refuse(why, "\"%s\" is a second one of the same family", value);
	config->pod_cidrs[config->pod_cidr_count++] = prefix;
	return 0;
}

int config_set_mtu(struct config *config, const char *value, char *why)
{
	uint64_t mtu;

	if (parse_u64(&mtu, value, CONFIG_MTU_MAX) < 0 || (mtu && mtu < CONFIG_MTU_MIN))
		return config_refuse(why, "\"%s\" is neither 0 nor a number from %d to %d", value,
				     CONFIG_MTU_MIN, CONFIG_MTU_MAX);
	config->mtu = (unsigned int)mtu;
	return 0;
}

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
