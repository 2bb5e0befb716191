// SPDX-License-Identifier: Apache-2.0
/* Options of services that the outside uses, and of what pods use outside. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/parse.h"
#include "config/private.h"
#include "model/maglev.h"
#include "model/service_cidr.h"

#define PORT_FIRST 1024 /* those below are of servers that are known by them */
#define PORT_LAST 65535
#define PORTS_MIN 16 /* eight are tried for a connection */

static int parse_ports(uint64_t *ret, uint64_t *ret_last, const char *value, char *why)
{
	const char *mark = strchr(value, '-');
	char first_text[8] = "";
	uint64_t first, last;

	if (!mark || (size_t)(mark - value) >= sizeof(first_text))
		return config_refuse(why, "\"%s\" is not like 10000-29999", value);
	memcpy(first_text, value, (size_t)(mark - value));
	if (parse_u64(&first, first_text, PORT_LAST) < 0 ||
	    parse_u64(&last, mark + 1, PORT_LAST) < 0)
		return config_refuse(why, "\"%s\" is not like 10000-29999", value);
	if (first < PORT_FIRST)
		return config_refuse(why, "\"%s\" begins below %d", value, PORT_FIRST);
	if (last < first || last - first + 1 < PORTS_MIN)
		return config_refuse(why, "\"%s\" has less than %d ports", value, PORTS_MIN);
	*ret = first;
	*ret_last = last;
	return 0;
}

int config_set_source_ports(struct config *config, const char *value, char *why)
{
	uint64_t first, last;
	int r = parse_ports(&first, &last, value, why);

	if (r < 0)
		return r;
	config->source_port_first = (uint16_t)first;
	config->source_port_last = (uint16_t)last;
	return 0;
}

/* "tcp=10000-29999", or all by "10000-29999". */
int config_set_masquerade_ports(struct config *config, const char *value, char *why)
{
	static const char *const kinds[MASQUERADE_KINDS] = {
		[MASQUERADE_TCP] = "tcp",
		[MASQUERADE_UDP] = "udp",
		[MASQUERADE_SCTP] = "sctp",
		[MASQUERADE_ECHO] = "icmp",
	};
	size_t length = strcspn(value, "=");
	const char *range = value[length] ? value + length + 1 : value;
	uint64_t first, last;
	bool found = false;
	int r;

	r = parse_ports(&first, &last, range, why);
	for (int i = 0; !r && i < MASQUERADE_KINDS; i++) {
		if (range != value && (strlen(kinds[i]) != length || memcmp(kinds[i], value, length)))
			continue;
		config->masquerade_ports[i].first = (uint16_t)first;
		config->masquerade_ports[i].count = (uint16_t)(last - first + 1);
		found = true;
	}
	return r || found ? r : config_refuse(why, "\"%s\" is not of tcp, udp, sctp or icmp", value);
}

/* One more prefix of @list, like @example, of which there may be @max. */
static int add_prefix(struct prefix *list, size_t *count, size_t max, const char *example,
		      const char *value, char *why)
{
	struct prefix prefix;

	if (prefix_parse(&prefix, NULL, value) < 0)
		return config_refuse(why, "\"%s\" is not an address prefix like %s", value,
				     example);
	if (*count == max)
		return config_refuse(why, "\"%s\" is one too many: at most %zu", value, max);
	list[(*count)++] = prefix;
	return 0;
}

int config_add_unmasqueraded(struct config *config, const char *value, char *why)
{
	return add_prefix(config->unmasqueraded, &config->unmasqueraded_count,
			  CONFIG_UNMASQUERADED_MAX, "10.0.0.0/8", value, why);
}

int config_add_service_cidr(struct config *config, const char *value, char *why)
{
	struct prefix prefix;
	const char *doubt;

	/* Of services' addresses only: whatever else has one there is cut off. */
	doubt = prefix_parse(&prefix, NULL, value) < 0 ? NULL : service_cidr_doubt(&prefix);
	if (doubt)
		return config_refuse(why, "\"%s\" %s", value, doubt);
	return add_prefix(config->service_cidrs, &config->service_cidr_count,
			  CONFIG_SERVICE_CIDRS_MAX, "10.96.0.0/12", value, why);
}

int config_set_maglev_size(struct config *config, const char *value, char *why)
{
	char sizes[96] = "";
	size_t length = 0;
	uint64_t size = 0;

	if (!parse_u64(&size, value, UINT32_MAX) && maglev_size_is_valid(size)) {
		config->maglev_size = (uint32_t)size;
		return 0;
	}
	for (size_t i = 0; i < maglev_size_count; i++)
		length += (size_t)snprintf(sizes + length, sizeof(sizes) - length, " %" PRIu32,
					   maglev_sizes[i]);
	return config_refuse(why, "\"%s\" is none of%s", value, sizes);
}

int config_set_forwarding(struct config *config, const char *value, char *why)
{
	config->direct = !strcmp(value, "dsr");
	return config->direct || !strcmp(value, "snat") ? 0 :
	       config_refuse(why, "\"%s\" is neither snat nor dsr", value);
}

int config_set_xdp(struct config *config, const char *value, char *why)
{
	for (int i = 0; i < XDP_WANTED_MAX; i++) {
		if (strcmp(value, xdp_wanted_name((enum xdp_wanted)i)))
			continue;
		config->xdp = (enum xdp_wanted)i;
		return 0;
	}
	return config_refuse(why, "\"%s\" is not auto, native, generic or off", value);
}

int config_add_node_port_cidr(struct config *config, const char *value, char *why)
{
	return add_prefix(config->node_port_cidrs, &config->node_port_cidr_count,
			  CONFIG_NODE_PORT_CIDRS_MAX, "192.0.2.0/24", value, why);
}

/* "192.0.2.1:80", or "[fd00::1]:80". */
static int split(char addr[static ADDR_TEXT_MAX], uint64_t *port, const char *value)
{
	const char *colon = strrchr(value, ':');
	size_t length;

	if (!colon)
		return -EINVAL;
	length = (size_t)(colon - value);
	if (*value == '[' && length > 2 && value[length - 1] == ']') {
		value++;
		length -= 2;
	} else if (memchr(value, ':', length)) {
		return -EINVAL;
	}
	if (length >= ADDR_TEXT_MAX)
		return -EINVAL;
	memcpy(addr, value, length);
	addr[length] = '\0';
	return parse_u64(port, colon + 1, PORT_LAST);
}

int config_set_health_address(struct config *config, const char *value, char *why)
{
	char addr[ADDR_TEXT_MAX];
	uint64_t port = 0;

	if (!strcmp(value, "off")) {
		config->health_port = 0;
		return 0;
	}
	if (split(addr, &port, value) < 0 || !port || addr_parse(&config->health_ip, addr) < 0)
		return config_refuse(why, "\"%s\" is not off, nor like 0.0.0.0:10256 or [::]:10256",
				     value);
	config->health_port = (uint16_t)port;
	return 0;
}
