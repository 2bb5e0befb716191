// SPDX-License-Identifier: Apache-2.0
#include "cni/netconf.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/jsoncost.h"

#define MTU_MIN 68
#define MTU_MAX 65535

json_t *netconf_member(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	const char *key;

	if (value)
		return value;
	/* podman writes `hostPort`, containerd the field names of its Go structure. */
	json_object_foreach((json_t *)object, key, value) {
		if (!strcasecmp(key, name))
			return value;
	}
	return NULL;
}

/* A text member, @fallback when it is absent or null. */
static int read_text(const char **ret, const json_t *object, const char *name, const char *fallback,
		     struct cni_error *error)
{
	const json_t *value = netconf_member(object, name);

	if (value && !json_is_null(value) && !json_is_string(value))
		return cni_fail(error, CNI_BAD_CONFIG, "`%s` is not a string", name);
	*ret = json_string_value(value) ?: fallback;
	return 0;
}

static int read_number(int *ret, const json_t *object, const char *name, int min, int max,
		       struct cni_error *error)
{
	const json_t *value = netconf_member(object, name);
	json_int_t number = json_integer_value(value);

	if (value && !json_is_null(value) && !json_is_integer(value))
		return cni_fail(error, CNI_BAD_CONFIG, "`%s` is not a number", name);
	if (number && (number < min || number > max))
		return cni_fail(error, CNI_BAD_CONFIG, "`%s` is not within %d-%d", name, min, max);
	*ret = (int)number;
	return 0;
}

static int check_protocol(char ret[static 5], const char *text, struct cni_error *error)
{
	static const char *const known[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcasecmp(known[i], text)) {
			strcpy(ret, known[i]);
			return 0;
		}
	}
	return cni_fail(error, CNI_BAD_CONFIG, "portMappings: protocol \"%s\" is not known", text);
}

static int read_mapping(struct netconf *conf, const json_t *mapping, struct cni_error *error)
{
	const char *protocol, *host_ip;
	int host_port, container_port, r;
	struct ip_addr addr;
	char proto[5];

	if (!json_is_object(mapping))
		return cni_fail(error, CNI_BAD_CONFIG, "portMappings: an entry is not an object");
	r = read_number(&host_port, mapping, "hostPort", 1, UINT16_MAX, error);
	r = r ?: read_number(&container_port, mapping, "containerPort", 1, UINT16_MAX, error);
	r = r ?: read_text(&protocol, mapping, "protocol", "tcp", error);
	r = r ?: read_text(&host_ip, mapping, "hostIP", "", error);
	r = r ?: check_protocol(proto, *protocol ? protocol : "tcp", error);
	if (r < 0)
		return r;
	if (!host_port)
		return 0; /* a container port that nobody asked to have on the node */
	if (!container_port)
		return cni_fail(error, CNI_BAD_CONFIG, "portMappings: containerPort is missing");
	if (*host_ip && addr_parse(&addr, host_ip) < 0)
		return cni_fail(error, CNI_BAD_CONFIG, "portMappings: hostIP \"%s\" is no address",
				host_ip);
	return json_array_append_new(conf->port_mappings,
				     json_pack("{s:i, s:i, s:s, s:s}", "hostPort", host_port,
					       "containerPort", container_port, "protocol", proto,
					       "hostIP", host_ip));
}

static int read_mappings(struct netconf *conf, const json_t *runtime, struct cni_error *error)
{
	const json_t *mappings = netconf_member(runtime, "portMappings");
	json_t *mapping;
	size_t i;
	int r;

	if (!mappings || json_is_null(mappings))
		return 0;
	if (!json_is_array(mappings))
		return cni_fail(error, CNI_BAD_CONFIG, "portMappings is not an array");
	conf->port_mappings = json_array();
	json_array_foreach(mappings, i, mapping) {
		r = read_mapping(conf, mapping, error);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The capability gives `ADDRESS/BITS` or `ADDRESS`; a pod's own address is all weir needs. */
static int read_ips(struct netconf *conf, const json_t *runtime, struct cni_error *error)
{
	const json_t *ips = netconf_member(runtime, "ips");
	char text[ADDR_TEXT_MAX];
	struct prefix prefix;
	struct ip_addr addr;
	json_t *ip;
	size_t i;

	if (!ips || json_is_null(ips))
		return 0;
	if (!json_is_array(ips))
		return cni_fail(error, CNI_BAD_CONFIG, "runtimeConfig.ips is not an array");
	conf->ips = json_array();
	json_array_foreach(ips, i, ip) {
		const char *given = json_string_value(ip) ?: "";
		size_t length = strcspn(given, "/");

		snprintf(text, sizeof(text), "%.*s", (int)length, given);
		if (length >= sizeof(text) || addr_parse(&addr, text) < 0 ||
		    (given[length] && prefix_parse(&prefix, NULL, given) < 0))
			return cni_fail(error, CNI_BAD_CONFIG,
					"runtimeConfig.ips: \"%s\" is no address", given);
		json_array_append_new(conf->ips, json_string(text));
	}
	return 0;
}

/* weir shapes no traffic: a limit that would silently not hold is refused. */
static int refuse_bandwidth(const json_t *runtime, struct cni_error *error)
{
	const json_t *bandwidth = netconf_member(runtime, "bandwidth");
	static const char *const rates[] = { "ingressRate", "egressRate" };

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (json_number_value(netconf_member(bandwidth, rates[i])) != 0)
			return cni_fail(error, CNI_UNSUPPORTED_FIELD,
					"weir-cni limits no bandwidth: runtimeConfig.bandwidth.%s "
					"must be 0",
					rates[i]);
	return 0;
}

static int read_runtime_config(struct netconf *conf, struct cni_error *error)
{
	const json_t *runtime = json_object_get(conf->root, "runtimeConfig");
	uint8_t mac[MAC_BYTES];
	int r;

	r = refuse_bandwidth(runtime, error);
	r = r ?: read_mappings(conf, runtime, error);
	r = r ?: read_ips(conf, runtime, error);
	r = r ?: read_text(&conf->mac, runtime, "mac", "", error);
	if (r < 0)
		return r;
	if (*conf->mac && mac_parse(mac, conf->mac) < 0)
		return cni_fail(error, CNI_BAD_CONFIG,
				"runtimeConfig.mac \"%s\" is no unicast MAC address", conf->mac);
	return 0;
}

/* An object member, NULL when it is absent or null. */
static int read_object(const json_t **ret, const json_t *root, const char *name,
		       struct cni_error *error)
{
	const json_t *value = json_object_get(root, name);

	*ret = json_is_null(value) ? NULL : value;
	if (*ret && !json_is_object(*ret))
		return cni_fail(error, CNI_BAD_CONFIG, "`%s` is not an object", name);
	return 0;
}

static int read_ipam(struct netconf *conf, struct cni_error *error)
{
	const json_t *ipam;
	int r;

	r = read_object(&ipam, conf->root, "ipam", error);
	r = r ?: read_text(&conf->ipam_type, ipam, "type", NULL, error);
	if (r < 0)
		return r;
	if (conf->ipam_type && !*conf->ipam_type)
		conf->ipam_type = NULL;
	if (conf->ipam_type && strchr(conf->ipam_type, '/'))
		return cni_fail(error, CNI_BAD_CONFIG,
				"ipam.type \"%s\" is not the name of a plugin", conf->ipam_type);
	return 0;
}

/* What every verb needs: where the agent and the delegate are. */
static int read_ways(struct netconf *conf, struct cni_error *error)
{
	int r;

	r = read_text(&conf->socket, conf->root, "socket", NETCONF_SOCKET, error);
	r = r ?: read_ipam(conf, error);
	if (r < 0)
		return r;
	if (conf->socket[0] != '/')
		return cni_fail(error, CNI_BAD_CONFIG, "`socket` \"%s\" is not an absolute path",
				conf->socket);
	/* libcni sends both names; the older alone comes from older ones. */
	conf->valid_attachments = json_object_get(conf->root, "cni.dev/valid-attachments") ?:
					  json_object_get(conf->root, "cni.dev/attachments");
	return 0;
}

static int read_attachment(struct netconf *conf, struct cni_error *error)
{
	int r;

	r = read_text(&conf->pod_namespace, conf->root, "namespace", "default", error);
	r = r ?: read_number(&conf->mtu, conf->root, "mtu", MTU_MIN, MTU_MAX, error);
	r = r ?: read_object(&conf->dns, conf->root, "dns", error);
	r = r ?: read_object(&conf->prev_result, conf->root, "prevResult", error);
	return r ?: read_runtime_config(conf, error);
}

static int read_identity(struct netconf *conf, struct cni_error *error)
{
	const char *version;
	int r;

	r = read_text(&version, conf->root, "cniVersion", "", error);
	if (r < 0)
		return r;
	if (cni_version_parse(&conf->version, version) < 0)
		return cni_fail(error, CNI_INCOMPATIBLE_VERSION,
				"cniVersion \"%s\" is not spoken by weir-cni (0.1.0 to 1.1.0)",
				version);
	r = read_text(&conf->name, conf->root, "name", "", error);
	if (r < 0)
		return r;
	if (!*conf->name)
		return cni_fail(error, CNI_BAD_CONFIG, "missing network name");
	if (cni_check_name(conf->name) < 0)
		return cni_fail(error, CNI_BAD_CONFIG, "invalid network name \"%s\"", conf->name);
	return 0;
}

int netconf_parse(struct netconf *ret, char *text, bool attachment, struct cni_error *error)
{
	json_error_t where;
	int r;

	*ret = (struct netconf){ .text = text, .version = CNI_NEWEST };
	if (json_cost(text, strlen(text)) > NETCONF_COST_MAX)
		return cni_fail(error, CNI_DECODE_FAILURE, "the configuration has too many values");
	ret->root = json_loads(text, 0, &where);
	if (!ret->root)
		return cni_fail(error, CNI_DECODE_FAILURE,
				"the configuration is no JSON: line %d: %s", where.line,
				where.text);
	if (!json_is_object(ret->root))
		return cni_fail(error, CNI_DECODE_FAILURE, "the configuration is not an object");
	r = read_identity(ret, error);
	r = r ?: read_ways(ret, error);
	return r || !attachment ? r : read_attachment(ret, error);
}

void netconf_done(struct netconf *conf)
{
	json_decref(conf->ips);
	json_decref(conf->port_mappings);
	json_decref(conf->root);
	free(conf->text);
	*conf = (struct netconf){};
}
